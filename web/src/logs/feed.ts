/**
 * Brings the lines of one attempt into a store: its end first, then what comes live, and what is looked at.
 *
 * Frames of the stream wait in line and are read for a few milliseconds per frame of the screen, so that a job that
 * writes a hundred thousand lines a second does not stop the page. After a break the stream goes on behind the last
 * line that is here.
 */
import { waitBefore } from "@/api/backoff";
import { address, api } from "@/api/client";
import { ApiError } from "@/api/errors";
import type { JobState, LogFrame, LogPage } from "@/api/types";
import { LogStore } from "./store";

export type FeedState = "loading" | "live" | "reconnecting" | "ended" | "failed";

export type Transport = {
  page: (query: Record<string, number>, signal: AbortSignal) => Promise<LogPage>;
  open: (from: string | null) => WebSocket;
};

export function transport(job: string): Transport {
  return {
    page: (query, signal) => api<LogPage>(`/jobs/${encodeURIComponent(job)}/logs`, { query, signal }),
    open: (from) => {
      const url = new URL(address(`/jobs/${encodeURIComponent(job)}/logs/live`, { from }), window.location.href);
      url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
      return new WebSocket(url);
    },
  };
}

const TAIL = 2000;
const WINDOW = 2048; // lines of a page
const BULK = 4 * WINDOW; // more than this comes quicker as a stream
const BUDGET_MS = 7; // of a frame's 16
const HIDDEN_MS = 200; // between looks while nobody sees the page
const MOST_CHARS = 200 * 1024 * 1024;

export class LogFeed {
  readonly store = new LogStore();
  state: FeedState = "loading";
  error: unknown = null;
  /** How the job ended, once it has. */
  end: JobState | null = null;
  /** The newest attempt that the stream has spoken of. */
  newest: number;
  /** Lines that are looked at, by eyes and by a search; what is far from both may be dropped. */
  readonly points: { view: number | null; search: number | null } = { view: null, search: null };
  private readonly listeners = new Set<() => void>();
  private closing = new AbortController();
  private readonly loads = new Map<number, Promise<void>>();
  private frames: string[] = [];
  private socket: WebSocket | null = null;
  private tries = 0;
  private timer: number | null = null;
  private drawing: { frame: number; timer: number } | null = null;
  private streamed: number;

