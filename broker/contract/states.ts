// The names of every state, in one place; the rules between them live in domain/.

export const taskStates = ["blocked", "ready", "running", "succeeded", "failed", "canceled"] as const;
export type TaskState = (typeof taskStates)[number];

export const attemptStates = [
  "leased",
  "started",
  "succeeded",
  "failed",
  "released",
  "expired",
  "canceled",
] as const;
export type AttemptState = (typeof attemptStates)[number];

export const jobStates = [
  "loading",
  "canceled",
  "canceling",
  "paused",
  "pausing",
  "running",
  "queued",
  "failed",
  "succeeded",
] as const;
export type JobState = (typeof jobStates)[number];

export const workerStates = ["idle", "busy", "pausing", "paused", "draining", "stopped", "lost"] as const;
export type WorkerState = (typeof workerStates)[number];

/** Whether a worker in this state has an agent that is here; a paused one stays known while it is away. */
export function isHere({ state }: { state: WorkerState }): boolean {
  return state !== "stopped" && state !== "lost";
}

/** What a person asked of a worker. */
export const workerIntents = ["run", "pause", "drain"] as const;
export type WorkerIntent = (typeof workerIntents)[number];

/** What a person asked of a whole pool. */
export const poolIntents = ["run", "pause"] as const;
export type PoolIntent = (typeof poolIntents)[number];

/** What a person (or `system`, for `stop`) asked of a job. */
export const jobIntents = ["run", "pause", "cancel", "stop"] as const;
export type JobIntent = (typeof jobIntents)[number];

export const roles = ["admin", "artist", "viewer", "worker"] as const;
export type Role = (typeof roles)[number];

/** Why an attempt did not succeed: `task` uses up a retry, `host` and `capacity` never do. */
export const failureClasses = ["task", "host", "capacity", "config", "canceled"] as const;
export type FailureClass = (typeof failureClasses)[number];
