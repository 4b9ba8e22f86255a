// The state of a live worker: a pure rollup of what a person asked of it and whether it holds frames.
import type { WorkerIntent, WorkerState } from "../contract/states.ts";

/** What is asked of a worker: by itself, or with its pool. Who finishes and leaves does so in a paused pool too. */
export function askedOf(own: WorkerIntent, isPoolPaused: boolean): WorkerIntent {
  return own === "run" && isPoolPaused ? "pause" : own;
}

/** What is true of a worker that is here. */
export function workerStateOf(intent: WorkerIntent, isBusy: boolean): WorkerState {
  if (intent === "drain") return "draining";
  if (intent === "pause") return isBusy ? "pausing" : "paused";
  return isBusy ? "busy" : "idle";
}
