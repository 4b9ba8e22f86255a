// Templates: each mistake has the path of its field and a sentence that says what to do.
import { expect, test } from "vitest";
import { readTemplateText } from "./document.ts";
import { checkEnvironmentTemplate, checkJobTemplate, templateKind } from "./template.ts";

function mistakes(step: string, head = ""): string[] {
  const text = `specificationVersion: jobtemplate-2023-09\nname: J\n${head}\nsteps:\n- name: S\n${step}`;
  const { document, problems } = readTemplateText(text);
  expect(problems).toEqual([]);
  return checkJobTemplate(document).problems.map(({ path, message }) => `${path}: ${message}`);
}

const run = "  script: {actions: {onRun: {command: echo}}}";
const parameters = "parameterDefinitions:\n- {name: Frames, type: STRING}\n- {name: Scene, type: PATH}";

test.each([
  [
    "  script: {actions: {onRun: {command: '{{Param.frames}}'}}}",
    parameters,
    "steps[0].script.actions.onRun.command: {{Param.frames}} does not exist here. Did you mean {{Param.Frames}}?",
  ],
  [
    `  parameterSpace: {taskParameterDefinitions: [{name: F, type: STRING, range: ['{{Param.Scene}}']}]}\n${run}`,
    parameters,
    "steps[0].parameterSpace.taskParameterDefinitions[0].range[0]: {{Param.Scene}} is a path, known only on the worker. Use {{RawParam.Scene}} here.",
  ],
  [
    run,
    "extensions: [EXPR]",
    "extensions[0]: This template asks for the extension EXPR; Tally supports TASK_CHUNKING and REDACTED_ENV_VARS.",
  ],
  [
    `  dependencies: [{dependsOn: T}]\n${run}`,
    "",
    'steps[0].dependencies[0].dependsOn: There is no step called "T".',
  ],
  [`${run}\n  priority: 5`, "", /^steps\[0\]\.priority: "priority" is not a key that belongs here/],
  [
    "  script: {actions: {onRun: {command: 5}}}",
    "",
    /^steps\[0\]\.script\.actions\.onRun\.command: .* Put it in quotes: "5"\.$/,
  ],
  [
    "  script: {actions: {onRun: {command: echo, timeout: 0}}}",
    "",
    'steps[0].script.actions.onRun.timeout: "timeout" must be 1 or more.',
  ],
  [
    `  parameterSpace: {taskParameterDefinitions: [{name: F, type: 'CHUNK[INT]', range: 1-9, chunks: {defaultTaskCount: 2, rangeConstraint: CONTIGUOUS}}]}\n${run}`,
    "",
    /^steps\[0\]\.parameterSpace\.taskParameterDefinitions\[0\]\.type: CHUNK\[INT\] needs the extension TASK_CHUNKING/,
  ],
  [
    `  hostRequirements: {attributes: [{name: attr.worker.os.family, anyOf: [beos]}]}\n${run}`,
    "",
    /^steps\[0\]\.hostRequirements\.attributes\[0\]\.anyOf\[0\]: "beos" is not known .* linux or windows or macos\.$/,
  ],
  [
    `  hostRequirements: {amounts: [{name: amount.worker.cores, min: 1}]}\n${run}`,
    "",
    /amounts\[0\]\.name: .* reserved/,
  ],
])("one mistake, one sentence (%#)", (step, head, expected) => {
  const found = mistakes(step, head);
  expect(found).toEqual([typeof expected === "string" ? expected : expect.stringMatching(expected)]);
});

test("steps that wait for each other are named", () => {
  const { problems } = checkJobTemplate({
    specificationVersion: "jobtemplate-2023-09",
    name: "J",
    steps: ["A", "B", "C", "D"].map((name, index) => ({
      name,
      dependencies: [{ dependsOn: ["B", "C", "B", "A"][index] }],
      script: { actions: { onRun: { command: "true" } } },
    })),
  });
  expect(problems).toEqual([
    { path: "steps[1].dependencies", message: "These steps wait for each other: B, C." },
  ]);
});

test("all mistakes are found in one go", () => {
  expect(mistakes("  script: {actions: {onRun: {command: '', timeout: x}}}", "colour: red")).toHaveLength(3);
});

test("a checked template is plain JSON and is valid again", () => {
  const text = `
specificationVersion: jobtemplate-2023-09
extensions: [TASK_CHUNKING]
name: "{{Param.Name}}"
parameterDefinitions:
- {name: Name, type: STRING, default: shot}
- {name: Chunk, type: INT, default: 10, minValue: 1}
- {name: Gain, type: FLOAT, default: 1.50}
steps:
- name: Render
  parameterSpace:
    taskParameterDefinitions:
    - {name: Frames, type: "CHUNK[INT]", range: 1-9, chunks: {defaultTaskCount: "{{Param.Chunk}}", rangeConstraint: CONTIGUOUS}}
  script: {actions: {onRun: {command: echo, args: ["{{Task.Param.Frames}}"], timeout: 5}}}
`;
  const { template, problems } = checkJobTemplate(readTemplateText(text).document);
  expect(problems).toEqual([]);
  expect(template?.parameterDefinitions?.map((definition) => definition.default)).toEqual([
    "shot",
    "10",
    "1.50",
  ]);
  const again = checkJobTemplate(JSON.parse(JSON.stringify(template)));
  expect(again).toEqual({ template, problems: [] });
});

test("plain JSON values are templates too", () => {
  const { template } = checkEnvironmentTemplate({
    specificationVersion: "environment-2023-09",
    environment: { name: "E", variables: { A: "1" } },
  });
  expect(template?.environment.variables).toEqual({ A: "1" });
});

test.each([null, [], "text", 5, {}])("%j is no template", (document) => {
  expect(checkJobTemplate(document).problems.length).toBeGreaterThan(0);
  expect(checkEnvironmentTemplate(document).problems.length).toBeGreaterThan(0);
  expect(templateKind(document)).toBeUndefined();
});
