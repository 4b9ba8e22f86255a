// What people read for each state, the same words on the page and in the terminal.
import type { AttemptState, JobState, TaskState, WorkerState } from "./states.ts";

/** A state that has one name in several machines (`failed`) has one word, too. */
type State = JobState | TaskState | AttemptState | WorkerState;

/** By the state's name. */
export const stateWords = {
  // Jobs and frames.
  loading: "loading",
  queued: "waiting",
  ready: "waiting",
  blocked: "waiting for another step",
  running: "running",
  pausing: "pausing",
  paused: "paused",
  succeeded: "done",
  failed: "failed",
  canceling: "stopping",
  canceled: "canceled",
  // Tries.
  leased: "about to start",
  started: "rendering",
  released: "given back",
  expired: "worker lost",
  // Workers.
  idle: "ready",
  busy: "rendering",
  draining: "finishing",
  stopped: "gone",
  lost: "lost",
} as const satisfies Record<State, string>;

/** The word of a state; of one that a newer broker knows its name. */
export function stateWord(state: string): string {
  return Object.hasOwn(stateWords, state) ? stateWords[state as State] : state;
}
