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
  expect(problems).toEqual([{ path, message: expect.stringMatching(words) }]);
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
