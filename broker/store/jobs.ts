// Rows of jobs, steps and tasks as they are created, and the facts about a step that never change.
import type { BlobRef } from "../contract/blob.ts";
import type { JobSettings } from "../contract/job.ts";
import type { TaskState } from "../contract/states.ts";
import type { Rows, Tx } from "./tx.ts";

export interface NewJob {
  name: string;
  owner: string;
  settings: JobSettings;
  parameters: Record<string, { type: string; value: string }>;
  template: string;
  templateName: string | null;
  environments: string[];
  taskCount: number;
  /** The blob of its list of input files. */
  manifest: BlobRef | null;
}

/** Inserts a job that is still loading, invisible to people and workers; returns its number. */
export function insertJob(tx: Tx, job: NewJob): number {
  const { settings } = job;
  return tx.run(
    `INSERT INTO jobs (name, owner, priority, intent, state, task_count, labels, settings, parameters, template,
       template_name, environments, output_pattern, manifest, created_at)
     VALUES (?, ?, ?, ?, 'loading', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    job.name,
    job.owner,
    settings.priority,
    settings.paused ? "pause" : "run",
    job.taskCount,
    JSON.stringify(settings.labels),
    JSON.stringify(settings),
    JSON.stringify(job.parameters),
    job.template,
    job.templateName,
    JSON.stringify(job.environments),
    settings.outputPattern ?? null,
    job.manifest === null ? null : JSON.stringify(job.manifest),
    tx.now,
  ).id;
}

export interface NewStep {
  jobId: number;
  index: number;
  name: string;
  taskCount: number;
  chunking: "none" | "fixed" | "adaptive";
  requirements: string;
  sessionKey: string;
  state: TaskState & ("blocked" | "ready");
}

/** Inserts a step whose tasks will all be in `state`; returns its id. Counts are right only once the tasks are in. */
export function insertStep(tx: Tx, step: NewStep): number {
  return tx.run(
    `INSERT INTO steps (job_id, idx, name, task_count, chunking, requirements, session_key, ${step.state})
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    step.jobId,
    step.index,
    step.name,
    step.taskCount,
    step.chunking,
    step.requirements,
    step.sessionKey,
    step.taskCount,
  ).id;
}

/** Inserts tasks `first`..`last` of a step in ordinal order: one statement, ten thousand rows in some 10 ms. */
export function insertTasksInOrder(
  tx: Tx,
  stepId: number,
  state: TaskState,
  first: number,
  last: number,
): void {
  tx.run(
    `WITH RECURSIVE n (ordinal) AS (SELECT ? UNION ALL SELECT ordinal + 1 FROM n WHERE ordinal < ?)
     INSERT INTO tasks (step_id, ordinal, rank, state) SELECT ?, ordinal, ordinal, ? FROM n`,
    first,
    last,
    stepId,
    state,
  );
}

/** Inserts one task with its own rank, and the fixed chunk it belongs to. */
export function insertTask(
  tx: Tx,
  stepId: number,
  state: TaskState,
  ordinal: number,
  rank: number,
  chunk: number | null,
): void {
  tx.run(
    "INSERT INTO tasks (step_id, ordinal, rank, chunk, state) VALUES (?, ?, ?, ?, ?)",
    stepId,
    ordinal,
    rank,
    chunk,
    state,
  );
}

export interface StepFacts {
  id: number;
  jobId: number;
  index: number;
  name: string;
  taskCount: number;
  chunking: "none" | "fixed" | "adaptive";
  requirements: string;
  sessionKey: string;
  owner: string;
  maxRetries: number;
  maxFailedTasks: number;
}

/** What never changes about a step and its job, or undefined when there is none. */
export function stepFacts(tx: Rows, stepId: number): StepFacts | undefined {
  const row = tx.get<Omit<StepFacts, "maxRetries" | "maxFailedTasks"> & { settings: string }>(
    `SELECT s.id, s.job_id AS jobId, s.idx AS "index", s.name, s.task_count AS taskCount, s.chunking, s.requirements,
            s.session_key AS sessionKey, j.owner, j.settings
     FROM steps s JOIN jobs j ON j.id = s.job_id WHERE s.id = ?`,
    stepId,
  );
  if (!row) return undefined;
  const { settings, ...facts } = row;
  const { maxRetries, maxFailedTasks } = JSON.parse(settings) as JobSettings;
  return { ...facts, maxRetries, maxFailedTasks };
}

/** Whether tasks of a step may be handed out at this moment: its job wants to run and the steps before it are done. */
export function mayLease(tx: Tx, stepId: number): boolean {
  // The cast keeps SQLite from planning the joins anew for every step.
  const row = tx.get<{ may: number }>(
    `SELECT j.intent = 'run' AND NOT EXISTS (SELECT 1 FROM step_dependencies d JOIN steps u ON u.id = d.depends_on
       WHERE d.step_id = s.id AND u.succeeded < u.task_count) AS may
     FROM steps s JOIN jobs j ON j.id = s.job_id WHERE s.id = cast(? AS integer)`,
    stepId,
  );
  return row?.may === 1;
}
