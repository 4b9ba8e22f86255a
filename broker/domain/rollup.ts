// The state of a job: a pure function of what was asked and how its tasks stand.
import type { TaskCounts } from "../contract/job.ts";
import type { JobIntent, JobState } from "../contract/states.ts";

/** Job state by the first rule that matches (design §5). Tasks blocked behind a failed step do not keep a job alive. */
export function rollup(intent: JobIntent, counts: TaskCounts, loading: boolean): JobState {
  if (loading) return "loading";
  const alive = counts.ready + counts.running;
  const total = alive + counts.blocked + counts.succeeded + counts.failed + counts.canceled;
  // Told to end, a job is over once its last frame is: what still waits is canceled in slices, and a broker that dies
  // between two of them finds such a job among the living.
  if (intent === "cancel")
    return alive + counts.blocked > 0 ? "canceling" : counts.succeeded === total ? "succeeded" : "canceled";
  if (intent === "stop") return alive + counts.blocked > 0 ? "running" : "failed";
  if (counts.blocked + alive > 0 && !(alive === 0 && counts.failed + counts.canceled > 0)) {
    if (intent === "pause") return counts.running > 0 ? "pausing" : "paused";
    return counts.running > 0 ? "running" : "queued";
  }
  if (counts.failed > 0) return "failed";
  return counts.canceled > 0 ? "canceled" : "succeeded";
}

/** True when nothing will happen in a job any more unless somebody asks for it. */
export function isOver(state: JobState): boolean {
  return state === "succeeded" || state === "failed" || state === "canceled";
}
