// Runs a whole job on this machine in one session, without a broker: what `tally run` does.
import { randomUUID } from "node:crypto";
import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { platform } from "../../container/agent/platform/platform.ts";
import {
  createSession,
  type ActionResult,
  type FrameReport,
  type Session,
} from "../../container/agent/session/session.ts";
import { sessionEnvironment, toolVariables } from "../../container/agent/session/tools.ts";
import { chunksOf, chunkText, chunkValues } from "../openjd/chunks.ts";
import type { JobPlan, StepPlan } from "../openjd/job.ts";
import type { PathMappingRule } from "../openjd/path-mapping.ts";
import type {
  EnvironmentTemplate,
  JobTemplate,
  ParameterValue,
  TaskParameterValue,
} from "../openjd/types.ts";

export interface LocalRun {
  template: JobTemplate;
  environments: readonly EnvironmentTemplate[];
  parameters: Readonly<Record<string, ParameterValue>>;
  job: JobPlan;
  /** The steps to run, in this order. */
  steps: readonly StepPlan[];
  rules: readonly PathMappingRule[];
  /** Every line that the actions print, secrets hidden. */
  onLine: (line: string) => void;
  /** Aborted: the running action is stopped by its own cancel mode; environments are still left. */
  stop?: AbortSignal;
}

export interface LocalRunResult {
  succeeded: boolean;
  /** Why not: one entry for each action that failed. */
  failures: string[];
}

/** The steps of `names` (all when empty) in an order in which each comes after those it depends on. */
export function stepsInOrder(job: JobPlan, name: string | undefined, withDependencies: boolean): StepPlan[] {
  const byName = new Map(job.steps.map((step) => [step.name, step]));
  const chosen = name === undefined ? undefined : byName.get(name);
  if (chosen !== undefined && !withDependencies) return [chosen];
  const ordered = new Set<StepPlan>();
  const visit = (step: StepPlan): void => {
    for (const other of step.dependsOn) {
      const before = byName.get(other);
      if (before !== undefined && !ordered.has(before)) visit(before);
    }
    ordered.add(step);
  };
  for (const step of chosen === undefined ? job.steps : [chosen]) visit(step);
  return [...ordered];
}

/** Runs the steps in one session; stops at the first failure. Environments are always left again. */
export async function runLocally(run: LocalRun): Promise<LocalRunResult> {
  const failures: string[] = [];
  const note = (where: string, result: ActionResult): boolean => {
    if (result.state !== "succeeded") failures.push(`${where}: ${result.reason ?? "it failed."}`);
    return result.state === "succeeded";
  };
  const parent = await mkdtemp(join(tmpdir(), "tally-run-"));
  const output = join(parent, "out");
  await mkdir(output);
  const homecoming: Promise<void>[] = [];
  const session = createSession({
    id: randomUUID(),
    folder: join(parent, "s"),
    parameters: run.parameters,
    pathMappingRules: run.rules,
    baseEnvironment: sessionEnvironment(process.env),
    fixedVariables: { ...toolVariables, TALLY_LEASE_DIR: output },
    redactedVariables: [run.template, ...run.environments].some((it) =>
      it.extensions?.includes("REDACTED_ENV_VARS"),
    ),
    onLine: run.onLine,
    onNews: (news) => {
      if (news.kind !== "frame") return;
      const { state, frame, reason } = news.report;
      if (state === "failed") failures.push(`Frame ${frame}: ${reason ?? "it failed."}`);
      if (state === "succeeded") homecoming.push(bringHome(news.report));
    },
  });
  const stop = (): void => void session.cancel();
  run.stop?.addEventListener("abort", stop);
  try {
    const outer = [...run.environments.map((it) => it.environment), ...(run.template.jobEnvironments ?? [])];
    let good = true;
    for (const environment of outer) {
      good = good && note(`Environment ${environment.name}`, await session.enter(environment));
    }
    for (const step of run.steps) good = good && (await runStep(session, step, note));
    note("Leaving an environment", await session.end());
    const moved = await Promise.allSettled(homecoming);
    for (const move of moved) if (move.status === "rejected") failures.push(String(move.reason));
  } finally {
    run.stop?.removeEventListener("abort", stop);
    await rm(parent, { recursive: true, force: true });
  }
  return { succeeded: failures.length === 0, failures };
}

async function runStep(
  session: Session,
  step: StepPlan,
  note: (where: string, result: ActionResult) => boolean,
): Promise<boolean> {
  const depth = session.entered.length;
  let good = true;
  for (const environment of step.step.stepEnvironments ?? []) {
    good = good && note(`Environment ${environment.name}`, await session.enter(environment));
  }
  for (const task of good ? tasksOf(step) : []) {
    good = note(`Step ${step.name}`, await session.runTask(step.step.script, task));
    if (!good) break;
  }
  while (session.entered.length > depth) {
    const name = session.entered.at(-1) ?? "";
    good = note(`Leaving environment ${name}`, await session.exit()) && good;
  }
  return good;
}

/** One set of task parameters for each action: chunks by the reference split. */
function* tasksOf({ space }: StepPlan): Generator<Record<string, TaskParameterValue>> {
  for (const ordinals of chunksOf(space)) {
    const task = space.taskAt(ordinals[0] ?? 0);
    if (space.chunk !== undefined) {
      const value = chunkText(chunkValues(space, ordinals), space.chunk.rangeConstraint);
      task[space.chunk.parameter] = { type: "CHUNK[INT]", value };
    }
    yield task;
  }
}

/** Puts the files of a frame where a render inside Blender would have: whole, or not at all. */
async function bringHome(report: FrameReport): Promise<void> {
  for (const { path, name } of report.files) {
    await mkdir(dirname(name), { recursive: true });
    const temporary = join(dirname(name), `.tally-${randomUUID()}`);
    try {
      await copyFile(path, temporary);
      await platform.replaceFile(temporary, name);
    } finally {
      await rm(temporary, { force: true });
    }
  }
}
