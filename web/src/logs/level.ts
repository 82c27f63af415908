/**
 * Levels of log lines, recognised from the text as programs commonly write it. The same words count as in
 * `hodei_domain.logs.level`; here the text comes without its colours.
 */

/** 0 is "not looked at yet" in the store. */
export const Level = { NONE: 1, ERROR: 2, WARN: 3, INFO: 4, DEBUG: 5 } as const;
export type Level = (typeof Level)[keyof typeof Level];

const WINDOW = 256; // a level stands at the front of a line; further words are prose
const WORDS: Record<string, Level> = {
  emerg: Level.ERROR,
  alert: Level.ERROR,
  panic: Level.ERROR,
  fatal: Level.ERROR,
  critical: Level.ERROR,
  crit: Level.ERROR,
  severe: Level.ERROR,
  error: Level.ERROR,
  err: Level.ERROR,
  warning: Level.WARN,
  warn: Level.WARN,
  notice: Level.INFO,
  info: Level.INFO,
  debug: Level.DEBUG,
  trace: Level.DEBUG,
};
const ANY = Object.keys(WORDS)
  .sort((a, b) => b.length - a.length)
  .join("|");
const UPPER = new RegExp(`\\b(?:${ANY.toUpperCase()})\\b`);
const MARKED = new RegExp(
  `(?:level|lvl|severity)["']?\\s*[=:]\\s*["']?(${ANY})\\b|[[<(]\\s*(${ANY})\\s*[\\])>]|^\\s*(${ANY})\\s*:`,
);

/** The level that a line names. The first in the front of the line counts. */
export function levelOf(line: string): Level {
  const front = line.length > WINDOW ? line.slice(0, WINDOW) : line;
  const shout = UPPER.exec(front);
  const marked = MARKED.exec(front.toLowerCase());
  if (shout === null && marked === null) return Level.NONE;
  const word =
    marked === null || (shout !== null && shout.index <= marked.index)
      ? shout![0].toLowerCase()
      : (marked[1] ?? marked[2] ?? marked[3])!;
  return WORDS[word] ?? Level.NONE;
}

const TRACEBACK = /^\s*Traceback \(most recent call last\):/;
const CHAINED = /^(During handling of the above exception|The above exception was the direct cause)/;
const CONTINUED = /^(\s+\S|Caused by: )/; // indented, as stacks are, or the cause that follows one

/** Levels of lines in their order: a line without one belongs to the line before where it is its continuation. */
export class Levels {
  private last: Level = Level.NONE;
  private inTraceback = false;

  of(line: string): Level {
    if (TRACEBACK.test(line)) {
      this.inTraceback = true;
      return (this.last = Level.ERROR);
    }
    if (this.inTraceback) {
      this.inTraceback = line === "" || /^\s/.test(line); // the line that names the exception is its end
      return (this.last = Level.ERROR);
    }
    const own = levelOf(line);
    if (own !== Level.NONE) return (this.last = own);
    if (this.last !== Level.NONE && CONTINUED.test(line)) return this.last;
    if (this.last === Level.ERROR && (line === "" || CHAINED.test(line))) return this.last;
    return (this.last = Level.NONE);
  }
}
