// Range expressions: parsed, counted and indexed as if they were written out.
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseRange, rangeCount, rangeValue } from "./range-expression.ts";

function expand(text: string): number[] {
  const range = parseRange(text);
  return Array.from({ length: Number(rangeCount(range)) }, (_, index) =>
    Number(rangeValue(range, BigInt(index))),
  );
}

test.each([
  ["7", [7]],
  ["-3", [-3]],
  ["1-4", [1, 2, 3, 4]],
  [" 9 , 1 - 3 ,\t5", [1, 2, 3, 5, 9]],
  ["1-10:3", [1, 4, 7, 10]],
  ["1-9:3", [1, 4, 7]],
  ["-3-1", [-3, -2, -1, 0, 1]],
  ["-7--5", [-7, -6, -5]],
  ["10-1:-3", [1, 4, 7, 10]],
  ["3-5:5,-3-1", [-3, -2, -1, 0, 1, 3]],
  ["5-5", [5]],
  ["1-9:4,10", [1, 5, 9, 10]],
])("%s is %j", (text, values) => {
  expect(expand(text)).toEqual(values);
});

test.each([
  ["", /empty/],
  ["1,,2", /empty part/i],
  ["1-", /no range/],
  ["a", /no range/],
  ["1 2", /no range/],
  ["1.0", /no range/],
  ["1-2-3", /no range/],
  ["- 3", /no range/],
  ["10-1", /ends before it starts/],
  ["1-10:-1", /goes up/],
  ["1-10:0", /step 0/],
  ["1,1", /overlap/],
  ["1-5,5-9", /overlap/],
  ["1-10:2,2-10:2", /overlap/],
  ["9223372036854775808", /64 bits/],
  [Array.from({ length: 10_001 }, (_, index) => index).join(), /10000/],
])("%s is refused", (text, words) => {
  expect(() => parseRange(text)).toThrow(words);
});

test("64-bit integers stay exact", () => {
  const range = parseRange("9223372036854775806-9223372036854775807");
  expect(rangeValue(range, 1n)).toBe(9223372036854775807n);
});

test("nothing lies before the first or behind the last value", () => {
  const range = parseRange("1-3");
  expect([rangeValue(range, -1n), rangeValue(range, 3n)]).toEqual([undefined, undefined]);
});

test("parts in any order give the values that writing them out gives", () => {
  const part = fc.record({
    gap: fc.integer({ min: 1, max: 9 }),
    count: fc.integer({ min: 1, max: 6 }),
    step: fc.integer({ min: 1, max: 4 }),
    down: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(part, { minLength: 1, maxLength: 6 }),
      fc.integer({ min: -50, max: 50 }),
      fc.boolean(),
      (parts, start, turned) => {
        let at = start;
        const values: number[] = [];
        const texts = parts.map(({ gap, count, step, down }) => {
          const first = at + gap;
          const last = first + (count - 1) * step;
          for (let value = first; value <= last; value += step) values.push(value);
          at = last;
          if (first === last) return `${first}`;
          return down ? `${last}-${first}:-${step}` : `${first}-${last}:${step}`;
        });
        expect(expand((turned ? texts.toReversed() : texts).join(", "))).toEqual(values);
      },
    ),
  );
});
