import { describe, expect, it } from "vitest";
import { waitBefore } from "@/api/backoff";
import { address, filledPage, nextCursor } from "@/api/client";
import { errorOf } from "@/api/errors";
import { touchedBy } from "@/api/live";
import { eventParser, type ServerEvent } from "@/api/sse";
import { translator } from "@/i18n";
import { jobFilter, jobQuery } from "@/routes/jobs-filter";
import { parseSearch, stringifySearch } from "@/search";

describe("server-sent events", () => {
  const text = ": hello\nid: 7\nevent: JobCreated\ndata: {\"a\":\ndata: 1}\n\nevent: hello\r\ndata:x\r\n\r\ndata: last\n\n";
  const expected: ServerEvent[] = [
    { id: "7", event: "JobCreated", data: '{"a":\n1}' },
    { id: "7", event: "hello", data: "x" },
    { id: "7", event: "message", data: "last" },
  ];
  it.each([1, 2, 3, 7, 1000])("are read whole from pieces of %i characters", (size) => {
    const found: ServerEvent[] = [];
    const parse = eventParser((event) => found.push(event));
    for (let at = 0; at < text.length; at += size) parse(text.slice(at, at + size));
    expect(found).toEqual(expected);
  });
  it("say which queries are out of date", () => {
    expect(touchedBy("JobStatusChanged")).toContain("jobs");
    expect(touchedBy("WorkerRegistered")).toContain("workers");
    expect(touchedBy("ProviderUpdated")).toContain("providers");
    expect(touchedBy("TokenIssued")).toContain("audit");
  });
});

describe("calls", () => {
  it("leave out what is empty and repeat what is many", () => {
    expect(address("/jobs", { state: ["A", "B"], name: "", owner: undefined, limit: 5 })).toBe("/api/v1/jobs?state=A&state=B&limit=5");
  });
  it("find the next page's cursor", () => {
    expect(nextCursor('</api/v1/jobs?limit=2&cursor=a%2Bb>; rel="next"')).toBe("a+b");
    expect(nextCursor(null)).toBeNull();
  });
  it("go on after short and empty pages until there is enough or no more", async () => {
    const pages: Record<string, { items: number[]; next: string | null }> = {
      "": { items: [], next: "a" },
      a: { items: [1], next: "b" },
      b: { items: [2, 3], next: "c" },
      c: { items: [], next: null },
    };
    const ask = (cursor: string) => Promise.resolve(pages[cursor]!);
    expect(await filledPage(ask, "", 1)).toEqual({ items: [1], next: "b" });
    expect(await filledPage(ask, "", 2)).toEqual({ items: [1, 2, 3], next: "c" });
    expect(await filledPage(ask, "b", 9)).toEqual({ items: [2, 3], next: null });
  });
  it("read problems, and answers that are none", async () => {
    const body = JSON.stringify({ title: "t", detail: "d", code: "job.invalid", errors: [{ field: "spec.name", message: "m" }] });
    expect(await errorOf(new Response(body, { status: 422 }))).toMatchObject({ status: 422, message: "d", code: "job.invalid", errors: [{ field: "spec.name" }] });
    expect(await errorOf(new Response("<html>", { status: 502, statusText: "Bad Gateway" }))).toMatchObject({ message: "502 Bad Gateway", isPassing: true });
  });
  it("wait longer from time to time, never long", () => {
    expect(waitBefore(0, 0.5)).toBe(500);
    expect(waitBefore(3, 0.5)).toBe(4000);
    expect(waitBefore(99, 1)).toBeLessThan(20_000);
  });
});

describe("filters in the address", () => {
  it("come back as they went", () => {
    const filter = jobFilter(parseSearch("?state=RUNNING&state=FAILED&label=a%3Db&after=24h&name=x&other=1"));
    expect(filter).toEqual({ state: ["RUNNING", "FAILED"], label: ["a=b"], after: "24h", name: "x" });
    expect(jobFilter(parseSearch(stringifySearch(filter)))).toEqual(filter);
  });
  it("that make no sense are left out", () => expect(jobFilter(parseSearch("?after=yesterday&state="))).toEqual({}));
  it("ask for moments", () => {
    const now = Date.parse("2026-01-02T00:00:00Z");
    expect(jobQuery({ after: "24h" }, now)["created_after"]).toBe("2026-01-01T00:00:00.000Z");
  });
});

describe("words", () => {
  it("are in both languages, with numbers as each writes them", () => {
    expect(translator("en")("jobs.selected", { n: 1 })).toBe("1 job selected");
    expect(translator("en")("jobs.selected", { n: 1200 })).toBe("1,200 jobs selected");
    expect(translator("es")("jobs.selected", { n: 12_000 })).toBe("12.000 jobs seleccionados");
  });
});
