// Job bundles: what is read, what is refused, and what its values mean.
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { testFolder } from "../../test/support/start-broker.ts";
import { isBundle, readBundle } from "./bundle.ts";
import { sortBundleValues } from "./bundle-settings.ts";
import { readSubmit } from "./submit-flags.ts";
import { prepareBundle } from "./submit-bundle.ts";

const template = `specificationVersion: jobtemplate-2023-09
name: Bundle
parameterDefinitions:
  - { name: Script, type: PATH, objectType: FILE, dataFlow: IN, default: scripts/run.sh }
  - { name: Data, type: PATH, objectType: DIRECTORY, dataFlow: IN, default: data }
  - { name: Out, type: PATH, objectType: DIRECTORY, dataFlow: OUT, default: out }
  - { name: Film, type: PATH, objectType: FILE, dataFlow: OUT, default: films/a.mp4 }
  - { name: Big, type: INT, default: 1 }
  - { name: Word, type: STRING, default: plain }
steps:
  - name: Run
    script: { actions: { onRun: { command: sh, args: ["{{Param.Script}}"] } } }
`;

function makeBundle(files: Record<string, string> = {}): string {
  const folder = testFolder("tally-bundle-");
  mkdirSync(join(folder, "scripts"));
  writeFileSync(join(folder, "scripts/run.sh"), "echo hello\n");
  for (const [name, text] of Object.entries({ "template.yaml": template, ...files }))
    writeFileSync(join(folder, name), text);
  return folder;
}

const prepare = (folder: string, ...flags: string[]) =>
  prepareBundle(folder, readSubmit([folder, ...flags]).values);

test("paths of PATH parameters: files and folders in, the folders of what comes out", async () => {
  const folder = makeBundle();
  const { body, inputs, notes } = await prepare(folder);
  expect(inputs.parts).toEqual([{ group: "Script", files: [join(folder, "scripts/run.sh")], folders: [] }]);
  expect(body.settings?.outputFolders).toEqual([join(folder, "out"), join(folder, "films")]);
  expect(notes).toEqual([
    `Data: the folder ${join(folder, "data")} is not here, so it is not sent; a worker must have it.`,
  ]);
});

test("the command line counts more than parameter_values, and they more than the defaults", async () => {
  const folder = makeBundle({
    "parameter_values.json": JSON.stringify({
      parameterValues: [
        { name: "Word", value: "from the file" },
        { name: "Out", value: "elsewhere" },
      ],
    }).replace("}]", '},{"name":"Big","value":9007199254740993}]'),
  });
  const { body } = await prepare(folder, "-p", "Word=typed");
  expect(body.parameters).toEqual({ Word: "typed", Out: join(folder, "elsewhere"), Big: "9007199254740993" });
});

test("asset references: inputs of no parameter, folders of results, what is only named", async () => {
  const folder = makeBundle({
    "asset_references.yaml": `assetReferences:
  inputs: { filenames: [scripts/run.sh, /etc/hostname], directories: [./scripts, gone] }
  outputs: { directories: [renders] }
  referencedPaths: [/mnt/library]
`,
    "hooks.yaml": "version: 1\n",
  });
  const { body, inputs, notes } = await prepare(folder);
  expect(inputs.parts.at(-1)).toEqual({
    files: [join(folder, "scripts/run.sh"), "/etc/hostname"],
    folders: [join(folder, "scripts")],
  });
  expect(body.settings?.resultFolders).toEqual([join(folder, "renders")]);
  expect(body.settings?.outputFolders).toContain(join(folder, "renders"));
  expect(notes).toEqual(
    expect.arrayContaining([
      "Left out: hooks.yaml. Tally runs no hooks.",
      `The input folder ${join(folder, "gone")} is not here, so it is not sent; a worker must have it.`,
      "1 referenced path not sent: a worker must have them.",
    ]),
  );
});

test("`deadline:` settings are honoured or named as ignored", async () => {
  const folder = makeBundle({
    "parameter_values.yaml": `parameterValues:
  - { name: "deadline:priority", value: 80 }
  - { name: "deadline:targetTaskRunStatus", value: SUSPENDED }
  - { name: "deadline:maxFailedTasksCount", value: 0 }
  - { name: "deadline:maxRetriesPerTask", value: 3 }
  - { name: "deadline:storageProfile", value: sp-1 }
  - { name: CondaPackages, value: blender }
`,
  });
  const { body, notes } = await prepare(folder);
  expect(body.settings).toMatchObject({ priority: 80, paused: true, maxFailedTasks: 1, maxRetries: 3 });
  expect(notes[0]).toBe(
    "Left out, because neither the template nor Tally has it: deadline:storageProfile, CondaPackages",
  );
  // What is typed counts more.
  expect((await prepare(folder, "--priority", "10")).body.settings?.priority).toBe(10);
});

test.each([
  ["deadline:priority", 101, /deadline:priority must be a whole number from 0 to 100, not "101"/],
  ["deadline:maxRetriesPerTask", "many", /must be a whole number/],
  ["deadline:targetTaskRunStatus", "PAUSED", /must be READY or SUSPENDED, not "PAUSED"/],
])("%s = %s is refused", (name, value, sentence) => {
  expect(() => sortBundleValues([{ name, value }], [])).toThrow(sentence);
});

test("a link that leads out of the bundle is refused, one that stays inside is fine", async () => {
  const folder = makeBundle();
  symlinkSync("scripts/run.sh", join(folder, "inside.sh"));
  await expect(readBundle(folder)).resolves.toMatchObject({ folder });
  symlinkSync("/etc", join(folder, "scripts/etc"));
  await expect(readBundle(folder)).rejects.toThrow(/has links that lead out of it:\n {2}scripts\/etc\n/);
});

test("a default that leads out of the bundle is refused", async () => {
  const folder = makeBundle({ "template.yaml": template.replace("scripts/run.sh", "../run.sh") });
  await expect(prepare(folder)).rejects.toThrow(/leads out of the template's folder/);
});

test("two templates, none, values without a name: each in a sentence", async () => {
  await expect(readBundle(makeBundle({ "template.json": "{}" }))).rejects.toThrow(
    /has both template\.yaml and template\.json/,
  );
  const empty = testFolder();
  await expect(readBundle(empty)).rejects.toThrow(/has no template\.yaml or template\.json/);
  expect(await isBundle(empty)).toBe(false);
  await expect(
    readBundle(makeBundle({ "parameter_values.yaml": "parameterValues: [{ value: 1 }]\n" })),
  ).rejects.toThrow(/needs a name and a value/);
  await expect(
    readBundle(makeBundle({ "asset_references.yaml": "assetReferences: { inputs: { filenames: a } }\n" })),
  ).rejects.toThrow(/filenames in .* must be a list of paths/);
});

test("flags of scenes are refused for a bundle", async () => {
  await expect(prepare(makeBundle(), "--encode")).rejects.toThrow(/--encode is for Blender scenes/);
});
