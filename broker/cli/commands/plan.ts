// tally plan: lists the tasks that a template and its parameters would make, without a broker.
import { parseArgs } from "node:util";
import { planJob, type JobPlan, type StepPlan } from "../../openjd/job.ts";
import {
  bindForFile,
  CommandMistake,
  listProblems,
  loadEnvironmentTemplates,
  loadJobTemplate,
  readParameterArguments,
} from "../template-files.ts";
import { tally } from "../own-name.ts";
import { plain, plainLines } from "../style.ts";
import { usageMistake } from "../usage.ts";
import { write } from "../write.ts";

const SHOWN_TASKS = 10;
const PIECE = 64 * 1024;

/** The help text of `tally plan`. */
export const planHelp = `tally plan TEMPLATE  [-p NAME=VALUE]…  [--environment FILE]…  [--json]

Lists the steps and tasks that a job would have. No broker is needed and nothing is submitted.

  -p NAME=VALUE          a parameter; also -p file://params.yaml
  --environment FILE     an environment template whose parameters join those of the job
  --json                 {steps: [{name, tasks: [{NAME: {type, value}}]}]}, every task, before chunking
`;

/** Runs `tally plan`. @returns the exit code: 0 listed, 1 the template or a parameter is wrong, 2 wrong use. */
export async function plan(args: string[]): Promise<number> {
  let options;
  try {
    options = parseArgs({
      args,
      allowPositionals: true,
      options: {
        parameter: { type: "string", short: "p", multiple: true },
        environment: { type: "string", multiple: true },
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    console.error(usageMistake("plan", error));
    return 2;
  }
  const { values, positionals } = options;
  if (values.help) {
    await write(planHelp);
    return 0;
  }
  const [file, ...others] = positionals;
  if (file === undefined || others.length > 0) {
    console.error(`Give exactly one job template. Type: ${tally("plan TEMPLATE.yaml")}`);
    return 2;
  }
  try {
    const job = await planFile(file, values.environment ?? [], values.parameter ?? []);
    if (values.json) await writeJson(job);
    else await writeList(job);
    return 0;
  } catch (error) {
    if (!(error instanceof CommandMistake)) throw error;
    console.error(plainLines(error.message));
    return 1;
  }
}

async function planFile(file: string, environmentFiles: string[], given: string[]): Promise<JobPlan> {
  const template = await loadJobTemplate(file);
  const environments = await loadEnvironmentTemplates(environmentFiles);
  const parameters = bindForFile(file, template, environments, await readParameterArguments(given));
  const { job, problems } = planJob(template, parameters);
  if (job === undefined) throw new CommandMistake(listProblems(file, problems));
  return job;
}

/** In pieces of some thousand tasks, so that a million of them never lie in memory together. */
async function writeJson(job: JobPlan): Promise<void> {
  let piece = '{"steps":[';
  for (const [index, step] of job.steps.entries()) {
    piece += `${index === 0 ? "" : ","}{"name":${JSON.stringify(step.name)},"tasks":[`;
    for (let ordinal = 0; ordinal < step.taskCount; ordinal += 1) {
      piece += `${ordinal === 0 ? "" : ","}${JSON.stringify(step.space.taskAt(ordinal))}`;
      if (piece.length < PIECE) continue;
      await write(piece);
      piece = "";
    }
    piece += "]}";
  }
  await write(`${piece}]}\n`);
}

async function writeList(job: JobPlan): Promise<void> {
  await write(`${plain(job.name)}\n`);
  for (const step of job.steps) {
    await write(
      `\n${plain(step.name)}: ${counted(step.taskCount, "task")}${chunking(step)}${waiting(step)}\n`,
    );
    if (step.space.names.length === 0) continue;
    const shown = step.taskCount > SHOWN_TASKS + 2 ? SHOWN_TASKS : step.taskCount;
    for (let ordinal = 0; ordinal < shown; ordinal += 1) await write(`  ${line(step, ordinal)}\n`);
    if (shown < step.taskCount) {
      await write(`  … ${step.taskCount - shown - 1} more …\n  ${line(step, step.taskCount - 1)}\n`);
    }
  }
}

function line(step: StepPlan, ordinal: number): string {
  const values = Object.entries(step.space.taskAt(ordinal)).map(([name, { value }]) => `${name}=${value}`);
  return plain(values.join("  "));
}

function chunking({ space: { chunk } }: StepPlan): string {
  if (chunk === undefined) return "";
  const adapted =
    chunk.targetRuntimeSeconds > 0 ? `, aiming at ${counted(chunk.targetRuntimeSeconds, "second")}` : "";
  return `, ${chunk.defaultTaskCount} at a time by ${chunk.parameter}${adapted}`;
}

function waiting({ dependsOn }: StepPlan): string {
  return dependsOn.length === 0 ? "" : `, after ${plain(dependsOn).join(", ")}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
