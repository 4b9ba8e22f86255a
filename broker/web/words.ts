// The words on the page: states, counts, durations, moments. What an artist reads says job, frame, worker, try.
import { brokerClock } from "../contract/broker-clock.ts";
import { duration, momentSeen, roughly } from "../contract/duration.ts";
import { stateWords } from "../contract/state-words.ts";
import type { JobState, TaskState, WorkerState } from "../contract/states.ts";

export { duration, roughly };

/** The shape beside a word: never by color alone. */
export type Mark = "waiting" | "next" | "running" | "done" | "failed" | "canceled" | "paused" | "blocked";

export const jobWords: Readonly<Record<JobState, { word: string; mark: Mark }>> = {
  loading: { word: stateWords.loading, mark: "waiting" },
  queued: { word: stateWords.queued, mark: "waiting" },
  running: { word: stateWords.running, mark: "running" },
  pausing: { word: stateWords.pausing, mark: "paused" },
  paused: { word: stateWords.paused, mark: "paused" },
  succeeded: { word: stateWords.succeeded, mark: "done" },
  failed: { word: stateWords.failed, mark: "failed" },
  canceling: { word: stateWords.canceling, mark: "canceled" },
  canceled: { word: stateWords.canceled, mark: "canceled" },
};

export const frameWords: Readonly<Record<TaskState, { word: string; mark: Mark }>> = {
  blocked: { word: stateWords.blocked, mark: "blocked" },
  ready: { word: stateWords.ready, mark: "waiting" },
  running: { word: stateWords.running, mark: "running" },
  succeeded: { word: stateWords.succeeded, mark: "done" },
  failed: { word: stateWords.failed, mark: "failed" },
  canceled: { word: stateWords.canceled, mark: "canceled" },
};

/** Of a frame that a worker holds and has not begun: its state is `running`, and it waits for its turn there. */
export const nextWords = { word: "next", mark: "next" } as const satisfies { word: string; mark: Mark };

export const workerWords: Readonly<Record<WorkerState, { word: string; mark: Mark }>> = {
  idle: { word: stateWords.idle, mark: "waiting" },
  busy: { word: stateWords.busy, mark: "running" },
  pausing: { word: stateWords.pausing, mark: "paused" },
  paused: { word: stateWords.paused, mark: "paused" },
  draining: { word: stateWords.draining, mark: "paused" },
  stopped: { word: stateWords.stopped, mark: "canceled" },
  lost: { word: stateWords.lost, mark: "failed" },
};

/** Made once: making one costs far more than using it. */
const wholeNumbers = new Intl.NumberFormat("en-US");

/** `3 frames`, `1 frame`, `12,000 frames`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${wholeNumbers.format(count)} ${count === 1 ? one : many}`;
}

/** A moment as seen from `now` (ms): `just now`, `5 min ago`, `today 14:02`, `yesterday 14:02`, `1 Mar 14:02`. */
export function moment(time: string, now = brokerClock.now()): string {
  return momentSeen(time, now, (at, today) =>
    at.toLocaleDateString("en-GB", {
      day: "numeric",
      month: "short",
      ...(at.getFullYear() !== today.getFullYear() && { year: "numeric" }),
    }),
  );
}

/** Part of a whole as `37%`; 100% only when nothing is left. */
export function percent(part: number, whole: number): string {
  return whole === 0 ? "0%" : `${Math.floor((part / whole) * 100)}%`;
}
