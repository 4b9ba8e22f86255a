// Parameter spaces: each ordinal gives the task that nested loops would give, whatever the size.
import fc from "fast-check";
import { expect, test } from "vitest";
import { templateLookup } from "./format-string.ts";
import { makeSpace, SINGLE_TASK, type ParameterSpace } from "./space.ts";
import type { ParameterSpaceDefinition, TaskParameterDefinition } from "./types.ts";

const lookup = templateLookup({ Last: { type: "INT", value: "3" }, Name: { type: "STRING", value: "x y" } });

function define(
  parameters: Record<string, string[] | string>,
  combination?: string,
): ParameterSpaceDefinition {
  const taskParameterDefinitions = Object.entries(parameters).map(
    ([name, range]): TaskParameterDefinition => ({
      name,
      type: typeof range === "string" ? "INT" : "STRING",
      range,
    }),
  );
  return { taskParameterDefinitions, ...(combination !== undefined && { combination }) };
}

function rows(space: ParameterSpace): string[] {
  return Array.from({ length: space.count }, (_, ordinal) =>
    Object.values(space.taskAt(ordinal))
      .map(({ value }) => value)
      .join(""),
  );
}

test("a step without parameters is one task", () => {
  expect([SINGLE_TASK.count, SINGLE_TASK.taskAt(0)]).toEqual([1, {}]);
  expect(() => SINGLE_TASK.taskAt(1)).toThrow(RangeError);
});

test.each([
  [undefined, ["ac", "ad", "bc", "bd"]],
  ["A * B", ["ac", "ad", "bc", "bd"]],
  ["B*A", ["ac", "bc", "ad", "bd"]],
  ["(A, B)", ["ac", "bd"]],
  ["((A), B)", ["ac", "bd"]],
])("the combination %s orders tasks", (combination, tasks) => {
  expect(rows(makeSpace(define({ A: ["a", "b"], B: ["c", "d"] }, combination), lookup))).toEqual(tasks);
});

test("products stand inside zips", () => {
  const space = makeSpace(define({ A: ["a", "b"], B: ["c", "d"], C: "1-4" }, "(A * B, C)"), lookup);
  expect(rows(space)).toEqual(["ac1", "ad2", "bc3", "bd4"]);
});

test("references are filled in, in expressions and items", () => {
  expect(rows(makeSpace(define({ A: "1-{{Param.Last}}" }), lookup))).toEqual(["1", "2", "3"]);
  expect(rows(makeSpace(define({ A: ["{{Param.Name}}!"] }), lookup))).toEqual(["x y!"]);
});

test("number text of items is kept", () => {
  const range = ["1.50", "10.0", "1e2"];
  const space = makeSpace({ taskParameterDefinitions: [{ name: "A", type: "FLOAT", range }] }, lookup);
  expect(rows(space)).toEqual(range);
});

test("a space of 9,007,199,254,740,991 tasks is counted and read without expanding it", () => {
  const space = makeSpace(define({ A: "1-9007199254740991" }), lookup);
  expect(space.count).toBe(Number.MAX_SAFE_INTEGER);
  expect(space.taskAt(Number.MAX_SAFE_INTEGER - 1)).toEqual({
    A: { type: "INT", value: "9007199254740991" },
  });
});

test.each([
  [define({ A: "1-9007199254740992" }), "", /9007199254740992 tasks/],
  [define({ A: "1-3", B: ["x"] }, "(A, B)"), "combination", /equally many.*3 and 1/],
  [define({ A: "1-{{Param.Name}}" }), "taskParameterDefinitions[0].range", /no range/],
  [define({ A: "{{Param.Last}}-1" }), "taskParameterDefinitions[0].range", /ends before/],
  [
    { taskParameterDefinitions: [{ name: "A", type: "INT" as const, range: ["1", "{{Param.Name}}"] }] },
    "taskParameterDefinitions[0].range[1]",
    /no.* whole number|not a whole number/,
  ],
])("a space that cannot be made says where (%#)", (definition, path, words) => {
  expect(() => makeSpace(definition, lookup)).toThrow(
    expect.objectContaining({ path, message: expect.stringMatching(words) }),
  );
});

test("ordinals outside are refused", () => {
  const space = makeSpace(define({ A: "1-3" }), lookup);
  for (const ordinal of [-1, 3, 0.5, NaN]) expect(() => space.taskAt(ordinal)).toThrow(RangeError);
});

test("every product equals nested loops, the rightmost fastest", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(sizes, (lengths) => {
      const names = lengths.map((_, index) => `P${index}`);
      const space = makeSpace(
        define(Object.fromEntries(lengths.map((length, index) => [`P${index}`, `1-${length}`]))),
        lookup,
      );
      let expected: string[] = [""];
      for (const length of lengths) {
        expected = expected.flatMap((before) =>
          Array.from({ length }, (_, index) => `${before}${index + 1}`),
        );
      }
      expect(space.names).toEqual(names);
      expect(rows(space)).toEqual(expected);
    }),
  );
});
