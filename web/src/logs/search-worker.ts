/** Searches off the page's thread, so that neither a long log nor a slow expression stops it. */
import { compile, type Found, type Range, ranges, search, type Sought } from "./search";
import type { Piece } from "./store";

export type Task =
  | { id: number; kind: "search"; piece: Piece; sought: Sought; before: string[] }
  | { id: number; kind: "ranges"; lines: string[]; sought: Sought };
export type Answer = { id: number; found?: Found; ranges?: Range[][] };

self.onmessage = ({ data: task }: MessageEvent<Task>) => {
  if (task.kind === "search") {
    self.postMessage({ id: task.id, found: search(task.piece, task.sought, task.before) } satisfies Answer);
  } else {
    const pattern = compile(task.sought);
    const found = task.lines.map((line) => (pattern === null ? [] : ranges(line, pattern)));
    self.postMessage({ id: task.id, ranges: found } satisfies Answer);
  }
};
