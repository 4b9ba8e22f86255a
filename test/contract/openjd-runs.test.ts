// Every recorded run: succeeds or fails as recorded, and the actions print exactly the recorded texts in this order.
import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runLocally, stepsInOrder } from "../../broker/cli/local-run.ts";
import { bindParameters } from "../../broker/openjd/bind.ts";
import { planJob } from "../../broker/openjd/job.ts";
import { parsePathMappingRules } from "../../broker/openjd/path-mapping.ts";
import { checkEnvironmentTemplate, checkJobTemplate } from "../../broker/openjd/template.ts";
import { recordedCases } from "./openjd-cases.ts";

interface RunCase {
  id: string;
  template: unknown;
  parameters: Record<string, unknown>;
  pathMappingRules?: string;
  environments?: unknown[];
  step?: string;
  runDependencies?: boolean;
  succeeds: boolean;
  out: string[];
}

const cases = recordedCases<RunCase>("runs.jsonl");
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tally-runs-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

function textsOf(lines: readonly string[]): string[] {
  return lines.flatMap((line) => (line.includes("OUT:") ? [line.slice(line.indexOf("OUT:"))] : []));
}

async function runCase(json: RunCase, document: unknown): Promise<{ succeeds: boolean; out: string[] }> {
  const { template } = checkJobTemplate(document);
  const environments = (json.environments ?? []).map((it) => checkEnvironmentTemplate(it).template);
  if (template === undefined || environments.includes(undefined)) return { succeeds: false, out: [] };
  const known = environments.filter((it) => it !== undefined);
  const where = { templateDirectory: folder, currentDirectory: folder };
  const { parameters, problems } = bindParameters(template, known, json.parameters, where);
  const { job } = planJob(template, parameters);
  if (problems.length > 0 || job === undefined) return { succeeds: false, out: [] };
  const lines: string[] = [];
  const { succeeded } = await runLocally({
    template,
    environments: known,
    parameters,
    job,
    steps: stepsInOrder(job, json.step, json.runDependencies ?? false),
    rules: json.pathMappingRules === undefined ? [] : parsePathMappingRules(json.pathMappingRules),
    onLine: (line) => lines.push(line),
  });
  return { succeeds: succeeded, out: textsOf(lines) };
}

test("there are as many runs as were recorded", () => {
  expect(cases.length).toBe(122);
});

describe.concurrent("a recorded run", () => {
  test.each(cases)("$json.id", async ({ json, template }) => {
    expect(await runCase(json, template)).toEqual({ succeeds: json.succeeds, out: json.out });
  });
});

/** Some of them through the command itself, with every flag. */
const throughCommand = [
  "steps-in-order",
  "exit-1",
  "external-environment-parameter",
  "map-param-0",
  "redacted-env",
  "quoting",
];

describe.concurrent("tally run as a command", () => {
  test.each(cases.filter(({ json }) => throughCommand.includes(json.id)))("$json.id", async ({ json }) => {
    const file = join(folder, `${json.id}.json`);
    await writeFile(file, JSON.stringify(json.template));
    const flags = Object.entries(json.parameters).flatMap(([name, value]) => [
      "-p",
      `${name}=${String(value)}`,
    ]);
    if (json.pathMappingRules !== undefined) flags.push("--path-mapping-rules", json.pathMappingRules);
    if (json.step !== undefined) flags.push("--step", json.step);
    if (json.runDependencies === true) flags.push("--run-dependencies");
    for (const [index, environment] of (json.environments ?? []).entries()) {
      const path = join(folder, `${json.id}-env-${index}.json`);
      await writeFile(path, JSON.stringify(environment));
      flags.push("--environment", path);
    }
    const { code, stdout } = await command([file, ...flags]);
    expect({ succeeds: code === 0, out: textsOf(stdout.split("\n")) }).toEqual({
      succeeds: json.succeeds,
      out: json.out,
    });
  });
});

test("run shot.blend points to submit", async () => {
  const { code, stderr } = await command(["shot.blend"]);
  expect(code).toBe(2);
  expect(stderr).toContain("tally submit shot.blend");
});

test("nothing of a run is left in the temporary folder", async () => {
  const names = await readdir(folder);
  expect(names.filter((name) => !name.endsWith(".json"))).toEqual([]);
});

async function command(args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const program = new URL("../../broker/cli/commands/run.ts", import.meta.url).href;
  const script = `import { run } from ${JSON.stringify(program)}; process.exitCode = await run(process.argv.slice(1));`;
  const options = { env: { ...process.env, TMPDIR: folder } };
  return await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "-e", script, "--", ...args],
    options,
  ).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
}
