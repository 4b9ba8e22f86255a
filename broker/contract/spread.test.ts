// Tests what many times say together.
import { expect, it } from "vitest";
import { spreadOf } from "./spread.ts";

it("knows the usual time, the ends, and how much they differ", () => {
  expect(spreadOf([3, 1, 2])).toEqual({
    count: 3,
    total: 6,
    mean: 2,
    variance: 1,
    usual: 2,
    least: 1,
    most: 3,
  });
  expect(spreadOf([4, 1, 2, 3]).usual).toBe(2.5);
  expect(spreadOf([7])).toMatchObject({ mean: 7, variance: 0, usual: 7 });
  expect(spreadOf([])).toMatchObject({ count: 0, mean: 0, variance: 0, usual: null, least: 0, most: 0 });
});
