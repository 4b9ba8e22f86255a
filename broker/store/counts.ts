// Task counts of steps, and the job state that is rolled up from them; both change with the tasks, in one transaction.
import type { TaskCounts } from "../contract/job.ts";
import type { JobIntent, JobState, TaskState } from "../contract/states.ts";
import { isOver, rollup } from "../domain/rollup.ts";
import { addEvent } from "./events.ts";
import type { Tx } from "./tx.ts";

/** Moves `count` tasks of a step from one state's counter to another's. */
export function moveCounts(tx: Tx, stepId: number, from: TaskState, to: TaskState, count: number): void {
  if (count === 0 || from === to) return;
  // State names come from the closed list, never from outside: they may stand in the SQL text.
  tx.run(`UPDATE steps SET ${from} = ${from} - ?, ${to} = ${to} + ? WHERE id = ?`, count, count, stepId);
}

/** Counts of all steps of a job together. */
export function jobCounts(tx: Tx, jobId: number): TaskCounts {
  const row = tx.get<TaskCounts>(
    `SELECT sum(blocked) AS blocked, sum(ready) AS ready, sum(running) AS running,
            sum(succeeded) AS succeeded, sum(failed) AS failed, sum(canceled) AS canceled
     FROM steps WHERE job_id = ?`,
    jobId,
  );
  if (!row) throw new Error(`job ${jobId} has no steps`);
  return row;
}

interface JobRow {
  intent: JobIntent;
  state: JobState;
  started_at: number | null;
}

/** Writes the job's state anew from its intent and counts; one event when it changed. Returns the state. */
export function refreshJob(tx: Tx, jobId: number): JobState {
  const job = tx.get<JobRow>("SELECT intent, state, started_at FROM jobs WHERE id = ?", jobId);
  if (!job) throw new Error(`no job ${jobId}`);
  const counts = jobCounts(tx, jobId);
  const state = rollup(job.intent, counts, job.state === "loading");
  const starts = job.started_at === null && counts.running + counts.succeeded + counts.failed > 0;
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
