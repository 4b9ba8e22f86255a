// Tests the frame numbers of a step as the feed tells them; broker/feed/frames.test.ts holds both ends together.
import { expect, it } from "vitest";
import { readFrameNumbers } from "./frame-numbers.ts";

it("counts up, by steps, and down, in the order in which they are written", () => {
  const numbers = readFrameNumbers("1-3,8-4:-2,-5,20-10:-10");
  expect([...Array(10).keys()].map(numbers)).toEqual([1, 2, 3, 8, 6, 4, -5, 20, 10, undefined]);
  expect(readFrameNumbers("1-100000")(99_999)).toBe(100_000);
  expect(readFrameNumbers("7")(-1)).toBeUndefined();
});

it("refuses what is no range", () => {
  for (const text of ["", "x", "1-", "3-1", "1-3:-1", "1-3:0", "1,,2"])
    expect(() => readFrameNumbers(text), text).toThrow("no range");
});
