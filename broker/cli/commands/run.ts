// tally run: runs a template on this machine, without a broker, with the same session runtime that workers use.
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { planJob } from "../../openjd/job.ts";
import { parsePathMappingRules, type PathMappingRule } from "../../openjd/path-mapping.ts";
import { runLocally, stepsInOrder, type LocalRun } from "../local-run.ts";
import {
  bindForFile,
  CommandMistake,
  listProblems,
  loadEnvironmentTemplates,
  loadJobTemplate,
  readParameterArguments,
} from "../template-files.ts";
import { tally } from "../own-name.ts";
import { plainLines } from "../style.ts";
import { write } from "../write.ts";

/** The help text of `tally run`. */
export const runHelp = `tally run TEMPLATE  [-p NAME=VALUE]…  [--step NAME [--run-dependencies]]  [--json]

Runs a template on this machine and shows what its actions print. No broker is needed. Ends with 0 when all of it succeeded.

  -p NAME=VALUE               a parameter; also -p file://params.yaml
  --environment FILE          an environment template to run everything in; may be given several times
  --step NAME                 only this step
  --run-dependencies          with --step: the steps it depends on too, before it
  --path-mapping-rules RULES  path mapping as JSON text, or file://rules.json
  --json                      one JSON object a line: {line} for each line that an action prints, and last
                              {succeeded, failures: [TEXT]}
`;

/** Runs `tally run`. @returns the exit code: 0 all succeeded, 1 something failed or is wrong, 2 wrong use. */
export async function run(args: string[]): Promise<number> {
  const complain = (detail: string) =>
    console.error(args.includes("--json") ? JSON.stringify({ error: { detail } }) : plainLines(detail));
  let options;
  try {
    options = parseArgs({
      args,
      allowPositionals: true,
      options: {
        parameter: { type: "string", short: "p", multiple: true },
        environment: { type: "string", multiple: true },
        step: { type: "string" },
        "run-dependencies": { type: "boolean" },
        "path-mapping-rules": { type: "string" },
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    complain(`${error instanceof Error ? error.message : String(error)}\nType: ${tally("run --help")}`);
    return 2;
  }
  const { values, positionals } = options;
  if (values.help) {
    await write(runHelp);
    return 0;
  }
  const [file, ...others] = positionals;
  if (file === undefined || others.length > 0) {
    complain(`Give exactly one job template. Type: ${tally("run TEMPLATE.yaml")}`);
    return 2;
  }
  if (/\.blend\d*$/i.test(file)) {
    complain(`"tally run" runs templates. To render ${file}, type: ${tally(`submit ${file}`)}`);
    return 2;
  }
  if (values["run-dependencies"] && values.step === undefined) {
    complain("--run-dependencies needs --step NAME: without it every step runs anyway.");
    return 2;
  }
  try {
    const prepared = await prepare(
      file,
      values.environment ?? [],
      values.parameter ?? [],
      values["path-mapping-rules"],
      values.step,
      values["run-dependencies"] ?? false,
    );
    return await perform(prepared, values.json ?? false);
  } catch (error) {
    if (!(error instanceof CommandMistake)) throw error;
    complain(error.message);
    return 1;
  }
}

type Prepared = Omit<LocalRun, "onLine" | "stop">;

async function prepare(
  file: string,
  environmentFiles: string[],
  given: string[],
  rulesText: string | undefined,
  stepName: string | undefined,
  withDependencies: boolean,
): Promise<Prepared> {
  const template = await loadJobTemplate(file);
  const environments = await loadEnvironmentTemplates(environmentFiles);
  const parameters = bindForFile(file, template, environments, await readParameterArguments(given));
  const { job, problems } = planJob(template, parameters);
  if (job === undefined) throw new CommandMistake(listProblems(file, problems));
  if (stepName !== undefined && !job.steps.some((step) => step.name === stepName)) {
    const names = job.steps.map((step) => step.name).join(", ");
    throw new CommandMistake(`${file} has no step "${stepName}". Its steps are: ${names}`);
  }
  const rules = rulesText === undefined ? [] : await readRules(rulesText);
  const steps = stepsInOrder(job, stepName, withDependencies);
  return { template, environments, parameters, job, steps, rules };
}

async function readRules(text: string): Promise<PathMappingRule[]> {
  try {
    if (!text.startsWith("file://")) return parsePathMappingRules(text);
    const file = text.startsWith("file:///") ? fileURLToPath(text) : text.slice("file://".length);
    return parsePathMappingRules(await readFile(file, "utf8"));
  } catch (error) {
    throw new CommandMistake(error instanceof Error ? error.message : String(error));
  }
}

async function perform(prepared: Prepared, isJson: boolean): Promise<number> {
  const say = (value: object) => process.stdout.write(`${JSON.stringify(value)}\n`);
  const stop = new AbortController();
  // The first Ctrl-C stops as the template says; the second takes the ordinary way out.
  const onSignal = (): void => {
    console.error("Stopping; the environments of the job are left first. Press Ctrl-C again to end at once.");
    stop.abort();
  };
  process.once("SIGINT", onSignal);
  process.once("SIGTERM", onSignal);
  try {
    const { succeeded, failures } = await runLocally({
      ...prepared,
      stop: stop.signal,
      // As they are: what runs here may do to this terminal whatever its owner may.
      onLine: (line) => void (isJson ? say({ line }) : process.stdout.write(`${line}\n`)),
    });
    if (isJson) await write(`${JSON.stringify({ succeeded, failures })}\n`);
    else for (const failure of failures) console.error(plainLines(failure));
    return succeeded ? 0 : 1;
  } finally {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  }
}
