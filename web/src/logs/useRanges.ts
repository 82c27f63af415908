import { useEffect, useReducer, useRef } from "react";
import { plain } from "./ansi";
import type { Finder } from "./finder";
import { compile, type Range, ranges } from "./search";
import type { Searcher } from "./searcher";
import type { LogStore } from "./store";

const MOST_KEPT = 2000;

/**
 * Where the matches are in lines that are seen. Plain text is looked for at once; expressions in the worker, because
 * one of them may never come to an end.
 */
export function useRanges(finder: Finder | null, searcher: Searcher, store: LogStore) {
  const kept = useRef<{ of: Finder | null; lines: Map<number, readonly Range[]> }>({ of: null, lines: new Map() });
  const wanted = useRef<number[]>([]);
  const [, draw] = useReducer((n: number) => n + 1, 0);
  if (kept.current.of !== finder || kept.current.lines.size > MOST_KEPT) kept.current = { of: finder, lines: new Map() };
  wanted.current = [];

  const rangesOf = (sequence: number): readonly Range[] | null => {
    if (finder === null || finder.sought.text === "" || !finder.matched.has(sequence)) return null;
    const known = kept.current.lines.get(sequence);
    if (known !== undefined) return known;
    if (finder.sought.regex) {
      wanted.current.push(sequence);
      return null;
    }
    const found = ranges(plain(store.line(sequence)), compile(finder.sought)!);
    kept.current.lines.set(sequence, found);
    return found;
  };

  useEffect(() => {
    const asked = wanted.current;
    const { lines, of } = kept.current;
    if (asked.length === 0 || of === null) return;
    for (const sequence of asked) lines.set(sequence, []); // asked for once
    searcher
      .ranges(asked.map((sequence) => plain(store.line(sequence))), of.sought)
      .then((found) => {
        asked.forEach((sequence, at) => lines.set(sequence, found[at] ?? []));
        draw();
      })
      .catch(() => undefined); // the finder tells of an expression that takes too long
  });

  return rangesOf;
}
