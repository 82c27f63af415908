/** What a log is narrowed to, as it stands in the address: `q=text&level=error`. */
import { one } from "@/search";
import { Level } from "./level";
import type { Sought } from "./search";

export type LogSearch = { q?: string; regex?: string; case?: string; level?: string; stream?: string; only?: string };

const LEVELS = Object.keys(Level).filter((name) => name !== "NONE") as Exclude<keyof typeof Level, "NONE">[];

export function logSearchOf(search: Record<string, unknown>): LogSearch {
  const found: LogSearch = {};
  for (const name of ["q", "regex", "case", "level", "stream", "only"] as const) {
    const value = one(search[name]);
    if (value !== undefined) found[name] = value;
  }
  return found;
}

export function soughtOf(search: LogSearch): Sought {
  const level = LEVELS.find((name) => name === search.level?.toUpperCase());
  const { stream } = search;
  return {
    text: search.q ?? "",
    regex: search.regex === "1",
    matchCase: search.case === "1",
    level: level === undefined ? null : Level[level],
    stream: stream === "stdout" || stream === "stderr" ? stream : null,
  };
}

export function addressOf(sought: Sought, only: boolean): LogSearch {
  const level = LEVELS.find((name) => Level[name] === sought.level);
  return {
    q: sought.text || undefined,
    regex: sought.regex ? "1" : undefined,
    case: sought.matchCase ? "1" : undefined,
    level: level?.toLowerCase(),
    stream: sought.stream ?? undefined,
    only: only ? "1" : undefined,
  };
}

