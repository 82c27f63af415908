/** The lines of a `.env` file: `NAME=value`, `export NAME=value`, quotes, comments. */

export type Variable = { name: string; value: string };

const ASSIGNMENT = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=\s*/;
const ESCAPES: Record<string, string> = { n: "\n", r: "\r", t: "\t", '"': '"', "\\": "\\", $: "$", "`": "`" };

/** Variables in order, the last of one name wins; and the numbers of lines that are none. */
export function parseEnv(text: string): { variables: Variable[]; wrong: number[] } {
  const found = new Map<string, string>();
  const wrong: number[] = [];
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at]!;
    if (/^\s*(#|$)/.test(line)) continue;
    const match = ASSIGNMENT.exec(line);
    if (match === null) {
      wrong.push(at + 1);
      continue;
    }
    const rest = line.slice(match[0].length);
    const mark = rest[0];
    if (mark !== '"' && mark !== "'") {
      found.set(match[1]!, rest.replace(/(^|\s)#.*$/, "").trimEnd());
      continue;
    }
    // a quoted value may go over several lines
    let value = rest.slice(1);
    let end = closing(value, mark);
    let last = at;
    while (end < 0 && last + 1 < lines.length) {
      value += `\n${lines[(last += 1)]!}`;
      end = closing(value, mark);
    }
    if (end < 0 || !/^\s*(#.*)?$/.test(value.slice(end + 1))) {
      wrong.push(at + 1);
      continue;
    }
    at = last;
    const inside = value.slice(0, end);
    found.set(match[1]!, mark === "'" ? inside : inside.replace(/\\([nrt"\\$`])/g, (_, c: string) => ESCAPES[c]!));
  }
  return { variables: [...found].map(([name, value]) => ({ name, value })), wrong };
}

function closing(text: string, mark: string): number {
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === "\\" && mark === '"') at += 1;
    else if (text[at] === mark) return at;
  }
  return -1;
}

/** Whether pasted text is meant as a file of variables and not as a single name or value. */
export function looksLikeEnv(text: string): boolean {
  const { variables, wrong } = parseEnv(text);
  return variables.length > 0 && (variables.length > 1 || text.trim().includes("=")) && wrong.length === 0;
}

/** Put `added` into `before`: equal names get the new value, empty rows are filled first. */
export function merged(before: readonly Variable[], added: readonly Variable[]): Variable[] {
  const result = before.filter(({ name, value }) => name !== "" || value !== "").map((one) => ({ ...one }));
  for (const { name, value } of added) {
    const old = result.find((one) => one.name === name);
    if (old) old.value = value;
    else result.push({ name, value });
  }
  return result;
}
