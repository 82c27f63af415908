import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "@/api/errors";
import type { LogFrame, LogPage } from "@/api/types";
import { LogFeed, type Transport } from "@/logs/feed";

/** A stream that the test speaks for. */
class Line {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  closed = false;
  constructor(readonly from: string | null) {}
  open() {
    this.onopen?.();
  }
  say(...frames: LogFrame[]) {
    for (const frame of frames) this.onmessage?.({ data: JSON.stringify(frame) });
  }
  breakOff(code = 1006) {
    this.onclose?.({ code });
  }
  close() {
    this.closed = true;
  }
}

const text = (sequence: number) => `line ${sequence}`;

function lines(first: number, count: number, attempt = 1): LogFrame {
  return {
    type: "lines", attempt, first, base_time: 1000, stderr: [], partial: [], platform: [],
    times: Array.from({ length: count }, (_, at) => at),
    lines: Array.from({ length: count }, (_, at) => text(first + at)),
  };
}

/** A server with so many stored lines. */
function server(stored: number, { attempt = 1, ended = false } = {}) {
  const state = { stored, ended, attempt, away: false, asked: [] as Record<string, number>[], streams: [] as Line[] };
  const page = (query: Record<string, number>): Promise<LogPage> => {
    state.asked.push(query);
    if (state.away) return Promise.reject(new ApiError(0, "", "network"));
    const from = query["tail"] ? Math.max(1, state.stored - query["tail"] + 1) : query["after"]! + 1;
    const to = query["tail"] ? state.stored : Math.min(state.stored, query["after"]! + query["limit"]!);
    const found = Array.from({ length: Math.max(0, to - from + 1) }, (_, at) => from + at);
    return Promise.resolve({
      attempt: state.attempt, first: from, next_after: Math.max(to, from - 1), last_sequence: state.stored, has_more: false, ended: state.ended,
      lines: found.map((sequence) => ({ sequence, text: text(sequence), time: "2026-01-01T00:00:00Z", stream: "stdout" as const, level: null })),
    });
  };
  const ways: Transport = {
    page,
    open: (from) => {
      const line = new Line(from);
      state.streams.push(line);
      return line as unknown as WebSocket;
    },
  };
  return { state, ways };
}

