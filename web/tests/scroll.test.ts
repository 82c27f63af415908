import { describe, expect, it } from "vitest";
import { area, endOf, isExact, type Measure, moved, placeAt, seen, TALLEST, topOf, within } from "@/logs/scroll";

const uniform = (rows: number): Measure => ({ rows, view: 600, line: 20, height: () => 20 });
const ragged = (rows: number): Measure => ({ rows, view: 600, line: 20, height: (row) => 20 * (1 + (row % 5)) });

describe("a long list", () => {
  it("is never higher than a browser can draw", () => {
    expect(area(uniform(5_000_000))).toBe(TALLEST);
    expect(area(uniform(100))).toBe(2000);
    expect(area(uniform(3))).toBe(600);
  });

  it.each([uniform(1_000_000), ragged(50_000), uniform(7), ragged(0)])("ends where its last row ends", (measure) => {
    const end = endOf(measure);
    const { to } = seen(end, measure);
    expect(to).toBe(measure.rows);
    let height = -end.px;
    for (let row = end.row; row < measure.rows; row += 1) height += measure.height(row);
    expect(height).toBeLessThanOrEqual(600);
    if (end.row > 0) expect(height).toBe(600);
  });

  it("moves by pixels over rows of any height, and back to the same place", () => {
    const measure = ragged(1000);
    let place = { row: 10, px: 7 };
    for (const by of [1, 15, 300, 1234, -200, -1, 77]) {
      const there = moved(place, by, measure);
      expect(moved(there, -by, measure)).toEqual(place);
      place = there;
    }
  });

  it("stops at both ends", () => {
    const measure = ragged(1000);
    expect(moved({ row: 1, px: 5 }, -9999, measure)).toEqual({ row: 0, px: 0 });
    expect(moved({ row: 990, px: 0 }, 1e6, measure)).toEqual(endOf(measure));
    expect(within({ row: 2000, px: 0 }, measure)).toEqual(endOf(measure));
  });

  it.each([uniform(3_000_000), ragged(1_000_000)])("reaches every part by its bar and finds the bar's place again", (measure) => {
    const whole = area(measure) - measure.view;
    expect(placeAt(0, measure)).toEqual({ row: 0, px: 0 });
    expect(placeAt(whole, measure)).toEqual(endOf(measure));
    for (const share of [0.1, 0.37, 0.5, 0.93]) {
      const place = placeAt(share * whole, measure);
      expect(place.row / measure.rows).toBeCloseTo(share, 3);
      expect(Math.abs(topOf(place, measure) - share * whole)).toBeLessThan(20);
    }
  });

  it("agrees with its bar pixel by pixel while it is short enough", () => {
    expect(isExact(uniform(600_000), true)).toBe(true);
    expect(isExact(uniform(600_001), true)).toBe(false);
    expect(isExact(ragged(10), false)).toBe(false);
  });
});
