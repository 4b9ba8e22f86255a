// Number text: exact comparison and the line between numbers and other texts.
import fc from "fast-check";
import { expect, test } from "vitest";
import { compareNumbers, isDecimal, parseInteger } from "./numbers.ts";

test("integers of any size compare as BigInt does", () => {
  fc.assert(
    fc.property(fc.bigInt(), fc.bigInt(), (a, b) => {
      expect(Math.sign(compareNumbers(String(a), String(b)))).toBe(a < b ? -1 : a > b ? 1 : 0);
    }),
  );
});

test("decimals compare as numbers do", () => {
  const number = fc.double({ noNaN: true, noDefaultInfinity: true });
  fc.assert(
    fc.property(number, number, (a, b) => {
      expect(Math.sign(compareNumbers(String(a), String(b)))).toBe(a < b ? -1 : a > b ? 1 : 0);
    }),
  );
});

test.each([
  ["1.50", "1.5", 0],
  ["1e3", "1000", 0],
  ["-0", "0", 0],
  ["0.1", "0.10000000000000000001", -1],
  [".5", "+0.5", 0],
  ["1e-300", "1e300", -1],
])("%s against %s", (a, b, sign) => {
  expect(Math.sign(compareNumbers(a, b))).toBe(sign);
});

test.each(["", " ", "1 ", "nan", "inf", "1e9999", "0x10", "1_000", "--1", "1e", "."])(
  "%j is no decimal",
  (text) => {
    expect(isDecimal(text)).toBe(false);
  },
);

test.each(["1.0", "1e3", "", "a", "1_0"])("%j is no integer", (text) => {
  expect(parseInteger(text)).toBeUndefined();
});
