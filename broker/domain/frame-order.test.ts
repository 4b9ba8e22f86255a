// The order of frames: every order hands out every frame once.
import fc from "fast-check";
import { expect, test } from "vitest";
import { frameOrders } from "../contract/job.ts";
import { ranks } from "./frame-order.ts";

function handedOut(order: (typeof frameOrders)[number], count: number): number[] {
  const rank = ranks(order, count);
  return Array.from({ length: count }, (_, ordinal) => ordinal).toSorted((a, b) => rank(a) - rank(b));
}

test.each(frameOrders)("%s: ranks are all different", (order) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2000 }), (count) => {
      const rank = ranks(order, count);
      expect(new Set(Array.from({ length: count }, (_, ordinal) => rank(ordinal))).size).toBe(count);
    }),
  );
});

test("in order", () => expect(handedOut("in-order", 5)).toEqual([0, 1, 2, 3, 4]));
test("every n-th first", () =>
  expect(handedOut("every-nth", 20)).toEqual([
    0, 8, 16, 1, 9, 17, 2, 10, 18, 3, 11, 19, 4, 12, 5, 13, 6, 14, 7, 15,
  ]));
test.each([
  [1, [0]],
  [2, [0, 1]],
  [3, [0, 2, 1]],
  [4, [0, 3, 1, 2]],
  [7, [0, 6, 3, 1, 2, 4, 5]],
])("first, last, middle first, of %i", (count, expected) =>
  expect(handedOut("first-middle-last", count)).toEqual(expected),
);