  constructor(
    public attempt: number,
    private readonly ways: Transport,
  ) {
    this.newest = attempt;
    this.streamed = attempt;
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Read the end of what is stored, then follow. */
  async start(): Promise<void> {
    if (this.closing.signal.aborted) this.closing = new AbortController();
    const { signal } = this.closing;
    try {
      const page = await this.ways.page({ ...this.which(), tail: TAIL }, signal);
      if (signal.aborted) return;
      if (this.attempt === 0) this.begin(page.attempt);
      this.store.addPage(page);
      this.tries = 0;
      if (page.ended) this.become("ended");
      else this.connect();
    } catch (error) {
      if (signal.aborted) return;
      const passing = error instanceof ApiError && error.isPassing;
      this.error = error;
      this.become(passing ? "reconnecting" : "failed");
      if (passing) this.timer = window.setTimeout(() => void this.start(), waitBefore(this.tries++));
    }
  }

  /** Have the lines from `from` to `to` in the store. */
  async load(from: number, to: number): Promise<void> {
    if (to - from >= BULK) return this.bulk(from, to);
    const windows: Promise<void>[] = [];
    for (let at = Math.floor((from - 1) / WINDOW); at <= Math.floor((to - 1) / WINDOW); at += 1) {
      if (this.store.missing(at * WINDOW + 1, Math.min((at + 1) * WINDOW, this.store.last)) === null) continue;
      let load = this.loads.get(at);
      if (load === undefined) {
        load = this.read(at).finally(() => this.loads.delete(at));
        this.loads.set(at, load);
      }
      windows.push(load);
    }
    await Promise.all(windows);
  }

  /** Many lines: the stream carries them in columns, several times as fast as pages. */
  private bulk(from: number, to: number): Promise<void> {
    const { signal } = this.closing;
    return new Promise((resolve, reject) => {
      const socket = this.ways.open(`${this.attempt}:${from - 1}`);
      const end = (error?: Error) => {
        socket.onclose = null;
        socket.close();
        signal.removeEventListener("abort", stop);
        this.changed();
        if (error) reject(error);
        else resolve();
      };
      const stop = () => end(new DOMException("closed", "AbortError"));
      signal.addEventListener("abort", stop);
      socket.onmessage = ({ data }: MessageEvent<string>) => {
        const frame = JSON.parse(data) as LogFrame;
        if (frame.type === "lines" && frame.attempt === this.attempt) {
          this.store.append(frame);
          if (frame.first + frame.lines.length > to) end();
        } else if (frame.type === "gap" && frame.attempt === this.attempt) {
          this.store.addGap(frame);
          if (frame.sequence >= to) end();
        } else if (frame.type === "end" || (frame.type === "attempt" && frame.attempt > this.attempt)) end();
      };
      socket.onclose = () => end(new ApiError(0, "", "network"));
    });
  }

  close(): void {
    this.closing.abort();
    this.listeners.clear();
    this.drop();
    if (this.timer !== null) window.clearTimeout(this.timer);
    this.unschedule();
  }

  private which(): Record<string, number> {
    return this.attempt > 0 ? { attempt: this.attempt } : {};
  }

  private async read(window: number): Promise<void> {
    let after = window * WINDOW;
    const end = Math.min(after + WINDOW, this.store.last);
    while (after < end) {
      const gap = this.store.missing(after + 1, end, WINDOW);
      if (gap === null) return;
      const query = { ...this.which(), after: gap.from - 1, limit: gap.to - gap.from + 1 };
      const page = await this.ways.page(query, this.closing.signal);
      this.store.addPage(page);
      this.changed();
      if (page.next_after <= after) throw new Error(`lines after ${after} are not given out`);
      after = page.next_after;
    }
  }

  private connect(): void {
    const from = this.attempt > 0 ? `${this.attempt}:${this.store.last}` : null;
    const socket = this.ways.open(from);
    this.socket = socket;
    socket.onopen = () => {
      this.tries = 0;
      this.become("live");
    };
    socket.onmessage = ({ data }: MessageEvent<string>) => {
      this.frames.push(data);
      this.schedule();
    };
    socket.onclose = ({ code }) => {
      if (this.socket !== socket) return;
      this.socket = null;
      this.readAll();
      if (this.state === "ended") return;
      this.become("reconnecting");
      this.timer = window.setTimeout(() => void this.again(code), waitBefore(this.tries++));
    };
  }

  /** After a break: ask in a way that tells why not, then follow from the last line here. */
  private async again(code: number): Promise<void> {
    if (this.tries > 1 || code === 4000) {
      try {
        await this.ways.page({ ...this.which(), after: this.store.last, limit: 1 }, this.closing.signal);
      } catch (error) {
        if (this.closing.signal.aborted) return;
        if (error instanceof ApiError && !error.isPassing) {
          this.error = error;
          this.become("failed");
          return;
        }
        this.timer = window.setTimeout(() => void this.again(code), waitBefore(this.tries++));
        return;
      }
    }
    this.connect();
  }

  private drop(): void {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  /** With the next frame of the screen; a page that nobody sees has none, but must not let frames pile up either. */
  private schedule(): void {
    if (this.drawing !== null) return;
    const draw = () => {
      this.unschedule();
      const until = document.hidden ? Infinity : performance.now() + BUDGET_MS;
      let at = 0;
      while (at < this.frames.length && (at === 0 || performance.now() < until)) this.take(this.frames[at++]!);
      this.frames = at === this.frames.length ? [] : this.frames.slice(at);
      if (this.frames.length > 0) this.schedule();
      this.changed();
    };
    this.drawing = { frame: requestAnimationFrame(draw), timer: window.setTimeout(draw, HIDDEN_MS) };
  }

  private unschedule(): void {
    if (this.drawing === null) return;
    cancelAnimationFrame(this.drawing.frame);
    window.clearTimeout(this.drawing.timer);
    this.drawing = null;
  }

  private readAll(): void {
    for (const frame of this.frames) this.take(frame);
    this.frames = [];
    this.changed();
  }

  private take(text: string): void {
    const frame = JSON.parse(text) as LogFrame;
    switch (frame.type) {
      case "attempt":
        this.streamed = frame.attempt;
        this.newest = Math.max(this.newest, frame.attempt);
        if (this.attempt === 0) this.begin(frame.attempt);
        break;
      case "lines":
        if (frame.attempt === this.attempt) this.store.append(frame);
        break;
      case "gap":
        if (frame.attempt === this.attempt) this.store.addGap(frame);
        break;
      case "end":
        this.end = frame.state as JobState;
        this.become("ended");
        this.drop();
        break;
      case "alive":
        break;
    }
    // a later attempt's lines belong to another feed: this one has its end
    if (this.streamed > this.attempt && this.attempt > 0) {
      this.become("ended");
      this.drop();
    }
  }

  private begin(attempt: number): void {
    this.attempt = attempt;
    this.newest = Math.max(this.newest, attempt);
    this.streamed = attempt;
  }

  private become(state: FeedState): void {
    this.state = state;
    if (state === "live" || state === "ended") this.error = null;
    this.changed();
  }

  private changed(): void {
    const { view, search } = this.points;
    this.store.shrink([view ?? this.store.last, search ?? this.store.last], MOST_CHARS);
    for (const listener of this.listeners) listener();
  }
}
