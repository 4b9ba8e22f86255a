// Chunks: nothing lost, nothing twice, sizes and texts as the reference splits.
import fc from "fast-check";
import { expect, test } from "vitest";
import { chunksOf, chunkText, chunkValues } from "./chunks.ts";
import { parseRange, rangeCount, rangeValue } from "./range-expression.ts";
import { makeSpace, SINGLE_TASK, type ParameterSpace } from "./space.ts";
import type { RangeConstraint } from "./types.ts";

function chunked(
  range: string[] | string,
  count: number,
  rangeConstraint: RangeConstraint,
  more = false,
): ParameterSpace {
  const chunks = { defaultTaskCount: String(count), rangeConstraint };
  return makeSpace(
    {
      taskParameterDefinitions: [
        ...(more ? [{ name: "A", type: "STRING" as const, range: ["a", "b"] }] : []),
        { name: "F", type: "CHUNK[INT]", range, chunks },
        ...(more ? [{ name: "B", type: "STRING" as const, range: ["x", "y", "z"] }] : []),
      ],
    },
    () => undefined,
  );
}

function texts(space: ParameterSpace): string[] {
  const constraint = space.chunk?.rangeConstraint ?? "CONTIGUOUS";
  return [...chunksOf(space)].map((chunk) => chunkText(chunkValues(space, chunk), constraint));
}

test.each([
  ["1-12", 5, "CONTIGUOUS", ["1-4", "5-8", "9-12"]],
  ["1-10", 3, "CONTIGUOUS", ["1-3", "4-5", "6-8", "9-10"]],
  ["1-4,10-14", 5, "CONTIGUOUS", ["1-4", "10-14"]],
  ["1-4,10-14", 5, "NONCONTIGUOUS", ["1-4,10", "11-14"]],
  ["1-10:3", 2, "NONCONTIGUOUS", ["1,4", "7,10"]],
  [["1", "2", "3", "7", "9", "11"], 3, "NONCONTIGUOUS", ["1-3", "7-11:2"]],
  [["1", "2", "3", "7", "9", "11"], 3, "CONTIGUOUS", ["1-3", "7-7", "9-9", "11-11"]],
  ["5", 9, "CONTIGUOUS", ["5-5"]],
  ["-2-2", 2, "CONTIGUOUS", ["-2--1", "0-1", "2-2"]],
] as const)("%s by %i, %s", (range, count, constraint, expected) => {
  expect(texts(chunked(typeof range === "string" ? range : [...range], count, constraint))).toEqual(expected);
});

test("a chunk lies inside one combination of the other parameters", () => {
  const space = chunked("1-4", 2, "CONTIGUOUS", true);
  const rows = [...chunksOf(space)].map((chunk) =>
    chunk
      .map((ordinal) =>
        Object.values(space.taskAt(ordinal))
          .map(({ value }) => value)
          .join(""),
      )
      .join(" "),
  );
  expect(rows.slice(0, 4)).toEqual(["a1x a2x", "a1y a2y", "a1z a2z", "a3x a4x"]);
  expect(rows).toHaveLength(12);
});

test("without a chunked parameter every task is alone", () => {
  expect([...chunksOf(SINGLE_TASK)]).toEqual([[0]]);
});

test("chunks of a million tasks come one by one", () => {
  const first = chunksOf(chunked("1-1000000000000", 10, "NONCONTIGUOUS")).next();
  expect(first.value).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

const values = fc.uniqueArray(fc.integer({ min: -40, max: 40 }), { minLength: 1, maxLength: 30 });
const constraints = fc.constantFrom<RangeConstraint>("CONTIGUOUS", "NONCONTIGUOUS");

test("every task is in exactly one chunk, no chunk is too long, contiguous ones have no gap", () => {
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 9 }), constraints, (items, count, constraint) => {
      const space = chunked(items.map(String), count, constraint, true);
      const chunks = [...chunksOf(space)];
      expect(chunks.flat().toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: space.count }, (_, index) => index),
      );
      for (const chunk of chunks) {
        expect(chunk.length).toBeLessThanOrEqual(count);
        const frames = chunkValues(space, chunk);
        if (constraint === "NONCONTIGUOUS") continue;
        frames.slice(1).forEach((frame, index) => expect(frame).toBe((frames[index] ?? 0n) + 1n));
      }
    }),
  );
});

test("the text of a chunk reads back as its values", () => {
  fc.assert(
    fc.property(values, (items) => {
      const range = parseRange(chunkText(items, "NONCONTIGUOUS"));
      const back = Array.from({ length: Number(rangeCount(range)) }, (_, index) =>
        Number(rangeValue(range, BigInt(index))),
      );
      expect(back).toEqual(items.toSorted((a, b) => a - b));
    }),
  );
});
