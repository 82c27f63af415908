import { describe, expect, it } from "vitest";
import { contrast, css, plain, readable, rgbOf, spans } from "@/logs/ansi";

const ESC = "\u001b";

describe("a line for the log", () => {
  it("without anything special is one span", () => {
    expect(spans("hello")).toEqual([{ text: "hello", style: null }]);
  });

  it("keeps tabulators, which the page sets itself", () => expect(plain("a\tb")).toBe("a\tb"));

  it.each([
    [`${ESC}[31mred${ESC}[0m plain`, [["red", { fg: 1 }], [" plain", null]]],
    [`${ESC}[1;92mok${ESC}[22m still`, [["ok", { bold: true, fg: 10 }], [" still", { fg: 10 }]]],
    [`${ESC}[38;5;208mx${ESC}[39my`, [["x", { fg: 208 }], ["y", null]]],
    [`${ESC}[38;2;1;2;255mx`, [["x", { fg: "#0102ff" }]]],
    [`${ESC}[48:2::10:20:30mx`, [["x", { bg: "#0a141e" }]]],
    [`${ESC}[38:5:9;4mx`, [["x", { fg: 9, underline: true }]]],
    [`${ESC}[4mu${ESC}[4:0mn`, [["u", { underline: true }], ["n", null]]],
    [`${ESC}[7;9;2;3mx${ESC}[mz`, [["x", { inverse: true, strike: true, dim: true, italic: true }], ["z", null]]],
    [`${ESC}[38;5;999mx`, [["x", null]]],
    [`${ESC}[mplain`, [["plain", null]]],
  ])("%j is coloured as a terminal would", (text, expected) => {
    expect(spans(text as string)).toEqual((expected as [string, unknown][]).map(([text, style]) => ({ text, style })));
  });

  it.each([
    [`${ESC}[2J${ESC}[Hhome`, "home"],
    [`${ESC}]0;title\u0007text`, "text"],
    [`${ESC}]8;;http://evil.example/${ESC}\\link${ESC}]8;;${ESC}\\`, "link"],
    [`${ESC}(Bx${ESC}=y`, "xy"],
    [`${ESC}P1$r0m${ESC}\\after`, "after"],
    [`a${ESC}`, "a"],
    ["\u009b31mred", "red"],
  ])("%j loses escapes that are no colours", (text, expected) => expect(plain(text)).toBe(expected));

  it.each([
    ["10%\r50%\r100%", "100%"],
    ["done\r", "done"],
  ])("%j shows what was written last over the same line", (text, expected) => expect(plain(text)).toBe(expected));

  it("shows control characters instead of obeying them", () => {
    expect(plain("a\u0000b\u0007c\u007f")).toBe("a\u2400b\u2407c\u2421");
  });

  it("shows characters that turn the direction of text or cannot be seen", () => {
    expect(plain("x\u202egnp.exe\u2066\u200b")).toBe("x⟨U+202E⟩gnp.exe⟨U+2066⟩⟨U+200B⟩");
  });

  it("keeps joined emoji together", () => expect(plain("👩\u200d🔬")).toBe("👩\u200d🔬"));

  it("has the same text with and without colours", () => {
    const text = `${ESC}[1m\u0001bold${ESC}[0m\u202erest`;
    expect(spans(text).map((s) => s.text).join("")).toBe(plain(text));
  });
});

describe("a colour", () => {
  it.each([
    [3, "var(--ansi-3)"],
    [16, "rgb(0 0 0)"],
    [231, "rgb(255 255 255)"],
    [208, "rgb(255 135 0)"],
    [232, "rgb(8 8 8)"],
    [255, "rgb(238 238 238)"],
  ])("%i of the palette is %s", (index, expected) => expect(css(index)).toBe(expected));
});

describe("a colour for text", () => {
  const palette = Array.from({ length: 240 }, (_, at) => at + 16);
  it.each([...palette, "#000080", "#ffff00", "#777777"] as const)("%s can be read on both backgrounds", (color) => {
    const [light, dark] = readable(color).match(/rgb\([^)]*\)/g)!.map(rgbOf);
    expect(contrast(light!, rgbOf("#fbfcfd"))).toBeGreaterThanOrEqual(4.5);
    expect(contrast(dark!, rgbOf("#0b0e12"))).toBeGreaterThanOrEqual(4.5);
  });

  it("stays as it is where it can be read", () => expect(readable("#0000ff")).toContain("light-dark(rgb(0 0 255)"));
});
