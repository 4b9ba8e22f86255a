// Frame lists: what artists write comes back as the same frames, and what cannot be meant gets a sentence.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseRange, rangeCount, rangeValue } from "../openjd/range-expression.ts";
import { describeFrames, formatFrames, framesBetween, parseFrames } from "./frames.ts";

describe("parseFrames", () => {
  test.each([
    ["7", [7]],
    ["1-5", [1, 2, 3, 4, 5]],
    ["1-3,15,20-26:2", [1, 2, 3, 15, 20, 22, 24, 26]],
    ["1-10x3", [1, 4, 7, 10]],
    ["1..10x2", [1, 3, 5, 7, 9]],
    ["-5--1", [-5, -4, -3, -2, -1]],
    ["-2..2", [-2, -1, 0, 1, 2]],
    ["-0", [0]],
    [" 1 - 3 , 8 ", [1, 2, 3, 8]],
    ["1-3 8 10-12", [1, 2, 3, 8, 10, 11, 12]],
    ["9,1-2", [1, 2, 9]],
    ["0001-0003", [1, 2, 3]],
    ["1-9:2,2-10:2", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
  ])("reads %s", (text, frames) => {
    expect(parseFrames(text)).toEqual(frames);
  });

  test.each([
    ["", /empty.*--frames 1-120/],
    ["10-1", /"10-1" ends before it starts\. Write 1-10 instead/],
    ["10-1:-2", /Write 1-10:2 instead/],
    ["1-10,5", /Frame 5 is named twice/],
    ["1-10:0", /step .* must be 1 or more/],
    ["1,,3", /nothing between two commas/],
    ["five", /"five" is no frame list/],
    ["5x2", /has a step but no end/],
    ["1-99999999", /out of reach/],
  ])("refuses %j with a sentence", (text, sentence) => {
    expect(() => parseFrames(text)).toThrow(sentence);
  });
});

const anyFrames = fc
  .uniqueArray(fc.integer({ min: -300, max: 300 }), { minLength: 1, maxLength: 200 })
  .map((frames) => frames.toSorted((a, b) => a - b));

describe("formatFrames", () => {
  test("is read back as the same frames, by us and as a range expression of a job", () => {
    fc.assert(
      fc.property(anyFrames, (frames) => {
        const text = formatFrames(frames);
        expect(parseFrames(text)).toEqual(frames);
        const range = parseRange(text);
        expect(rangeCount(range)).toBe(BigInt(frames.length));
        frames.forEach((frame, index) => expect(rangeValue(range, BigInt(index))).toBe(BigInt(frame)));
      }),
    );
  });

  test("keeps every-n-th ranges short", () => {
    expect(formatFrames(framesBetween(1, 1001, 10))).toBe("1-1001:10");
    expect(formatFrames(parseFrames("1,3,10-12"))).toBe("1,3,10-12");
  });
});

test("describeFrames says the count and cuts a very long list in its middle", () => {
  expect(describeFrames(framesBetween(1, 24))).toBe("24 frames: 1-24");
  expect(describeFrames([5])).toBe("1 frame: 5");
  const squares = Array.from({ length: 40 }, (_, index) => index * index);
  expect(describeFrames(squares)).toMatch(/^40 frames: .*, …, 1444, 1521$/);
});
