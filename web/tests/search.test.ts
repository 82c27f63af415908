import { describe, expect, it, vi } from "vitest";
import { addressOf, logSearchOf, soughtOf } from "@/logs/address";
import { Finder } from "@/logs/finder";
import { Level } from "@/logs/level";
import { compile, NOTHING, ranges, search, type Sought } from "@/logs/search";
import { Sequences } from "@/logs/sequences";
import { BLOCK, Flag, LogStore, type Piece } from "@/logs/store";
import { hashOf, lineOf, viewOf } from "@/logs/view";

function signal<T>() {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve };
}

function piece(lines: string[], flags: number[] = []): Piece {
  return { first: 1, count: lines.length, text: lines.map((l) => `${l}\n`).join(""), flags: Uint8Array.from(lines, (_, at) => flags[at] ?? 1) };
}
const found = (lines: string[], sought: Partial<Sought>, flags?: number[]) => {
  const { passed, matched } = search(piece(lines, flags), { ...NOTHING, ...sought });
  return { passed: [...passed], matched: [...matched] };
};

describe("a filter by level", () => {
  const trace = [
    "INFO starting",
    "Traceback (most recent call last):",
    '  File "job.py", line 3, in <module>',
    "    main()",
    "ValueError: no such row",
    "done",
    "ERROR failed:",
    "\tat Main.run(Main.java:5)",
    "Caused by: java.io.IOException",
    "INFO next",
    "  indented under it",
  ];

  it("keeps the lines that belong to an error", () => expect(found(trace, { level: Level.ERROR }).passed).toEqual([1, 2, 3, 4, 6, 7, 8]));
  it("keeps what is indented under a line", () => expect(found(trace, { level: Level.INFO }).passed).toEqual([0, 9, 10]));
  it("knows what a piece goes on with", () => {
    const { passed } = search(piece(trace.slice(3)), { ...NOTHING, level: Level.ERROR }, trace.slice(0, 3));
    expect([...passed]).toEqual([0, 1, 3, 4, 5]);
  });
});

describe("an address", () => {
  it("says what a log is narrowed to, and is read back", () => {
    const sought = { text: "a b&c", regex: true, matchCase: true, level: Level.WARN, stream: "stderr" as const };
    expect(soughtOf(logSearchOf(addressOf(sought, true)))).toEqual(sought);
    expect(soughtOf({})).toEqual(NOTHING);
    expect(soughtOf({ level: "nonsense", stream: "x" })).toEqual(NOTHING);
  });
});

describe("a search in lines", () => {
  const lines = ["alpha", "Beta beta", "", "gamma (1.5)", "BETA"];

  it("finds text in any case, each line once", () => expect(found(lines, { text: "beta" }).matched).toEqual([1, 4]));
  it("minds the case when asked", () => expect(found(lines, { text: "beta", matchCase: true }).matched).toEqual([1]));
  it("takes text literally", () => {
    expect(found(lines, { text: "(1.5)" }).matched).toEqual([3]);
    expect(found(lines, { text: "a.m" }).matched).toEqual([]);
  });
  it("understands expressions, line by line", () => {
    expect(found(lines, { text: "^g.*\\d", regex: true }).matched).toEqual([3]);
    expect(found(lines, { text: "a\\s+b", regex: true }).matched).toEqual([1]);
    expect(found(lines, { text: "^$", regex: true }).matched).toEqual([2]);
  });
  it("finds text that colours cut in two, and not the colours", () => {
    const coloured = ["\u001b[31mER\u001b[32mROR\u001b[0m", "31m"];
    expect(found(coloured, { text: "error" }).matched).toEqual([0]);
    expect(found(coloured, { text: "31m" }).matched).toEqual([1]);
  });
  it("agrees with a plain search line by line", () => {
    const many = Array.from({ length: 500 }, (_, at) => "ab".repeat(at % 7) + (at % 3 === 0 ? "needle" : "nee dle") + at);
    for (const text of ["needle", "ab", "7", "b", "zzz"]) {
      const expected = many.flatMap((line, at) => (line.includes(text) ? [at] : []));
      expect(found(many, { text }).matched).toEqual(expected);
    }
  });
  it("lets through one level and one stream, and counts matches among those", () => {
    const levels = ["INFO start", "WARN ab", "plain ab", "ERROR ab", "error: ab"];
    expect(found(levels, { level: Level.ERROR, text: "ab" })).toEqual({ passed: [3, 4], matched: [3, 4] });
    expect(found(levels, { level: Level.INFO }).passed).toEqual([0]);
    const flags = [1, 1 | Flag.STDERR, 1, 1 | Flag.STDERR, 1];
    expect(found(levels, { stream: "stderr", text: "WARN" }, flags)).toEqual({ passed: [1, 3], matched: [1] });
  });
  it("keeps gaps in sight whatever the level", () => {
    expect(found(["", "INFO"], { level: Level.INFO }, [1 | Flag.GAP, 1]).passed).toEqual([0, 1]);
  });
  it("tells where the matches are", () => {
    expect(ranges("abcabc", compile({ text: "BC", regex: false, matchCase: false })!)).toEqual([[1, 3], [4, 6]]);
    expect(ranges("aaa", compile({ text: "x*", regex: true, matchCase: false })!)).toEqual([]);
  });
  it("refuses a wrong expression", () => expect(() => compile({ text: "(", regex: true, matchCase: false })).toThrow(SyntaxError));
});

