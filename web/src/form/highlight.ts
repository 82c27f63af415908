/** Light colouring of scripts: comments, strings, keywords, numbers, variables. Enough to see a quote left open. */

export type Tongue = "shell" | "python" | "javascript" | "none";
export type Token = { kind: "comment" | "string" | "keyword" | "number" | "variable" | "plain"; text: string };

const words = (list: string) => `\\b(?:${list.split(" ").join("|")})\\b`;

const RULES: Record<Exclude<Tongue, "none">, RegExp> = {
  shell: new RegExp(
    [
      "(?<comment>(?<=^|\\s)#[^\\n]*)",
      `(?<string>'[^']*'?|"(?:\\\\[\\s\\S]|[^"\\\\])*"?)`,
      "(?<variable>\\$(?:\\{[^}\\n]*\\}?|\\w+|[@*#?$!-]))",
      `(?<keyword>${words("if then elif else fi for while until do done case esac in function select time return exit export local readonly set unset trap shift source echo cd")})`,
      "(?<number>(?<![\\w.-])\\d+(?:\\.\\d+)?\\b)",
    ].join("|"),
    "gm",
  ),
  python: new RegExp(
    [
      "(?<comment>#[^\\n]*)",
      `(?<string>[rbfRBF]{0,2}(?:"""[\\s\\S]*?(?:"""|$(?![\\s\\S]))|'''[\\s\\S]*?(?:'''|$(?![\\s\\S]))|"(?:\\\\.|[^"\\\\\\n])*"?|'(?:\\\\.|[^'\\\\\\n])*'?))`,
      `(?<keyword>${words("False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda match nonlocal not or pass raise return try while with yield")})`,
      "(?<variable>\\b(?:self|cls|__\\w+__)\\b|@\\w[\\w.]*)",
      "(?<number>\\b(?:0[xob][\\da-fA-F_]+|\\d[\\d_]*(?:\\.\\d+)?(?:e[+-]?\\d+)?)\\b)",
    ].join("|"),
    "gm",
  ),
  javascript: new RegExp(
    [
      "(?<comment>//[^\\n]*|/\\*[\\s\\S]*?(?:\\*/|$(?![\\s\\S])))",
      "(?<string>`(?:\\\\[\\s\\S]|[^`\\\\])*`?|\"(?:\\\\.|[^\"\\\\\\n])*\"?|'(?:\\\\.|[^'\\\\\\n])*'?)",
      `(?<keyword>${words("async await break case catch class const continue debugger default delete do else export extends false finally for from function if import in instanceof let new null of return static super switch this throw true try typeof undefined var void while with yield")})`,
      "(?<variable>\\b(?:process|console|require|module|exports|globalThis)\\b)",
      "(?<number>\\b(?:0[xob][\\da-fA-F_]+|\\d[\\d_]*(?:\\.\\d+)?(?:e[+-]?\\d+)?)n?\\b)",
    ].join("|"),
    "gm",
  ),
};

const LONGEST = 50_000; // beyond, colours would cost more than they help

export function tokens(text: string, tongue: Tongue): Token[] {
  if (tongue === "none" || text.length > LONGEST) return [{ kind: "plain", text }];
  const found: Token[] = [];
  let from = 0;
  for (const match of text.matchAll(RULES[tongue])) {
    if (match.index > from) found.push({ kind: "plain", text: text.slice(from, match.index) });
    const kind = Object.keys(match.groups ?? {}).find((name) => match.groups?.[name] !== undefined);
    found.push({ kind: (kind ?? "plain") as Token["kind"], text: match[0] });
    from = match.index + match[0].length;
  }
  if (from < text.length) found.push({ kind: "plain", text: text.slice(from) });
  return found;
}

/** The tongue of a script by who reads it. */
export function tongueOf(interpreter: string): Tongue {
  const name = interpreter.split("/").at(-1) ?? "";
  if (/^(ba|da|z|k|a)?sh$/.test(name)) return "shell";
  if (/^python/.test(name)) return "python";
  if (/^(node|deno|bun)/.test(name)) return "javascript";
  return "none";
}
