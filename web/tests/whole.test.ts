import { expect, it } from "vitest";
import { wholeOf } from "@/parts/whole";

it("tells all counts together, and of measures the latest", () => {
  expect(wholeOf([3, null, 2, 0, null], true)).toBe(5);
  expect(wholeOf([3, null, 2, null], false)).toBe(2);
  expect(wholeOf([null], false)).toBeUndefined();
});