describe("numbers of lines", () => {
  it("are kept in order and found by half", () => {
    const numbers = new Sequences();
    numbers.add(10, Uint32Array.from({ length: 3000 }, (_, at) => at * 2));
    expect(numbers.length).toBe(3000);
    expect(numbers.at(1)).toBe(12);
    expect(numbers.has(12)).toBe(true);
    expect(numbers.has(13)).toBe(false);
    expect(numbers.indexOf(13)).toBe(2);
    expect(numbers.indexOf(99_999)).toBe(3000);
  });
});

describe("the way through a log", () => {
  const append = (store: LogStore, first: number, count: number) =>
    store.append({ attempt: 1, first, base_time: 0, times: [], stderr: [], partial: [], platform: [], lines: Array.from({ length: count }, (_, at) => `line ${first + at}`) });

  it("asks for what is not here, finds everything, and follows what comes", async () => {
    const store = new LogStore();
    const total = 5 * BLOCK + 100;
    append(store, 4 * BLOCK + 1, BLOCK + 100);
    const asked: number[] = [];
    const done = signal<void>();
    const finder = new Finder({ ...NOTHING, text: "0" }, 1, {
      store,
      search: (part, sought) => Promise.resolve(search(part, sought)),
      load: (from, to) => {
        asked.push(from);
        append(store, from, to - from + 1);
        return Promise.resolve();
      },
      changed: () => finder.isDone && done.resolve(),
    });
    finder.wake();
    await done.promise;
    const numbers = (n: number) => Array.from({ length: n }, (_, at) => at + 1).filter((at) => String(at).includes("0")).length;
    expect(finder.reached).toBe(total);
    expect(finder.matched.length).toBe(numbers(total));
    expect(asked).toEqual([1]);

    append(store, total + 1, 50);
    finder.wake();
    await vi.waitFor(() => expect(finder.reached).toBe(total + 50));
    expect(finder.matched.length).toBe(numbers(total + 50));
  });

  it("ends with the error when lines cannot be had", async () => {
    const store = new LogStore();
    store.last = 10;
    const failed = signal<unknown>();
    const finder = new Finder({ ...NOTHING, text: "x" }, 1, {
      store,
      search: (part, sought) => Promise.resolve(search(part, sought)),
      load: () => Promise.reject(new Error("gone")),
      changed: () => failed.resolve(finder.error),
    });
    finder.wake();
    expect(await failed.promise).toEqual(new Error("gone"));
  });
});

describe("what is shown", () => {
  it("is every line after what was cleared", () => {
    const view = viewOf(100, 150, null, []);
    expect([view.rows, view.at(0), view.rowOf(120), view.rowOf(1), view.rowOf(999)]).toEqual([50, 101, 19, 0, 49]);
  });
  it("or those that were found", () => {
    const only = new Sequences();
    only.add(0, Uint32Array.from([5, 10, 20, 30]));
    const view = viewOf(5, 25, only);
    expect([view.rows, view.at(0), view.at(1), view.rowOf(11)]).toEqual([2, 10, 20, 1]);
  });
  it("is named by links", () => {
    expect(lineOf(hashOf(2, 123))).toEqual({ attempt: 2, line: 123 });
    expect(lineOf("#A1L9")).toEqual({ attempt: 1, line: 9 });
    expect(lineOf("#top")).toBeNull();
  });
});

function batch(first: number, lines: string[], partial: number[] = [], stderr: number[] = []) {
  return { attempt: 1, first, base_time: 0, times: lines.map(() => 0), lines, partial, stderr, platform: [] };
}

describe("a line that comes in pieces", () => {
  const PARTIAL = Flag.PARTIAL;
  const store = new LogStore();
  const put = (first: number, lines: string[], partial: number[] = [], stderr: number[] = []) =>
    store.append(batch(first, lines, partial, stderr));

  it("is one row that changes, and its end is its end", () => {
    put(1, ["start"]);
    put(2, ["\rprogress 1"], [0]);
    put(3, ["\rprogress 2"], [0]);
    expect(store.flags(2) & PARTIAL).not.toBe(0);
    expect(store.continued).toEqual([2]);
    let view = viewOf(0, store.last, null, store.continued);
    expect([view.rows, view.at(0), view.at(1)]).toEqual([2, 1, 3]);
    expect(store.line(3)).toBe("\rprogress 1\rprogress 2");
    put(4, [" done"]);
    put(5, ["other", "last"]);
    view = viewOf(0, store.last, null, store.continued);
    expect(Array.from({ length: view.rows }, (_, row) => view.at(row))).toEqual([1, 4, 5, 6]);
    expect(store.line(4)).toBe("\rprogress 1\rprogress 2 done");
    expect([1, 4, 5, 6].map(view.rowOf)).toEqual([0, 1, 2, 3]);
    expect(viewOf(3, store.last, null, store.continued).rows).toBe(3);
  });

  it("does not go on in the other stream", () => {
    const two = new LogStore();
    two.append(batch(1, ["out", "err"], [0], [1]));
    expect(two.continued).toEqual([]);
  });

  it("is known in whatever order its pieces come", () => {
    const late = new LogStore();
    late.append(batch(2, ["end"]));
    late.append(batch(1, ["begin "], [0]));
    expect([late.continued, late.line(2)]).toEqual([[1], "begin end"]);
  });
});
