// Columns of text on a terminal: wide letters, marks, cutting, breaking between words, and tables.
import { expect, test } from "vitest";
import { columnsOf, fit, wrap } from "./columns.ts";
import { table } from "./style.ts";

test("letters of East Asia and pictures take two columns, marks none", () => {
  expect(columnsOf("shot_010")).toBe(8);
  expect(columnsOf("夜景")).toBe(4);
  expect(columnsOf("e\u0301tude")).toBe(5);
  expect(columnsOf("🎬 cut")).toBe(6);
  expect(columnsOf("■►·…")).toBe(4);
});

test("text is cut to its columns, never through a letter", () => {
  expect(fit("beauty pass", 7)).toBe("beauty…");
  expect(fit("夜景撮影", 6)).toBe("夜景…");
  expect(fit("夜景", 4)).toBe("夜景");
  expect(fit("x", 0)).toBe("");
});

test("a long line is broken between words, set in; a word that is wider than the line stays whole", () => {
  const line = "frame 4 failed on vm: Texture wood.exr is broken. Put it back.";
  expect(wrap(line, 80)).toEqual([line]);
  expect(wrap(line, 40)).toEqual(["frame 4 failed on vm: Texture wood.exr", "  is broken. Put it back."]);
  expect(wrap("  frame 4: wood.exr is broken.", 20)).toEqual(["  frame 4: wood.exr", "    is broken."]);
  expect(wrap(`at ${"/very/long".repeat(4)} it ends`, 20)).toEqual([
    "at",
    `  ${"/very/long".repeat(4)}`,
    "  it ends",
  ]);
  expect(wrap("夜景 夜景 夜景", 9)).toEqual(["夜景 夜景", "  夜景"]);
  expect(wrap("\u001b[31mframe 4 failed:\u001b[39m No camera.", 26)).toEqual([
    "\u001b[31mframe 4 failed:\u001b[39m No camera.",
  ]);
});

test("columns of a table stand below each other, whatever letters are in them", () => {
  const rows = [
    ["1", "夜景_010", "ana"],
    ["12", "shot_020", "élodie"],
  ];
  expect(table(rows, [0])).toBe(" 1  夜景_010  ana\n12  shot_020  élodie\n");
});
