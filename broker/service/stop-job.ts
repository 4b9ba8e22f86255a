// Writes what somebody (or the failure limit) asked of a job: one row; the rest follows in slices.
import type { JobIntent } from "../contract/states.ts";
import { addEvent } from "../store/events.ts";
import { refreshJob } from "../store/counts.ts";
import type { Tx } from "../store/tx.ts";
import { nudge, type Broker } from "./broker.ts";

/** Sets a job's intent to one that takes its steps out of the line, and tells the workers that run it. */
export function stopJob(
  broker: Broker,
  tx: Tx,
  jobId: number,
  intent: Exclude<JobIntent, "run">,
  reason: string | null,
): void {
  tx.run("UPDATE jobs SET intent = ?, intent_reason = ? WHERE id = ?", intent, reason, jobId);
  addEvent(tx, { kind: "job.changed", jobId, data: { intent, reason } });
  refreshJob(tx, jobId);
  const steps = tx.all<{ id: number }>("SELECT id FROM steps WHERE job_id = ?", jobId);
  tx.after(() => {
    for (const { id } of steps) broker.candidates.remove(id);
    for (const worker of broker.workers.values()) if (worker.lease?.jobId === jobId) nudge(worker);
    if (intent !== "pause") broker.wake.settle(jobId);
  });
}
