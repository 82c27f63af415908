/** Which lines are shown, in which row: all of them, or those that a search has found. */
import type { Sequences } from "./sequences";

export type View = {
  rows: number;
  /** The line in a row. */
  at: (row: number) => number;
  /** The row of a line, or of the first one after it that is shown. */
  rowOf: (sequence: number) => number;
};

/** Lines after `floor` up to `last`, of `only` if it is given; else all but the `continued` ones, which are in order. */
export function viewOf(floor: number, last: number, only: Sequences | null, continued: readonly number[] = []): View {
  if (only === null) {
    const before = below(continued, floor + 1);
    const left = (sequence: number) => below(continued, sequence) - before; // how many in front of it have no row
    const rows = Math.max(0, last - floor - left(last + 1));
    return {
      rows,
      at: (row) => {
        let [low, high] = [floor + 1 + row, floor + 1 + row + continued.length - before];
        while (low < high) {
          const middle = (low + high) >> 1;
          if (middle - floor - left(middle + 1) > row) high = middle;
          else low = middle + 1;
        }
        return low;
      },
      rowOf: (sequence) => Math.max(0, Math.min(rows - 1, sequence - floor - 1 - left(sequence))),
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

/** How many of the numbers are below this one. */
function below(numbers: readonly number[], number: number): number {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle]! < number) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** `#A2L123`: line 123 of attempt 2. */
export function lineOf(hash: string): { attempt: number; line: number } | null {
  const match = /^#?A(\d{1,7})L(\d{1,12})$/.exec(hash);
  return match === null ? null : { attempt: Number(match[1]), line: Number(match[2]) };
}

export function hashOf(attempt: number, line: number): string {
  return `A${attempt}L${line}`;
}
