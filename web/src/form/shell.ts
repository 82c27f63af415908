/** Words as a POSIX shell reads and writes them. */

const SAFE = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** A word that any POSIX shell takes as it is. */
export function quote(word: string): string {
  if (SAFE.test(word)) return word;
  return `'${word.replaceAll("'", "'\\''")}'`;
}

export function quoteAll(words: readonly string[]): string {
  return words.map(quote).join(" ");
}

/** An open quote in a line of words. */
export class OpenQuote extends Error {}

/** A line in words; quotes and backslashes as in a shell, nothing is expanded. */
export function split(line: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  for (let at = 0; at < line.length; at += 1) {
    const c = line[at]!;
    if (/\s/.test(c)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (c === "'") {
      const end = line.indexOf("'", at + 1);
      if (end < 0) throw new OpenQuote("'");
      word = (word ?? "") + line.slice(at + 1, end);
      at = end;
    } else if (c === '"') {
      word ??= "";
      for (at += 1; line[at] !== '"'; at += 1) {
        if (at >= line.length) throw new OpenQuote('"');
        if (line[at] === "\\" && '"\\$`\n'.includes(line[at + 1] ?? "x")) at += 1;
        word += line[at];
      }
    } else if (c === "\\") {
      at += 1;
      if (line[at] !== "\n") word = (word ?? "") + (line[at] ?? "\\");
    } else word = (word ?? "") + c;
  }
  if (word !== null) words.push(word);
  return words;
}
