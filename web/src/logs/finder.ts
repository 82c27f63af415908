/**
 * Goes through a log from its first line to its last and keeps which lines count, then follows what comes.
 * Lines that this page does not have are asked for on the way.
 */
import type { Found, Sought } from "./search";
import { Sequences } from "./sequences";
import type { LogStore, Piece } from "./store";

type Ways = {
  store: LogStore;
  search: (piece: Piece, sought: Sought, before: string[]) => Promise<Found>;
  /** Resolves when the lines are in the store. */
  load: (from: number, to: number) => Promise<void>;
  changed: () => void;
};

const MOST_AT_ONCE = 100_000; // lines that are asked for together
const REACH = 100; // lines of a stack trace that a piece may begin in the middle of
const AT_ONCE = 4; // pieces on their way, so that neither side waits for the other

export class Finder {
  readonly passed = new Sequences();
  readonly matched = new Sequences();
  /** Every line up to this one was looked at. */
  reached: number;
  error: unknown = null;
  private running = false;
  private stopped = false;

  constructor(
    readonly sought: Sought,
    from: number,
    private readonly ways: Ways,
  ) {
    this.reached = from - 1;
  }

  get isDone(): boolean {
    return this.error !== null || this.reached >= this.ways.store.last;
  }

  /** Go on; to be called when the log has grown. */
  wake(): void {
    if (this.running || this.stopped || this.error !== null || this.isDone) return;
    this.running = true;
    void this.run()
      .catch((error: unknown) => {
        this.error = error;
        this.ways.changed();
      })
      .finally(() => {
        this.running = false;
        this.wake(); // the log may have grown after the last look
      });
  }

  stop(): void {
    this.stopped = true;
  }

  private async run(): Promise<void> {
    const { store, search } = this.ways;
    const coming: [Piece, Promise<Found>][] = [];
    let next = this.reached + 1;
    try {
      while (!this.stopped && (next <= store.last || coming.length > 0)) {
        while (coming.length < AT_ONCE && next <= store.last) {
          const piece = store.piece(next);
          if (piece === null) {
            if (coming.length > 0) break; // first what is at hand
            await this.fetch(next);
            if (this.stopped) return;
            continue;
          }
          coming.push([piece, search(piece, this.sought, this.before(next))]);
          next += piece.count;
        }
        const [piece, promise] = coming.shift()!;
        this.take(piece, await promise);
      }
    } finally {
      for (const [, promise] of coming) promise.catch(() => undefined);
    }
  }

  /** Lines in front of this one that may say which level it has. */
  private before(next: number): string[] {
    if (this.sought.level === null) return [];
    const first = Math.max(1, next - REACH);
    return Array.from({ length: next - first }, (_, at) => this.ways.store.text(first + at));
  }

  private async fetch(from: number): Promise<void> {
    const { store, load } = this.ways;
    const gap = store.missing(from, store.last, MOST_AT_ONCE);
    if (gap === null) return;
    await load(gap.from, gap.to);
    if (!store.has(from)) throw new Error(`line ${from} is not given out`);
  }

  private take(piece: Piece, found: Found): void {
    if (this.stopped) return;
    this.passed.add(piece.first, found.passed);
    this.matched.add(piece.first, found.matched);
    this.reached = piece.first + piece.count - 1;
    this.ways.changed();
  }
}
