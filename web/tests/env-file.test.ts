import { describe, expect, it } from "vitest";
import { looksLikeEnv, merged, parseEnv } from "@/form/env-file";

const pairs = (text: string) => Object.fromEntries(parseEnv(text).variables.map(({ name, value }) => [name, value]));

describe("the text of a .env file", () => {
  it.each([
    ["A=1", { A: "1" }],
    ["export A=1\nB = two words ", { A: "1", B: "two words" }],
    ["# comment\n\n  \nA=1 # why", { A: "1" }],
    ["A=http://x/#anchor", { A: "http://x/#anchor" }],
    ["A=", { A: "" }],
    ["A=b=c==", { A: "b=c==" }],
    [`A='it # is $raw\\n'`, { A: "it # is $raw\\n" }],
    [`A="two\\nlines" # note`, { A: "two\nlines" }],
    [`A="say \\"hi\\" \\$HOME"`, { A: 'say "hi" $HOME' }],
    ['KEY="-----BEGIN\nabc\n-----END"\nB=2', { KEY: "-----BEGIN\nabc\n-----END", B: "2" }],
    ["A=1\r\nB=2\r\n", { A: "1", B: "2" }],
    ["A=1\nA=2", { A: "2" }],
  ])("%j gives its variables", (text, expected) => expect(pairs(text)).toEqual(expected));

  it("tells which lines are none", () => {
    expect(parseEnv("A=1\nnot a line\n1B=2\nC='open")).toMatchObject({ wrong: [2, 3, 4], variables: [{ name: "A", value: "1" }] });
  });

  it("is told from a single name or value when pasted", () => {
    expect(looksLikeEnv("A=1\nB=2")).toBe(true);
    expect(looksLikeEnv("A=1")).toBe(true);
    expect(looksLikeEnv("API_TOKEN")).toBe(false);
    expect(looksLikeEnv("some words")).toBe(false);
  });

  it("joins what is there: equal names get the new value, empty rows go", () => {
    const before = [{ name: "A", value: "old" }, { name: "", value: "" }];
    expect(merged(before, [{ name: "A", value: "new" }, { name: "B", value: "2" }])).toEqual([
      { name: "A", value: "new" },
      { name: "B", value: "2" },
    ]);
    expect(before[0]!.value).toBe("old");
  });
});
