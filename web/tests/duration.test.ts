import { describe, expect, it } from "vitest";
import { bytes, duration, formats } from "@/i18n/format";

describe("a duration", () => {
  it.each([
    [0, "0 ms"],
    [999, "999 ms"],
    [1000, "1.0 s"],
    [9_990, "9.9 s"],
    [10_000, "10 s"],
    [59_999, "59 s"],
    [185_000, "3 min 05 s"],
    [7_620_000, "2 h 07 min"],
    [273_600_000, "3 d 4 h"],
    [-5, "0 ms"],
  ])("of %i ms reads %s", (ms, text) => expect(duration(ms, "en")).toBe(text));

  it("has the decimal comma of Spanish", () => expect(duration(4200, "es")).toBe("4,2 s"));
  it("that is unknown is a dash", () => expect(duration(NaN, "en")).toBe("–"));
});

describe("a size", () => {
  it.each([
    [0, "0 B"],
    [1023, "1,023 B"],
    [1536, "1.5 KiB"],
    [512 * 1024 ** 2, "512 MiB"],
  ])("of %i bytes reads %s", (count, text) => expect(bytes(count, "en")).toBe(text));
});

describe("how long ago", () => {
  const at = Date.parse("2026-01-01T12:00:00Z");
  it("takes the largest unit that fits", () => {
    const { ago } = formats("en");
    expect(ago(at - 3 * 60_000 - 5000, at)).toBe("3 min. ago");
    expect(ago(at - 26 * 3_600_000, at)).toBe("yesterday");
    expect(ago(at, at)).toBe("now");
  });
});
