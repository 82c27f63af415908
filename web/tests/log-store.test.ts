import { describe, expect, it } from "vitest";
import type { LogBatch, LogPage } from "@/api/types";
import { Level } from "@/logs/level";
import { BLOCK, Flag, LogStore } from "@/logs/store";

function batch(first: number, count: number, more: Partial<LogBatch> = {}): LogBatch {
  return {
    attempt: 1,
    first,
    base_time: 1_000_000,
    times: Array.from({ length: count }, (_, at) => at),
    stderr: [],
    partial: [],
    platform: [],
    lines: Array.from({ length: count }, (_, at) => `line ${first + at}`),
    ...more,
  };
}

function page(first: number, lines: LogPage["lines"], last: number, more: Partial<LogPage> = {}): LogPage {
  return { attempt: 1, lines, first, next_after: first + lines.length - 1, last_sequence: last, has_more: true, ended: false, ...more };
}

describe("a store of lines", () => {
  it("gives each line back with its time and stream, in open and in full blocks", () => {
    const store = new LogStore();
    store.append(batch(1, BLOCK + 10, { stderr: [1, BLOCK + 2] }));
    for (const sequence of [1, 2, BLOCK, BLOCK + 1, BLOCK + 10]) {
      expect(store.text(sequence)).toBe(`line ${sequence}`);
      expect(store.time(sequence)).toBe(1_000_000 + sequence - 1);
    }
    expect(store.flags(2) & Flag.STDERR).toBeTruthy();
    expect(store.flags(BLOCK + 3) & Flag.STDERR).toBeTruthy();
    expect(store.flags(3) & Flag.STDERR).toBe(0);
    expect(store.last).toBe(BLOCK + 10);
  });

  it("asks no more for lines that were removed, and says that they are gone", () => {
    const store = new LogStore();
    const gap = { bytes: 900, why: "kept for long enough", removed: true };
    const mark = { sequence: 10_000, stream: "stdout", time: "2026-01-01T00:00:00Z", level: null, text: "", gap } as const;
    store.addPage(page(1, [mark], 10_000, { next_after: 10_000, has_more: false }));
    expect(store.missing(1, 10_000)).toBe(null);
    expect(store.gap(10_000)).toEqual(gap);
    expect(store.gap(17)?.bytes).toBe(0);
    expect(store.text(17)).toBe("");
    expect(store.piece(1)?.count).toBe(BLOCK);
  });

  it("takes lines twice and keeps them once", () => {
    const store = new LogStore();
    store.append(batch(1, 100));
    const { chars } = store;
    store.append(batch(50, 100));
    expect(store.text(60)).toBe("line 60");
    expect(store.last).toBe(149);
    store.append(batch(1, 149));
    expect(store.chars).toBeGreaterThan(chars);
    expect(store.chars).toBe(Array.from({ length: 149 }, (_, at) => `line ${at + 1}`.length).reduce((a, b) => a + b));
  });

  it("takes pages in any order and knows what is missing between", () => {
    const store = new LogStore();
    store.addPage(page(9_001, Array.from({ length: 1000 }, (_, at) => ({ sequence: 9_001 + at, time: "2026-01-01T00:00:00Z", text: "end", stream: "stdout", level: null })), 10_000));
    expect(store.last).toBe(10_000);
    expect(store.has(9_000)).toBe(false);
    expect(store.missing(8_950, 9_100)).toEqual({ from: 8_950, to: 9_000 });
    expect(store.missing(9_001, 10_000)).toBeNull();
    store.append(batch(1, 3000));
    expect(store.missing(1, 3000)).toBeNull();
    expect(store.missing(1, 10_000, 500)).toEqual({ from: 3001, to: 3500 });
  });

  it("does not ask again for lines that the server no longer has", () => {
    const store = new LogStore();
    store.addPage({ ...page(1, [], 20), next_after: 10 });
    expect(store.missing(1, 20)).toEqual({ from: 11, to: 20 });
    expect(store.flags(3) & Flag.GAP).toBeTruthy();
  });

  it("counts a gap as a line", () => {
    const store = new LogStore();
    store.append(batch(1, 2));
    store.addGap({ sequence: 3, bytes: 4096, why: "lost" });
    store.append(batch(4, 1));
    expect(store.gap(3)).toEqual({ bytes: 4096, why: "lost" });
    expect(store.text(4)).toBe("line 4");
  });

  it("recognises levels behind colours, also in full blocks", () => {
    const store = new LogStore();
    const lines = Array.from({ length: BLOCK }, () => "\u001b[31mERROR\u001b[0m it broke");
    store.append(batch(1, BLOCK, { lines, times: lines.map(() => 0) }));
    expect(store.level(7)).toBe(Level.ERROR);
    expect(store.level(7)).toBe(Level.ERROR);
  });

  it("gives pieces up to the end of what is here, never across blocks", () => {
    const store = new LogStore();
    store.append(batch(1, BLOCK + 3));
    const first = store.piece(BLOCK - 1)!;
    expect([first.first, first.count, first.text]).toEqual([BLOCK - 1, 2, `line ${BLOCK - 1}\nline ${BLOCK}\n`]);
    const second = store.piece(BLOCK + 1)!;
    expect([second.count, second.text.split("\n")[2]]).toEqual([3, `line ${BLOCK + 3}`]);
    expect(store.piece(BLOCK + 4)).toBeNull();
  });

  it("drops what is far from the view when it is too much, never the end", () => {
    const store = new LogStore();
    for (let at = 0; at < 20; at += 1) store.append(batch(at * BLOCK + 1, BLOCK));
    const most = store.chars / 4;
    store.shrink([10 * BLOCK], most);
    expect(store.chars).toBeLessThanOrEqual(most);
    expect(store.has(10 * BLOCK)).toBe(true);
    expect(store.has(1)).toBe(false);
    expect(store.has(20 * BLOCK)).toBe(true);
    expect(store.missing(1, BLOCK, BLOCK)).toEqual({ from: 1, to: BLOCK });
    store.append(batch(1, BLOCK));
    expect(store.text(5)).toBe("line 5");
  });

  it("holds a million lines", () => {
    const store = new LogStore();
    const lines = Array.from({ length: 10_000 }, (_, at) => `2026-01-01 INFO worker[${at}]: processed a batch of records`);
    for (let at = 0; at < 100; at += 1) store.append(batch(at * 10_000 + 1, 10_000, { lines }));
    expect(store.last).toBe(1_000_000);
    expect(store.text(999_999)).toBe(lines[9_998]);
    expect(store.missing(1, 1_000_000)).toBeNull();
  });
});