/** Every line from the first to the last is there and is the right one. */
function expectAll(feed: LogFeed, last: number) {
  expect(feed.store.last).toBe(last);
  for (let sequence = 1; sequence <= last; sequence += 1) expect(feed.store.text(sequence)).toBe(text(sequence));
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("the feed of a log", () => {
  it("reads the end that is stored, then what comes behind it", async () => {
    const { state, ways } = server(10);
    const feed = new LogFeed(0, ways);
    await feed.start();
    expect(state.streams.map(({ from }) => from)).toEqual(["1:10"]);
    state.streams[0]!.open();
    state.streams[0]!.say({ type: "attempt", attempt: 1 }, lines(11, 5));
    await vi.advanceTimersByTimeAsync(50);
    expect(feed.state).toBe("live");
    expectAll(feed, 15);
    feed.close();
  });

  it("goes on behind the last line after a break, without loss and without doubles", async () => {
    const { state, ways } = server(3);
    const feed = new LogFeed(1, ways);
    await feed.start();
    state.streams[0]!.open();
    state.streams[0]!.say(lines(4, 4));
    state.streams[0]!.breakOff(1001); // what was said before counts, though no frame of the screen has come since
    expect(feed.store.last).toBe(7);
    expect(feed.state).toBe("reconnecting");
    await vi.advanceTimersByTimeAsync(20_000);
    const again = state.streams.at(-1)!;
    expect(again.from).toBe("1:7");
    again.open();
    again.say(lines(6, 10));
    await vi.advanceTimersByTimeAsync(50);
    expectAll(feed, 15);
    feed.close();
  });

  it("waits for a server that is away, and says what it answers when it refuses", async () => {
    const { state, ways } = server(3);
    const feed = new LogFeed(1, ways);
    await feed.start();
    state.away = true;
    state.streams[0]!.breakOff();
    await vi.advanceTimersByTimeAsync(1000);
    state.streams.at(-1)!.breakOff();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(feed.state).toBe("reconnecting");
    const tries = state.streams.length;
    state.away = false;
    await vi.advanceTimersByTimeAsync(20_000);
    expect(state.streams.length).toBe(tries + 1);

    ways.page = () => Promise.reject(new ApiError(404, "there is no such job", "job.not-found"));
    state.streams.at(-1)!.breakOff(4000);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(feed.state).toBe("failed");
    expect(feed.error).toMatchObject({ code: "job.not-found" });
    feed.close();
  });

  it("does not follow what has ended, and closes when the end is told", async () => {
    const over = server(5, { ended: true });
    const stored = new LogFeed(1, over.ways);
    await stored.start();
    expect([stored.state, over.state.streams.length]).toEqual(["ended", 0]);

    const { state, ways } = server(0);
    const feed = new LogFeed(1, ways);
    await feed.start();
    state.streams[0]!.open();
    state.streams[0]!.say(lines(1, 2), { type: "end", state: "FAILED" });
    await vi.advanceTimersByTimeAsync(50);
    expect([feed.state, feed.end, feed.store.last, state.streams[0]!.closed]).toEqual(["ended", "FAILED", 2, true]);
  });

  it("takes the first attempt of a job that waited, and tells of the next one instead of mixing them", async () => {
    const { state, ways } = server(0, { attempt: 0 });
    const feed = new LogFeed(0, ways);
    await feed.start();
    expect(state.streams[0]!.from).toBeNull();
    state.streams[0]!.open();
    state.streams[0]!.say({ type: "attempt", attempt: 1 }, lines(1, 3), { type: "attempt", attempt: 2 }, lines(1, 9, 2));
    await vi.advanceTimersByTimeAsync(50);
    expect([feed.attempt, feed.newest, feed.state]).toEqual([1, 2, "ended"]);
    expectAll(feed, 3);
    feed.close();
  });

  it("asks once for lines that several look at, and takes a stream for many", async () => {
    const { state, ways } = server(100_000, { ended: true });
    const feed = new LogFeed(1, ways);
    await feed.start();
    state.asked.length = 0;
    await Promise.all([feed.load(5, 50), feed.load(10, 60)]);
    expect(state.asked).toEqual([{ attempt: 1, after: 0, limit: 2048 }]);
    expect(feed.store.missing(1, 2048)).toBeNull();

    const many = feed.load(2049, 40_000);
    expect(state.streams[0]!.from).toBe("1:2048");
    state.streams[0]!.say(lines(2049, 20_000), lines(22_049, 20_000));
    await many;
    expect(state.streams[0]!.closed).toBe(true);
    expect(feed.store.missing(1, 42_048)).toBeNull();
    feed.close();
  });

  it("lets nothing pile up while nobody sees the page", async () => {
    const { state, ways } = server(0);
    const feed = new LogFeed(1, ways);
    await feed.start();
    state.streams[0]!.open();
    vi.stubGlobal("requestAnimationFrame", () => 0); // a hidden page draws no frames
    vi.spyOn(document, "hidden", "get").mockReturnValue(true);
    let clock = 0;
    vi.spyOn(performance, "now").mockImplementation(() => (clock += 1));
    for (let at = 0; at < 50; at += 1) state.streams[0]!.say(lines(at * 10 + 1, 10));
    await vi.advanceTimersByTimeAsync(250);
    expectAll(feed, 500);
    feed.close();
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
  });

  it("leaves the page time to draw while much comes", async () => {
    const { state, ways } = server(0);
    const feed = new LogFeed(1, ways);
    await feed.start();
    state.streams[0]!.open();
    let drawn = 0;
    feed.subscribe(() => (drawn += 1));
    let clock = 0;
    vi.spyOn(performance, "now").mockImplementation(() => (clock += 1)); // each look at the clock takes a millisecond
    for (let at = 0; at < 50; at += 1) state.streams[0]!.say(lines(at * 10 + 1, 10));
    await vi.advanceTimersByTimeAsync(1000);
    expectAll(feed, 500);
    expect(drawn).toBeGreaterThan(5); // in several portions
    expect(drawn).toBeLessThan(50); // and not frame by frame
    feed.close();
    vi.restoreAllMocks();
  });
});
