// Colour codes become runs with class names, and everything else of a terminal disappears.
import { describe, expect, it } from "vitest";
import { applyCodes, classesOf, lastDrawn, plain, runsOf, withoutCodes } from "./ansi.ts";

const shown = (line: string) => runsOf(line).runs.map(({ text, look }) => [text, classesOf(look)]);

describe("runsOf", () => {
  it.each([
    ["plain text", [["plain text", ""]]],
    [
      "\u001b[31mred\u001b[0m rest",
      [
        ["red", "ansi-1"],
        [" rest", ""],
      ],
    ],
    [
      "\u001b[1;92mok\u001b[22mstill",
      [
        ["ok", "ansi-10 ansi-bold"],
        ["still", "ansi-10"],
      ],
    ],
    [
      "\u001b[38;5;196mdeep\u001b[39m.",
      [
        ["deep", "ansi-9"],
        [".", ""],
      ],
    ],
    ["\u001b[38;2;0;0;255mblue", [["blue", "ansi-12"]]],
    ["\u001b[48;5;4mback", [["back", "ansi-back-4"]]],
    ["\u001b[mnothing", [["nothing", ""]]],
    ["a\u001b[2Kb\u001b[1Ac", [["abc", ""]]],
    ["\u001b]0;title\u0007text\u001b]8;;http://x\u001b\\link", [["textlink", ""]]],
    ["bell\u0007 back\u0008", [["bell back", ""]]],
    ["<b onclick=x>&amp;", [["<b onclick=x>&amp;", ""]]],
    ["\u001b[999mno such code", [["no such code", ""]]],
    ["cut \u001b[3", [["cut [3", ""]]],
  ])("shows %j", (line, runs) => {
    expect(shown(line)).toEqual(runs);
  });

  it("goes on from the line before", () => {
    const first = runsOf("\u001b[33mTraceback");
    expect(runsOf("  File x", first.end).runs[0]?.look.color).toBe(3);
  });
});

it("takes 38 and 48 apart wherever they stand", () => {
  expect(applyCodes(plain, "1;38;5;2;4")).toMatchObject({ bold: true, color: 2, underline: true });
  expect(applyCodes(plain, "38;5;2;48;2;255;255;255;3")).toMatchObject({ color: 2, back: 15, italic: true });
});

it("removes codes for a search", () => {
  expect(withoutCodes("Er\u001b[1mror\u001b[0m")).toBe("Error");
});

it.each([
  ["10 %\r20 %\r30 %", "30 %"],
  ["windows\r\n", "windows"],
  ["50 %\r", "50 %"],
  ["", ""],
])("draws %j as a terminal does at its end", (line, end) => {
  expect(lastDrawn(line)).toBe(end);
});
