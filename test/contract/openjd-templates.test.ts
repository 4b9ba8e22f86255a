// Every recorded template: `tally check` accepts exactly the valid ones and names a field in each of the others.
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkEnvironmentTemplate, checkJobTemplate } from "../../broker/openjd/template.ts";
import { recordedCases } from "./openjd-cases.ts";

interface TemplateCase {
  id: string;
  kind: "job" | "environment";
  template: unknown;
  valid: boolean;
}

const cases = recordedCases<TemplateCase>("templates.jsonl");
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tally-check-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

test("there are as many cases as were recorded", () => {
  expect(cases.length).toBe(2769);
});

test("every recorded template is accepted or refused as recorded, and each refusal names a field", () => {
  const wrong = cases.flatMap(({ json, template }) => {
    const { problems } =
      json.kind === "job" ? checkJobTemplate(template) : checkEnvironmentTemplate(template);
    const fits = json.valid ? problems.length === 0 : problems.some(({ path }) => path !== "");
    return fits ? [] : [{ id: json.id, valid: json.valid, problems }];
  });
  expect(wrong).toEqual([]);
});

test("tally check says the same of many files in one call, in their order", async () => {
  const some = cases.filter((_, index) => index % 8 === 0);
  const files = await Promise.all(
    some.map(async ({ json }) => {
      const file = join(folder, `${json.id}.json`);
      await writeFile(file, JSON.stringify(json.template));
      return file;
    }),
  );
  const program = new URL("../../broker/cli/commands/check.ts", import.meta.url).href;
  const script = `import { check } from ${JSON.stringify(program)}; process.exitCode = await check(process.argv.slice(1));`;
  const run = promisify(execFile)(
    process.execPath,
    ["--input-type=module", "-e", script, "--", "--json", ...files],
    {
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  const { stdout, code } = (await run.catch((error: unknown) => error)) as { stdout: string; code?: number };
  expect(code).toBe(1);
  const lines = stdout.trim().split("\n");
  const verdicts = lines.map(
    (line) => JSON.parse(line) as { file: string; valid: boolean; problems: unknown[] },
  );
  expect(verdicts.map(({ file, valid }) => ({ file, valid }))).toEqual(
    some.map(({ json }, index) => ({ file: files[index], valid: json.valid })),
  );
});
