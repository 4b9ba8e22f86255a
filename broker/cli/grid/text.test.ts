// Pieces of a line on a terminal: cut as a whole, coloured, and for terminals that know ASCII alone.
import { expect, test } from "vitest";
import { lineOf, pad, spread } from "./text.ts";

const bare = { colour: false, unicode: true };

test("blanks fill the columns, behind or before", () => {
  expect(pad("ab", 4)).toBe("ab  ");
  expect(pad("ab", 4, true)).toBe("  ab");
});

test("a line is cut as a whole, and colours do not count", () => {
  const pieces = [{ text: "Job 1", colour: "bold" as const }, { text: "  a long name" }];
  expect(lineOf(pieces, 12, bare)).toBe("Job 1  a lo…");
  expect(lineOf(pieces, 12, { ...bare, colour: true })).toBe("\u001b[1mJob 1\u001b[22m  a lo…");
});

test("the right end stands at the right, or is left out", () => {
  expect(lineOf(spread([{ text: "left" }], [{ text: "right" }], 12), 12, bare)).toBe("left   right");
  expect(lineOf(spread([{ text: "left" }], [{ text: "right" }], 10), 10, bare)).toBe("left");
});

test("what others wrote cannot steer the terminal", () => {
  expect(lineOf([{ text: "a\u001b[2Jb\u0007\r\nc\u009bd" }], 40, bare)).toBe("a [2Jb c d");
});

test("without Unicode there is ASCII alone", () => {
  expect(lineOf([{ text: "Größe 夜 – frame" }], 40, { ...bare, unicode: false })).toBe("Gro?e ? ? frame");
  expect(lineOf([{ text: "a long name" }], 6, { ...bare, unicode: false })).toBe("a lon.");
});
