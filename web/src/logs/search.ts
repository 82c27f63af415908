/** Which lines of a piece count: by level, by stream, by text. Pure; runs in a worker (search-worker.ts). */
import { plain } from "./ansi";
import { type Level, Levels } from "./level";
import { Flag, type Piece } from "./store";

export type Sought = {
  /** "" for none. */
  text: string;
  regex: boolean;
  matchCase: boolean;
  level: Level | null;
  stream: "stdout" | "stderr" | null;
};

export const NOTHING: Sought = { text: "", regex: false, matchCase: false, level: null, stream: null };

/** `passed`: indices that level and stream let through; `matched`: those of them that have the text, too. */
export type Found = { passed: Uint32Array; matched: Uint32Array };

/** The pattern that a search for text or an expression means; throws SyntaxError for a wrong expression. */
export function compile({ text, regex, matchCase }: Pick<Sought, "text" | "regex" | "matchCase">): RegExp | null {
  if (text === "") return null;
  return new RegExp(regex ? text : text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), matchCase ? "gu" : "giu");
}

/** Whether the lines must be looked at in order to know which are shown. */
export function narrows(sought: Sought): boolean {
  return sought.level !== null || sought.stream !== null;
}

const CONTROLS = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u206f\ufeff]/;

/** `before` are the lines in front of the piece, as far as a level may reach from them. */
export function search(piece: Piece, sought: Sought, before: readonly string[] = []): Found {
  const pattern = compile(sought);
  if (pattern !== null && !sought.regex && !narrows(sought) && !CONTROLS.test(piece.text)) {
    return { passed: all(piece.count), matched: literal(piece, pattern) };
  }
  const lines = piece.text.split("\n");
  const passed: number[] = [];
  const matched: number[] = [];
  const levels = new Levels();
  for (const line of before) levels.of(plain(line));
  for (let at = 0; at < piece.count; at += 1) {
    const flags = piece.flags[at] ?? 0;
    const line = plain(lines[at] ?? "");
    const level = sought.level === null || flags & Flag.GAP ? sought.level : levels.of(line);
    if (sought.stream !== null && ((flags & Flag.STDERR) !== 0) !== (sought.stream === "stderr")) continue;
    if (level !== sought.level) continue;
    passed.push(at);
    if (pattern === null) continue;
    pattern.lastIndex = 0;
    if (pattern.test(line)) matched.push(at);
  }
  return { passed: Uint32Array.from(passed), matched: Uint32Array.from(matched) };
}

function all(count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, at) => at);
}

/** Text without a newline cannot match across lines, so the piece is searched as a whole. */
function literal({ text }: Piece, pattern: RegExp): Uint32Array {
  const matched: number[] = [];
  let line = 0;
  let end = text.indexOf("\n");
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    while (end >= 0 && end < match.index) {
      line += 1;
      end = text.indexOf("\n", end + 1);
    }
    matched.push(line);
    if (end < 0) break;
    pattern.lastIndex = end + 1; // one match per line is enough
    line += 1;
    end = text.indexOf("\n", end + 1);
  }
  return Uint32Array.from(matched);
}

export type Range = readonly [from: number, to: number];
const MOST_RANGES = 500;

/** Where the pattern is in a line. */
export function ranges(line: string, pattern: RegExp): Range[] {
  const found: Range[] = [];
  pattern.lastIndex = 0;
  for (let match = pattern.exec(line); match !== null && found.length < MOST_RANGES; match = pattern.exec(line)) {
    if (match[0] === "") pattern.lastIndex += 1;
    else found.push([match.index, match.index + match[0].length]);
  }
  return found;
}
