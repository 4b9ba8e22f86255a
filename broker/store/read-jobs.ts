// Reads of jobs and steps for people, through the read-only connection.
import { and, desc, eq, lt, ne, sql, type SQL } from "drizzle-orm";
import type { BetterSQLite3Database } from "drizzle-orm/better-sqlite3";
import type { Job, JobDetail, Step, TaskCounts } from "../contract/job.ts";
import type { JobState } from "../contract/states.ts";
import { jobs, steps, tasks } from "./schema.ts";

export type ReadDatabase = BetterSQLite3Database;
type JobRow = typeof jobs.$inferSelect;
type StepRow = typeof steps.$inferSelect;

const at = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());

function countsOf(row: TaskCounts): TaskCounts {
  const { blocked, ready, running, succeeded, failed, canceled } = row;
  return { blocked, ready, running, succeeded, failed, canceled };
}

function sumCounts(rows: readonly StepRow[]): TaskCounts {
  const sum = { blocked: 0, ready: 0, running: 0, succeeded: 0, failed: 0, canceled: 0 };
  for (const row of rows) for (const key of Object.keys(sum) as (keyof TaskCounts)[]) sum[key] += row[key];
  return sum;
}

function toJob(row: JobRow, stepRows: readonly StepRow[]): Job {
  return {
    id: `job_${row.id}`,
    number: row.id,
    name: row.name,
    owner: row.owner,
    state: row.state,
    intent: row.intent,
    intentReason: row.intentReason,
    priority: row.priority,
    labels: row.labels,
    taskCount: row.taskCount,
    counts: sumCounts(stepRows),
    deliveredFiles: row.deliveredFiles,
    createdAt: at(row.createdAt) as string,
    startedAt: at(row.startedAt),
    endedAt: at(row.endedAt),
    outputPattern: row.outputPattern,
    templateName: row.templateName,
    picture: row.picture,
  };
}

/** Jobs, newest first, below `before`. Loading ones are not there yet. */
export function listJobs(
  db: ReadDatabase,
  filter: { state?: string | undefined; owner?: string | undefined; before: number | null; limit: number },
): Job[] {
  const conditions: SQL[] = [ne(jobs.state, "loading")];
  if (filter.state !== undefined) conditions.push(eq(jobs.state, filter.state as JobState));
  if (filter.owner !== undefined) conditions.push(eq(jobs.owner, filter.owner));
  if (filter.before !== null) conditions.push(lt(jobs.id, filter.before));
  const rows = db
    .select()
    .from(jobs)
    .where(and(...conditions))
    .orderBy(desc(jobs.id))
    .limit(filter.limit)
    .all();
  return rows.map((row) => toJob(row, stepsOf(db, row.id)));
}

/** The newest job that is visible, or undefined. */
export function latestJob(db: ReadDatabase): number | undefined {
  return db
    .select({ id: jobs.id })
    .from(jobs)
    .where(ne(jobs.state, "loading"))
    .orderBy(desc(jobs.id))
    .limit(1)
    .get()?.id;
}

export function getJob(db: ReadDatabase, jobId: number): Job | undefined {
  const row = db
    .select()
    .from(jobs)
    .where(and(eq(jobs.id, jobId), ne(jobs.state, "loading")))
    .get();
  return row && toJob(row, stepsOf(db, jobId));
}

function stepsOf(db: ReadDatabase, jobId: number): StepRow[] {
  return db.select().from(steps).where(eq(steps.jobId, jobId)).orderBy(steps.idx).all();
}

/** A job with its steps, its values, and its failures grouped by reason. `dependsOn` comes from the plan, the rest from workers. */
export function getJobDetail(
  db: ReadDatabase,
  jobId: number,
  dependsOn: (index: number) => string[],
): Omit<JobDetail, "pausedPools" | "pausedWorkers"> | undefined {
  const row = db
    .select()
    .from(jobs)
    .where(and(eq(jobs.id, jobId), ne(jobs.state, "loading")))
    .get();
  if (!row) return undefined;
  const stepRows = stepsOf(db, jobId);
  return {
    ...toJob(row, stepRows),
    steps: stepRows.map((step): Step => ({
      index: step.idx,
      name: step.name,
      dependsOn: dependsOn(step.idx),
      taskCount: step.taskCount,
      counts: countsOf(step),
      meanSeconds: step.measuredCount === 0 ? null : step.measuredSeconds / step.measuredCount,
    })),
    parameters: row.parameters,
    settings: row.settings,
    failures: stepRows.filter((step) => step.failed > 0).flatMap((step) => failuresOf(db, step)),
  };
}

const shownGroups = 20;
const shownOrdinals = 20;
/** Failed tasks looked at for grouping: the failure limit of a job is far below. */
const looked = 1000;

/** Failed frames of one step, grouped by why they failed last. */
export function failuresOf(db: ReadDatabase, step: Pick<StepRow, "id" | "name">): JobDetail["failures"] {
  const rows = db
    .select({
      ordinal: tasks.ordinal,
      // Written out: drizzle leaves the table's name away where there is one table, and the inner one would be meant.
      reason: sql<
        string | null
      >`(SELECT a.reason FROM attempts a WHERE a.step_id = tasks.step_id AND a.ordinal = tasks.ordinal AND a.state IN ('failed', 'expired') ORDER BY a.id DESC LIMIT 1)`,
    })
    .from(tasks)
    .where(and(eq(tasks.stepId, step.id), eq(tasks.state, "failed")))
    .limit(looked)
    .all();
  const groups = new Map<string, number[]>();
  for (const { ordinal, reason } of rows) {
    const key = reason ?? "No reason was given.";
    groups.set(key, [...(groups.get(key) ?? []), ordinal]);
  }
  return [...groups].slice(0, shownGroups).map(([reason, ordinals]) => ({
    reason,
    count: ordinals.length,
    step: step.name,
    ordinals: ordinals.slice(0, shownOrdinals),
  }));
}
