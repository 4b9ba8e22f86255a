// Frame numbers as a range expression: the shortest words, and always the same numbers in the same order.
import fc from "fast-check";
import { expect, test } from "vitest";
import { readFrameNumbers } from "../contract/frame-numbers.ts";
import { createFold } from "./frames.ts";

function fold(numbers: readonly number[]): string {
  const made = createFold();
  for (const number of numbers) made.add(number);
  return made.text();
}

test.each([
  [[1, 2, 3, 8, 6, 4], "1-3,8-4:-2"],
  [[7], "7"],
  [[1, 5], "1,5"],
  [[1, 2], "1-2"],
  [[-3, -2, -1, 0], "-3-0"],
  [[1, 1, 1], "1,1,1"],
  [[1, 11, 21, 22, 23, 24], "1-21:10,22-24"],
])("%j is %s", (numbers, text) => expect(fold(numbers)).toBe(text));

test("any numbers come out for every reader as they went in", () => {
  const few = fc.integer({ min: -6, max: 6 });
  fc.assert(
    fc.property(fc.array(few, { minLength: 1 }), (numbers) => {
      const read = readFrameNumbers(fold(numbers));
      expect(numbers.map((_, ordinal) => read(ordinal))).toEqual(numbers);
      expect(read(numbers.length)).toBeUndefined();
    }),
  );
});
