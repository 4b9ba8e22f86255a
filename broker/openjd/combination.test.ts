// Combination expressions: their shape and what is refused.
import { expect, test } from "vitest";
import { combinationNames, isZipped, parseCombination } from "./combination.ts";

test.each([
  ["A", ["A"]],
  [" Frame * (A_1, B) *C", ["Frame", "A_1", "B", "C"]],
  ["(A, B * (C, D))", ["A", "B", "C", "D"]],
])("%s names %j", (text, names) => {
  expect(combinationNames(parseCombination(text))).toEqual(names);
});

test.each([
  "",
  "A B",
  "A *",
  "* A",
  "A ** B",
  "(A, B",
  "A)",
  "()",
  "(A,)",
  "(,A)",
  "A, B",
  "A + B",
  "A\tB",
  "1A",
  "(".repeat(40),
])("%j is refused", (text) => {
  expect(() => parseCombination(text)).toThrow(/combination/);
});

test("a parameter inside brackets is zipped, beside them it is not", () => {
  const combination = parseCombination("A * (B, C)");
  expect([isZipped(combination, "A"), isZipped(combination, "B")]).toEqual([false, true]);
});
