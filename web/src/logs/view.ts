/** Which lines are shown, in which row: all of them, or those that a search has found. */
import type { Sequences } from "./sequences";

export type View = {
  rows: number;
  /** The line in a row. */
  at: (row: number) => number;
  /** The row of a line, or of the first one after it that is shown. */
  rowOf: (sequence: number) => number;
};

/** Lines after `floor` up to `last`, of `only` if it is given. */
export function viewOf(floor: number, last: number, only: Sequences | null): View {
  if (only === null) {
    const rows = Math.max(0, last - floor);
    return {
      rows,
      at: (row) => floor + 1 + row,
      rowOf: (sequence) => Math.max(0, Math.min(rows - 1, sequence - floor - 1)),
    };
  }
  const from = only.indexOf(floor + 1);
  const rows = only.indexOf(last + 1) - from;
  return {
    rows,
    at: (row) => only.at(from + row),
    rowOf: (sequence) => Math.max(0, Math.min(rows - 1, only.indexOf(sequence) - from)),
  };
}

/** `#A2L123`: line 123 of attempt 2. */
export function lineOf(hash: string): { attempt: number; line: number } | null {
  const match = /^#?A(\d{1,7})L(\d{1,12})$/.exec(hash);
  return match === null ? null : { attempt: Number(match[1]), line: Number(match[2]) };
}

export function hashOf(attempt: number, line: number): string {
  return `A${attempt}L${line}`;
}
