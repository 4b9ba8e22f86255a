// Job creation: names and requirements are filled in, scripts are left to the worker.
import { expect, test } from "vitest";
import { planJob } from "./job.ts";
import { checkJobTemplate } from "./template.ts";
import type { ParameterValue } from "./types.ts";

const script = { actions: { onRun: { command: "echo", args: ["{{Param.Os}}"] } } };

function plan(fields: object, steps: object[], parameters: Record<string, ParameterValue>) {
  const parameterDefinitions = Object.entries(parameters).map(([name, { type }]) => ({ name, type }));
  const { template, problems } = checkJobTemplate({
    specificationVersion: "jobtemplate-2023-09",
    name: "J",
    parameterDefinitions,
    ...fields,
    steps,
  });
  if (template === undefined) throw new Error(JSON.stringify(problems));
  return planJob(template, parameters);
}

const os = (value: string): Record<string, ParameterValue> => ({ Os: { type: "STRING", value } });

test("a job has its name, its steps in order, what they wait for and how many tasks they have", () => {
  const requirement = { attributes: [{ name: "attr.worker.os.family", anyOf: ["{{Param.Os}}"] }] };
  const parameterSpace = { taskParameterDefinitions: [{ name: "F", type: "INT", range: "1-1000000" }] };
  const { job } = plan(
    { name: "On {{Param.Os}}" },
    [
      { name: "B", dependencies: [{ dependsOn: "A" }], script },
      { name: "A", parameterSpace, hostRequirements: requirement, script },
    ],
    os("linux"),
  );
  expect(job?.name).toBe("On linux");
  expect(job?.steps.map(({ name, dependsOn, taskCount }) => ({ name, dependsOn, taskCount }))).toEqual([
    { name: "B", dependsOn: ["A"], taskCount: 1 },
    { name: "A", dependsOn: [], taskCount: 1_000_000 },
  ]);
  expect(job?.steps[1]?.hostRequirements?.attributes).toEqual([
    { name: "attr.worker.os.family", anyOf: ["linux"] },
  ]);
  expect(job?.steps[0]?.step.script.actions.onRun.args).toEqual(["{{Param.Os}}"]);
});

test.each([
  [{ name: "{{Param.Os}}" }, "x".repeat(129), "name", /129 characters/],
  [{ name: "{{Param.Os}}" }, "a\nb", "name", /line break/],
  [{ name: "{{Param.Os}}" }, "", "name", /empty/],
])("a name that cannot be is refused (%#)", (fields, value, path, words) => {
  const { job, problems } = plan(fields, [{ name: "S", script }], os(value));
  expect(job).toBeUndefined();
  expect(problems).toEqual([{ path, parameter: "Os", message: expect.stringMatching(words) }]);
});

test("a field that is one parameter's value names it, in words about frames; every field is looked at", () => {
  const space = (...axes: [string, string, string | string[]][]) => ({
    parameterSpace: {
      taskParameterDefinitions: axes.map(([name, type, range]) => ({ name, type, range })),
    },
    script,
  });
  const text = (value: string): ParameterValue => ({ type: "STRING", value });
  const steps = [
    { name: "A", ...space(["Frame", "INT", "{{Param.Frames}}"], ["Tile", "INT", "{{ RawParam.Tiles }}"]) },
    { name: "B", ...space(["Frame", "INT", "1-{{Param.Frames}}"], ["N", "INT", ["{{Param.Tiles}}"]]) },
  ];
  const { problems } = plan({}, steps, { Frames: text("1-1O"), Tiles: text("x"), ...os("linux") });
  const at = (step: number, axis: number) =>
    `steps[${step}].parameterSpace.taskParameterDefinitions[${axis}].range`;
  expect(problems).toEqual([
    {
      path: at(0, 0),
      parameter: "Frames",
      message: '"1-1O" is no frame list. Write for example 1-10,15,20-40:2.',
    },
    { path: at(0, 1), parameter: "Tiles", message: expect.stringMatching(/^"x" is no range\./) },
    { path: at(1, 0), message: expect.stringMatching(/^"1-1-1O" is no range\./) },
    { path: `${at(1, 1)}[0]`, parameter: "Tiles", message: '"x" is not a whole number.' },
  ]);
});

test("what lacks the value of a refused parameter is no mistake of its own, and makes no job", () => {
  const { template } = checkJobTemplate({
    specificationVersion: "jobtemplate-2023-09",
    name: "{{Param.A}}",
    parameterDefinitions: ["A", "B"].map((name) => ({ name, type: "STRING" })),
    steps: ["{{Param.A}}", "{{Param.B}}"].map((range, index) => ({
      name: `S${index}`,
      parameterSpace: { taskParameterDefinitions: [{ name: "F", type: "INT", range }] },
      script: { actions: { onRun: { command: "echo" } } },
    })),
  });
  if (template === undefined) throw new Error("this is a template");
  const refused = new Set(["A"]);
  const wrong = planJob(template, { B: { type: "STRING", value: "x" } }, refused);
  expect(wrong.problems.map(({ parameter }) => parameter)).toEqual(["B"]);
  expect(planJob(template, { B: { type: "STRING", value: "1" } }, refused)).toEqual({ problems: [] });
  expect(planJob(template, { B: { type: "STRING", value: "1" } }).problems).toHaveLength(2);
});

test("mistakes that values make have the path of the field", () => {
  const { problems } = plan(
    {},
    [
      {
        name: "S",
        hostRequirements: { attributes: [{ name: "attr.worker.os.family", anyOf: ["{{Param.Os}}"] }] },
        parameterSpace: { taskParameterDefinitions: [{ name: "F", type: "INT", range: "{{Param.Os}}" }] },
        script,
      },
    ],
    os("beos"),
  );
  expect(problems.map(({ path }) => path)).toEqual([
    "steps[0].parameterSpace.taskParameterDefinitions[0].range",
    "steps[0].hostRequirements.attributes[0].anyOf[0]",
  ]);
});
