/** The page's side of the search worker: tasks as promises, with an end for expressions that never come to one. */
import type { Answer, Task } from "./search-worker";
import type { Found, Range, Sought } from "./search";
import type { Piece } from "./store";

const PATIENCE_MS = 4000; // for a thousand lines; a sound expression takes milliseconds

/** The expression takes too long on some line. */
export class TooSlow extends Error {}

type Waiting = { resolve: (answer: Answer) => void; reject: (error: Error) => void };
type TaskOf<T> = T extends Task ? Omit<T, "id"> : never;

export class Searcher {
  private worker: Worker | null = null;
  private readonly waiting = new Map<number, Waiting>();
  private timer: number | null = null;
  private next = 0;

  async search(piece: Piece, sought: Sought, before: string[]): Promise<Found> {
    return (await this.ask({ kind: "search", piece, sought, before })).found!;
  }

  async ranges(lines: string[], sought: Sought): Promise<Range[][]> {
    return (await this.ask({ kind: "ranges", lines, sought })).ranges!;
  }

  close(): void {
    this.worker?.terminate();
    this.worker = null;
    if (this.timer !== null) window.clearTimeout(this.timer);
    this.timer = null;
    for (const { reject } of this.waiting.values()) reject(new TooSlow());
    this.waiting.clear();
  }

  private ask(task: TaskOf<Task>): Promise<Answer> {
    this.worker ??= this.start();
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker!.postMessage({ ...task, id });
      this.watch();
    });
  }

  private start(): Worker {
    const worker = new Worker(new URL("./search-worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      this.waiting.get(data.id)?.resolve(data);
      this.waiting.delete(data.id);
      if (this.timer !== null) window.clearTimeout(this.timer);
      this.timer = null;
      if (this.waiting.size > 0) this.watch();
    };
    return worker;
  }

  /** Time runs from the last answer: what is asked waits in line behind it. */
  private watch(): void {
    this.timer ??= window.setTimeout(() => this.close(), PATIENCE_MS);
  }
}
