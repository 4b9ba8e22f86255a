// Binding: types, bounds, allowed values, paths, and definitions merged from environment templates.
import { expect, test } from "vitest";
import { bindParameters } from "./bind.ts";
import type { EnvironmentTemplate, ParameterDefinition } from "./types.ts";

const where = { templateDirectory: "/shows/tpl", currentDirectory: "/home/me" };

function bind(
  definitions: ParameterDefinition[],
  given: Record<string, unknown> = {},
  ...outer: ParameterDefinition[][]
) {
  const environments = outer.map((parameterDefinitions, index): EnvironmentTemplate => ({
    specificationVersion: "environment-2023-09",
    parameterDefinitions,
    environment: { name: `E${index}`, variables: { A: "1" } },
  }));
  const { parameters, problems } = bindParameters(
    { parameterDefinitions: definitions },
    environments,
    given,
    where,
  );
  const values = Object.fromEntries(Object.entries(parameters).map(([name, { value }]) => [name, value]));
  return { values, mistakes: problems.map(({ path, message }) => `${path}: ${message}`) };
}

const int: ParameterDefinition = { name: "N", type: "INT" };
const float: ParameterDefinition = { name: "F", type: "FLOAT" };
const path: ParameterDefinition = { name: "P", type: "PATH" };

test.each([
  [int, "7", "7"],
  [int, 7, "7"],
  [int, " -7 ", "-7"],
  [int, "9223372036854775807", "9223372036854775807"],
  [float, "1.50", "1.50"],
  [float, 1.5, "1.5"],
  [float, "1e3", "1e3"],
  [{ name: "S", type: "STRING" }, "", ""],
  [path, "/a//b", "/a//b"],
  [path, "", ""],
  [path, "renders/../out", "/home/me/out"],
  [path, "../other", "/home/other"],
  [path, "C:\\shots\\a", "C:\\shots\\a"],
] as [ParameterDefinition, unknown, string][])("%j given %j becomes %j", (definition, given, value) => {
  expect(bind([definition], { [definition.name]: given })).toEqual({
    values: { [definition.name]: value },
    mistakes: [],
  });
});

test.each([
  [int, "1.5", /whole number/],
  [int, 1.5, /whole number/],
  [int, true, /whole number/],
  [int, "9223372036854775808", /64 bits/],
  [float, "nan", /must be a number/],
  [float, "x", /must be a number/],
  [{ name: "S", type: "STRING" }, 5, /must be a text/],
  [{ name: "S", type: "STRING" }, "x".repeat(1025), /1024/],
  [{ name: "S", type: "STRING", allowedValues: ["a", "b"] }, "c", /a, b/],
  [{ name: "S", type: "STRING", minLength: 2 }, "c", /shorter than 2/],
  [{ name: "S", type: "STRING", maxLength: 2 }, "ccc", /longer than 2/],
  [{ ...int, minValue: "0" }, "-1", /less than 0/],
  [{ ...int, maxValue: "9223372036854775806" }, "9223372036854775807", /more than/],
  [{ ...float, allowedValues: ["1.0"] }, "2", /1\.0/],
] as [ParameterDefinition, unknown, RegExp][])("%j given %j is refused", (definition, given, words) => {
  const { values, mistakes } = bind([definition], { [definition.name]: given });
  expect(values).toEqual({});
  expect(mistakes).toEqual([expect.stringMatching(words)]);
});

test("an allowed FLOAT is allowed in any spelling, and keeps the given one", () => {
  expect(bind([{ ...float, allowedValues: ["1.0"] }], { F: "1.00" }).values).toEqual({ F: "1.00" });
});

test("a missing value and an unknown name are named", () => {
  expect(bind([int], { M: "1" }).mistakes).toEqual([
    'M: The template has no parameter called "M". It has: N.',
    "N: The parameter N needs a value. Give one with -p N=…",
  ]);
});

test("defaults of paths lie below the template's folder", () => {
  const withDefault = (value: string): ParameterDefinition => ({ ...path, default: value });
  expect(bind([withDefault("scenes/a.blend")]).values).toEqual({ P: "/shows/tpl/scenes/a.blend" });
  expect(bind([withDefault(".")]).values).toEqual({ P: "/shows/tpl" });
  expect(bind([withDefault("")]).values).toEqual({ P: "" });
  expect(bind([withDefault("/abs")]).mistakes).toEqual([expect.stringMatching(/absolute/)]);
  expect(bind([withDefault("../tpl2/x")]).mistakes).toEqual([expect.stringMatching(/leads out/)]);
});

test("paths of a Windows submitter keep its slashes", () => {
  const windows = { templateDirectory: "D:\\tpl", currentDirectory: "D:\\me" };
  const given = { P: "..\\out/x" };
  const { parameters } = bindParameters({ parameterDefinitions: [path] }, [], given, windows);
  expect(parameters.P).toEqual({ type: "PATH", value: "D:\\out\\x" });
});

test("the strictest bounds of all templates hold and the job's default wins", () => {
  const outer: ParameterDefinition[] = [{ ...int, minValue: "5", maxValue: "10", default: "6" }];
  const inner: ParameterDefinition[] = [{ ...int, minValue: "3", maxValue: "8", default: "7" }];
  expect(bind(inner, {}, outer).values).toEqual({ N: "7" });
  expect(bind(inner, { N: "4" }, outer).mistakes).toEqual([expect.stringMatching(/less than 5/)]);
  expect(bind(inner, { N: "9" }, outer).mistakes).toEqual([expect.stringMatching(/more than 8/)]);
});

test("the default of an environment serves when the job has none", () => {
  expect(bind([int], {}, [{ ...int, default: "1" }], [{ ...int, default: "2" }]).values).toEqual({ N: "2" });
});

test("allowed values intersect", () => {
  const allow = (...allowedValues: string[]): ParameterDefinition => ({
    name: "S",
    type: "STRING",
    allowedValues,
  });
  expect(bind([allow("b", "c")], { S: "b" }, [allow("a", "b")]).mistakes).toEqual([]);
  expect(bind([allow("b", "c")], { S: "c" }, [allow("a", "b")]).mistakes).toEqual([
    expect.stringMatching(/values: b/),
  ]);
  expect(bind([allow("c")], { S: "c" }, [allow("a")]).mistakes).toEqual([
    expect.stringMatching(/No value/),
    expect.stringMatching(/not one of/),
  ]);
});

test.each([
  [{ name: "N", type: "STRING" }, /of type INT .* STRING/],
  [{ ...int, minValue: "9" }, /No value of the parameter N/],
  [{ ...int, default: "5" }, /default of the parameter N/],
] as [ParameterDefinition, RegExp][])(
  "definitions that cannot hold together are refused (%#)",
  (inner, words) => {
    const outer: ParameterDefinition[] = [{ ...int, maxValue: inner.default === undefined ? "8" : "4" }];
    expect(bind([inner], { N: "5" }, outer).mistakes).toContainEqual(expect.stringMatching(words));
  },
);

test.each([
  [{ ...path, objectType: "FILE" }, /DIRECTORY/],
  [{ ...path, dataFlow: "IN" }, undefined],
] as [ParameterDefinition, RegExp | undefined][])("path kinds must agree (%#)", (inner, words) => {
  const { mistakes } = bind([inner], { P: "/a" }, [path]);
  expect(mistakes).toEqual(words === undefined ? [] : [expect.stringMatching(words)]);
});
