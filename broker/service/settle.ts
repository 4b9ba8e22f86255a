// Work on many rows that follows from one: canceling what is left of a job, unblocking the steps behind a finished
// one, blocking those behind one that is rendered anew. Goes on in slices, is derived from rows alone, and is taken up again at start.
import { addEvent } from "../store/events.ts";
import { moveCounts, refreshJob } from "../store/counts.ts";
import type { Tx } from "../store/tx.ts";
import type { TaskState } from "../contract/states.ts";
import { targetOf, taskMachine } from "../domain/machine.ts";
import { Problem } from "../contract/problem.ts";
import type { Broker } from "./broker.ts";
import { runsOf } from "./frames.ts";
import { offerStep } from "./offer.ts";

/** Rows changed in one transaction: the loop is never held longer than some 10 ms. */
export const sliceRows = 2000;

export interface Settler {
  /** Settles a job soon; asking again while it goes on is fine. */
  settle: (jobId: number) => void;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

/** On a full disk a job is tried again so often, ms. */
const retryEveryMs = 15_000;

/**
 * Runs slices for one job after another. `onError` hears what a slice threw; after a full disk that job is tried again
 * by itself, else when asked.
 */
export function createSettler(
  broker: Broker,
  onError: (error: unknown) => void,
  retryMs = retryEveryMs,
): Settler {
  const waiting = new Set<number>();
  let running: Promise<void> | null = null;

  async function work(): Promise<void> {
    for (const jobId of waiting) {
      waiting.delete(jobId);
      try {
        // eslint-disable-next-line no-await-in-loop -- slices must follow one another
        while (await broker.writer.write((tx) => settleSlice(broker, tx, jobId)));
      } catch (error) {
        onError(error);
        if (error instanceof Problem && error.code === "storage-full")
          setTimeout(() => settle(jobId), retryMs).unref();
      }
    }
  }

  function settle(jobId: number): void {
    if (broker.stopping) return;
    waiting.add(jobId);
    running ??= work().finally(() => {
      running = null;
    });
  }

  return {
    settle,
    idle: async () => {
      await running;
    },
  };
}

/** Jobs that a broker which died may have left half settled. */
export function unsettledJobs(broker: Broker): number[] {
  const rows = broker.reader
    .prepare(
      `SELECT DISTINCT s.job_id AS id FROM steps s JOIN jobs j ON j.id = s.job_id
       WHERE j.ended_at IS NULL AND j.state <> 'loading' AND (s.blocked > 0 OR (s.ready > 0 AND (j.intent IN ('cancel', 'stop')
         OR EXISTS (SELECT 1 FROM step_dependencies d JOIN steps u ON u.id = d.depends_on WHERE d.step_id = s.id AND u.succeeded < u.task_count))))`,
    )
    .all() as { id: number }[];
  return rows.map((row) => row.id);
}

/** Does one slice; true when there is more to do. */
function settleSlice(broker: Broker, tx: Tx, jobId: number): boolean {
  const job = tx.get<{ intent: string }>("SELECT intent FROM jobs WHERE id = ?", jobId);
  if (!job) return false;
  const steps = tx.all<{ id: number; name: string; ready: number; blocked: number; open: number }>(
    `SELECT s.id, s.name, s.ready, s.blocked,
       (SELECT count(*) FROM step_dependencies d JOIN steps u ON u.id = d.depends_on
        WHERE d.step_id = s.id AND u.succeeded < u.task_count) AS open
     FROM steps s WHERE s.job_id = ? ORDER BY s.idx`,
    jobId,
  );
  for (const step of steps) {
    if (job.intent === "cancel" || job.intent === "stop") {
      if (step.ready > 0) return moveSlice(broker, tx, jobId, step, "ready", "cancel");
      if (step.blocked > 0) return moveSlice(broker, tx, jobId, step, "blocked", "cancel");
    } else if (step.blocked > 0 && step.open === 0) {
      return moveSlice(broker, tx, jobId, step, "blocked", "unblock");
    } else if (step.ready > 0 && step.open > 0) {
      // A requeue of an earlier step that did not come to its end: nothing runs on what is to be rendered anew.
      return moveSlice(broker, tx, jobId, step, "ready", "block");
    }
  }
  return false;
}

function moveSlice(
  broker: Broker,
  tx: Tx,
  jobId: number,
  step: { id: number; name: string },
  from: TaskState,
  event: "cancel" | "unblock" | "block",
): boolean {
  const to = targetOf(taskMachine, event);
  const moved = tx
    .all<{ ordinal: number }>(
      `UPDATE tasks SET state = '${to}' WHERE step_id = ? AND ordinal IN
         (SELECT ordinal FROM tasks WHERE step_id = ? AND state = '${from}' LIMIT ${sliceRows}) RETURNING ordinal`,
      step.id,
      step.id,
    )
    .map((row) => row.ordinal)
    .toSorted((a, b) => a - b);
  if (moved.length === 0) throw new Error(`step ${step.id} counts ${from} tasks that are not there`);
  moveCounts(tx, step.id, from, to, moved.length);
  for (const [first, last] of runsOf(moved))
    addEvent(tx, { kind: "task.changed", jobId, step: step.name, first, last, state: to });
  refreshJob(tx, jobId);
  offerStep(broker, tx, step.id);
  return true;
}
