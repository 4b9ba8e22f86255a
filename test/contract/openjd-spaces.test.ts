// Every recorded parameter space: the same tasks, in the same order, with the same value text; and what runs tell of spaces.
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bindParameters } from "../../broker/openjd/bind.ts";
import { chunksOf, chunkText, chunkValues } from "../../broker/openjd/chunks.ts";
import { planJob } from "../../broker/openjd/job.ts";
import type { ParameterSpace } from "../../broker/openjd/space.ts";
import { checkJobTemplate } from "../../broker/openjd/template.ts";
import { recordedCases } from "./openjd-cases.ts";

interface SpaceCase {
  id: string;
  template: unknown;
  parameters: Record<string, unknown>;
  tasks: Record<string, { type: string; value: string }>[];
}

interface RunCase {
  id: string;
  parameters: Record<string, unknown>;
  out: string[];
}

const where = { templateDirectory: "/templates", currentDirectory: "/work" };
const cases = recordedCases<SpaceCase>("spaces.jsonl");
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tally-plan-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

function spaceOf(document: unknown, given: Record<string, unknown>): ParameterSpace {
  const { template, problems } = checkJobTemplate(document);
  if (template === undefined) throw new Error(JSON.stringify(problems));
  const bound = bindParameters(template, [], given, where);
  const { job } = planJob(template, bound.parameters);
  const space = job?.steps[0]?.space;
  if (space === undefined || bound.problems.length > 0) throw new Error(JSON.stringify(bound.problems));
  return space;
}

test("there are as many cases as were recorded", () => {
  expect(cases.length).toBe(162);
});

test.each(cases)("$json.id has the recorded tasks", ({ json, template }) => {
  const space = spaceOf(template, json.parameters);
  expect(Array.from({ length: space.count }, (_, ordinal) => space.taskAt(ordinal))).toEqual(json.tasks);
});

const chunked = recordedCases<RunCase>("runs.jsonl").filter(({ json }) => json.id.startsWith("chunk-"));

test.each(chunked)("$json.id is split into the recorded chunks", ({ json, template }) => {
  const space = spaceOf(template, json.parameters);
  const constraint = space.chunk?.rangeConstraint ?? "CONTIGUOUS";
  const texts = [...chunksOf(space)].map(
    (chunk) => `OUT:${chunkText(chunkValues(space, chunk), constraint)}`,
  );
  expect(texts).toEqual(json.out);
});

test("tally plan --json prints the recorded tasks", async () => {
  const [first] = cases;
  if (first === undefined) throw new Error("no cases");
  const file = join(folder, "template.json");
  await writeFile(file, JSON.stringify(first.json.template));
  const given = Object.entries(first.json.parameters).flatMap(([name, value]) => [
    "-p",
    `${name}=${String(value)}`,
  ]);
  const program = new URL("../../broker/cli/commands/plan.ts", import.meta.url).href;
  const script = `import { plan } from ${JSON.stringify(program)}; process.exitCode = await plan(process.argv.slice(1));`;
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--input-type=module",
    "-e",
    script,
    "--",
    file,
    ...given,
    "--json",
  ]);
  expect(JSON.parse(stdout)).toEqual({ steps: [{ name: "S", tasks: first.json.tasks }] });
});
