// Format strings: what is a reference, what it becomes, and what is refused.
import { expect, test } from "vitest";
import { hostLookup, parseFormatString, resolveFormatString, templateLookup } from "./format-string.ts";
import type { ParameterValue } from "./types.ts";

const parameters: Record<string, ParameterValue> = {
  Frames: { type: "STRING", value: "1-10" },
  Scene: { type: "PATH", value: "/mnt/show/a.blend" },
  Size: { type: "FLOAT", value: "1.50" },
};

test.each([
  ["plain { } text", "plain { } text"],
  ["{{Param.Frames}}", "1-10"],
  ["a{{ Param.Size }}b{{  Param.Frames}}", "a1.50b1-10"],
  ["{{Param.Frames}}}", "1-10}"],
  ["{ {Param.Frames} }", "{ {Param.Frames} }"],
])("%s becomes %s", (text, result) => {
  expect(resolveFormatString(text, templateLookup(parameters))).toBe(result);
});

test.each([
  "{{",
  "}}",
  "{{}}",
  "{{ }}",
  "{{Param..X}}",
  "{{Param.X",
  "{{Param.X}",
  "a}} {{Param.X}}",
  "{{Param.X}}|}}",
  "{{1}}",
  "{{a b}}",
  "{{Param.{{X}}}}",
])("%s is malformed", (text) => {
  expect(() => parseFormatString(text)).toThrow(/\{\{|\}\}/);
});

test("a reference without a value is an error that names it", () => {
  expect(() => resolveFormatString("{{Param.Nothing}}", templateLookup(parameters))).toThrow(
    "{{Param.Nothing}}",
  );
  expect(() => resolveFormatString("{{Param.constructor}}", templateLookup(parameters))).toThrow(
    "constructor",
  );
});

test("paths have only a raw value when the job is made", () => {
  const lookup = templateLookup(parameters);
  expect(lookup("Param.Scene")).toBeUndefined();
  expect(lookup("RawParam.Scene")).toBe("/mnt/show/a.blend");
});

test("on the worker paths are mapped, raw ones are not", () => {
  const lookup = hostLookup({
    parameters,
    taskParameters: { Frame: { type: "INT", value: "7" }, Out: { type: "PATH", value: "/mnt/show/out" } },
    session: { workingDirectory: "/tmp/s", pathMappingRulesFile: "/tmp/s/rules.json" },
    files: { scope: "Task", paths: { Run: "/tmp/s/run.sh" } },
    pathMappingRules: [{ sourcePathFormat: "POSIX", sourcePath: "/mnt", destinationPath: "/local" }],
  });
  const names = [
    "Param.Scene",
    "RawParam.Scene",
    "Param.Size",
    "Task.Param.Frame",
    "Task.Param.Out",
    "Task.RawParam.Out",
    "Task.File.Run",
    "Session.WorkingDirectory",
    "Session.PathMappingRulesFile",
    "Session.HasPathMappingRules",
    "Env.File.Run",
    "Task.File.Other",
  ];
  expect(names.map((name) => lookup(name))).toEqual([
    "/local/show/a.blend",
    "/mnt/show/a.blend",
    "1.50",
    "7",
    "/local/show/out",
    "/mnt/show/out",
    "/tmp/s/run.sh",
    "/tmp/s",
    "/tmp/s/rules.json",
    "true",
    undefined,
    undefined,
  ]);
});
