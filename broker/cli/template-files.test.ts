// Template files and -p arguments: real files, and a sentence for everything that can be wrong with them.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { numberText } from "../openjd/numbers.ts";
import {
  checkTemplateFile,
  loadEnvironmentTemplates,
  loadJobTemplate,
  readParameterArguments,
} from "./template-files.ts";
import { tally } from "./own-name.ts";
import { usageMistake } from "./usage.ts";

const job =
  "specificationVersion: jobtemplate-2023-09\nname: J\nsteps: [{name: S, script: {actions: {onRun: {command: echo}}}}]\n";
const environment = "specificationVersion: environment-2023-09\nenvironment: {name: E, variables: {A: b}}\n";
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tally-files-"));
  await writeFile(join(folder, "job.yaml"), job);
  await writeFile(join(folder, "environment.yaml"), environment);
  await writeFile(join(folder, "broken.yaml"), job.replace("echo", "''"));
  await writeFile(join(folder, "latin.yaml"), Buffer.from([0x61, 0x3a, 0x20, 0xe4]));
  await writeFile(join(folder, "huge.yaml"), Buffer.alloc(10 * 1024 * 1024 + 1, "#"));
  await writeFile(join(folder, "values.yaml"), "Frames: 5-9\nGain: 1.50\n");
  const parameterValues = [
    { name: "Frames", value: "1-3" },
    { name: "deadline:priority", value: 50 },
  ];
  await writeFile(join(folder, "bundle.json"), JSON.stringify({ parameterValues }));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

test("job and environment templates are told apart by what they say they are", async () => {
  expect((await loadJobTemplate(join(folder, "job.yaml"))).name).toBe("J");
  const [template] = await loadEnvironmentTemplates([join(folder, "environment.yaml")]);
  expect(template?.environment.name).toBe("E");
  await expect(loadJobTemplate(join(folder, "environment.yaml"))).rejects.toThrow(/environment template/);
  await expect(loadEnvironmentTemplates([join(folder, "job.yaml")])).rejects.toThrow(/job template/);
});

test("a broken template is told with the path of its mistake", async () => {
  await expect(loadJobTemplate(join(folder, "broken.yaml"))).rejects.toThrow(
    /broken\.yaml: 1 problem\n {2}steps\[0\]\.script\.actions\.onRun\.command: "command" must not be empty\./,
  );
});

test.each([
  ["none.yaml", /does not exist/],
  ["latin.yaml", /not UTF-8/],
  ["huge.yaml", /larger than 10 MB/],
  [".", /is a folder|The file is a folder/],
])("%s is refused in a sentence", async (name, words) => {
  const { template, problems } = await checkTemplateFile(join(folder, name));
  expect(template).toBeUndefined();
  expect(problems).toEqual([{ path: "", message: expect.stringMatching(words) }]);
});

test("values come from arguments, files and bundles; the later one wins", async () => {
  expect(await readParameterArguments(["A=b=c", "B=", "A=d"])).toEqual({ A: "d", B: "" });
  const address = pathToFileURL(join(folder, "values.yaml")).href;
  const values = await readParameterArguments([address, "Frames=7"]);
  expect([values.Frames, numberText(values.Gain)]).toEqual(["7", "1.50"]);
  expect(await readParameterArguments([pathToFileURL(join(folder, "bundle.json")).href])).toEqual({
    Frames: "1-3",
  });
});

test.each(["Frames", "=7", "file:///nowhere/values.yaml"])(
  "-p %s is refused in a sentence",
  async (argument) => {
    await expect(readParameterArguments([argument])).rejects.toThrow(/NAME=VALUE|does not exist/);
  },
);

test("an unknown option is told with the command to type", () => {
  const message = usageMistake(
    "check",
    new Error("Unknown option '--jsn'. To specify a positional argument …"),
  );
  expect(message).toBe(`tally check has no option --jsn. Type: ${tally("check --help")}`);
});
