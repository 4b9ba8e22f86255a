// What a person asks of a job: run, pause, cancel, another priority. One row is written; the rest follows from it.
import { Problem } from "../contract/problem.ts";
import type { JobState } from "../contract/states.ts";
import { isOver } from "../domain/rollup.ts";
import { addEvent } from "../store/events.ts";
import { refreshJob } from "../store/counts.ts";
import { nudge, type Broker } from "./broker.ts";
import { offerJob } from "./offer.ts";
import { stopJob } from "./stop-job.ts";

const verbs = { run: "resume", pause: "pause", cancel: "cancel" } as const;
const words: Partial<Record<JobState, string>> = {
  succeeded: "has already succeeded",
  failed: "has already failed",
  canceled: "is already canceled",
  canceling: "is already being canceled",
};

/** Sets what a job should do. Throws `illegal-transition` for a job that is over. Asking twice is no mistake. */
export function setJobIntent(
  broker: Broker,
  jobId: number,
  intent: "run" | "pause" | "cancel",
): Promise<void> {
  return broker.writer.write((tx) => {
    const job = tx.get<{ state: JobState; intent: string }>(
      "SELECT state, intent FROM jobs WHERE id = ?",
      jobId,
    );
    if (!job) throw new Problem("not-found", `There is no job ${jobId}. \`tally ls\` lists them.`);
    if (job.intent === intent) return;
    // A job that stops because too many frames failed may still be canceled: its running frames then end at once.
    const isEnding = job.intent === "cancel" || (job.intent === "stop" && intent !== "cancel");
    if (isOver(job.state) || isEnding) {
      const next = job.state === "succeeded" ? "all its frames" : "its failed or canceled frames";
      throw new Problem(
        "illegal-transition",
        `Job ${jobId} ${words[job.state] ?? "is being stopped, as too many of its frames failed"}: there is nothing to ${verbs[intent]}. To render ${next} again: tally requeue ${jobId}`,
      );
    }
    if (intent !== "run") {
      stopJob(broker, tx, jobId, intent, null);
      return;
    }
    tx.run("UPDATE jobs SET intent = 'run', intent_reason = NULL WHERE id = ?", jobId);
    addEvent(tx, { kind: "job.changed", jobId, data: { intent } });
    refreshJob(tx, jobId);
    offerJob(broker, tx, jobId);
  });
}

/** Changes a job's priority; running frames are finished first. */
export function setJobPriority(broker: Broker, jobId: number, priority: number): Promise<void> {
  return broker.writer.write((tx) => {
    if (tx.run("UPDATE jobs SET priority = ? WHERE id = ?", priority, jobId).changes === 0) {
      throw new Problem("not-found", `There is no job ${jobId}. \`tally ls\` lists them.`);
    }
    addEvent(tx, { kind: "job.changed", jobId, data: { priority } });
    offerJob(broker, tx, jobId);
    tx.after(() => {
      // Those that run it may have to make way for another job now.
      for (const worker of broker.workers.values()) if (worker.lease?.jobId === jobId) nudge(worker);
    });
  });
}
