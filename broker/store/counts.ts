// Task counts of steps, and the job state that is rolled up from them; both change with the tasks, in one transaction.
import type { TaskCounts } from "../contract/job.ts";
import type { JobIntent, JobState, TaskState } from "../contract/states.ts";
import { isOver, rollup } from "../domain/rollup.ts";
import { addEvent } from "./events.ts";
import type { Tx } from "./tx.ts";

/** Moves `count` tasks of a step from one state's counter to another's. */
export function moveCounts(tx: Tx, stepId: number, from: TaskState, to: TaskState, count: number): void {
  if (count === 0 || from === to) return;
  const key = `${from} ${to}`;
  let sql = moveStatements.get(key);
  if (sql === undefined) {
    // State names come from the closed list, never from outside: they may stand in the SQL text.
    sql = `UPDATE steps SET ${from} = ${from} - ?, ${to} = ${to} + ? WHERE id = ?`;
    moveStatements.set(key, sql);
  }
  tx.run(sql, count, count, stepId);
}

/** Texts that are made once: a text built anew must be hashed anew to find its statement. */
const moveStatements = new Map<string, string>();

/** One running task succeeded, measured: the next leases are sized by it. Returns how many are still to succeed. */
export function countSuccess(tx: Tx, stepId: number, seconds: number): number {
  const row = tx.get<{ left: number }>(
    `UPDATE steps SET running = running - 1, succeeded = succeeded + 1, measured_count = measured_count + 1,
       measured_seconds = measured_seconds + ? WHERE id = ? RETURNING task_count - succeeded AS "left"`,
    seconds,
    stepId,
  );
  if (!row) throw new Error(`no step ${stepId}`);
  return row.left;
}

interface JobRow extends TaskCounts {
  intent: JobIntent;
  state: JobState | null;
  startedAt: number | null;
}

/** The same as `refreshJob`, once, when the rest of the change is done. For changes that touch several tasks. */
export function refreshJobLast(tx: Tx, jobId: number): void {
  tx.last(jobId, () => refreshJob(tx, jobId));
}

/** Writes the job's state anew from its intent and counts; one event when it changed. Returns the state. */
export function refreshJob(tx: Tx, jobId: number): JobState {
  const job = tx.get<JobRow>(
    `SELECT j.intent, j.state, j.started_at AS startedAt, sum(s.blocked) AS blocked, sum(s.ready) AS ready,
            sum(s.running) AS running, sum(s.succeeded) AS succeeded, sum(s.failed) AS failed, sum(s.canceled) AS canceled
     FROM jobs j JOIN steps s ON s.job_id = j.id WHERE j.id = cast(? AS integer)`,
    jobId,
  );
  if (!job || job.state === null) throw new Error(`no job ${jobId} with steps`);
  const state = rollup(job.intent, job, job.state === "loading");
  const starts = job.startedAt === null && job.running + job.succeeded + job.failed > 0;
  if (state === job.state && !starts) return state;
  tx.run(
    "UPDATE jobs SET state = ?, started_at = coalesce(started_at, ?), ended_at = ? WHERE id = ?",
    state,
    starts ? tx.now : null,
    isOver(state) ? tx.now : null,
    jobId,
  );
  if (state !== job.state) addEvent(tx, { kind: "job.changed", jobId, state });
  return state;
}
