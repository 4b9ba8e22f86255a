// The state of a live worker: a pure rollup of what a person asked of it and whether it holds frames.
import type { WorkerIntent, WorkerState } from "../contract/states.ts";

/** What is true of a worker that is here. */
export function workerStateOf(intent: WorkerIntent, isBusy: boolean): WorkerState {
  if (intent === "drain") return "draining";
  if (intent === "pause") return isBusy ? "pausing" : "paused";
  return isBusy ? "busy" : "idle";
}
