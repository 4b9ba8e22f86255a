// The state machines of task, attempt and worker: one table each. SQL guards, the diagram in docs/states.md
// and the exhaustive test derive from these tables; nothing else decides a transition.
import type { AttemptState, TaskState, WorkerState } from "../contract/states.ts";

type Machine<S extends string> = Record<S, Partial<Record<string, S>>>;

/** state → { event → next state } of a task. */
export const taskMachine = {
  blocked: { unblock: "ready", cancel: "canceled" },
  ready: { lease: "running", cancel: "canceled", block: "blocked" },
  running: { succeed: "succeeded", retry: "ready", fail: "failed", cancel: "canceled", release: "ready" },
  succeeded: { requeue: "ready", requeueBlocked: "blocked" },
  failed: { requeue: "ready", requeueBlocked: "blocked" },
  canceled: { requeue: "ready", requeueBlocked: "blocked" },
} as const satisfies Machine<TaskState>;

/** state → { event → next state } of an attempt. Closed attempts never change. */
export const attemptMachine = {
  leased: {
    start: "started",
    succeed: "succeeded",
    fail: "failed",
    release: "released",
    expire: "expired",
    cancel: "canceled",
  },
  started: {
    succeed: "succeeded",
    fail: "failed",
    release: "released",
    expire: "expired",
    cancel: "canceled",
  },
  succeeded: {},
  failed: {},
  released: {},
  expired: {},
  canceled: {},
} as const satisfies Machine<AttemptState>;

/** state → { event → next state } of a worker. */
export const workerMachine = {
  idle: { lease: "busy", pause: "paused", drain: "draining", leave: "stopped", lose: "lost" },
  busy: { free: "idle", pause: "pausing", drain: "draining", leave: "stopped", lose: "lost" },
  pausing: { free: "paused", resume: "busy", drain: "draining", leave: "stopped", lose: "lost" },
  paused: { resume: "idle", drain: "draining", leave: "stopped", lose: "lost" },
  draining: { undrain: "idle", pause: "pausing", leave: "stopped", lose: "lost" },
  stopped: {},
  lost: { return: "idle", returnPaused: "paused", leave: "stopped" },
} as const satisfies Machine<WorkerState>;

type EventOf<M> = M extends Record<string, infer E> ? (E extends unknown ? keyof E : never) : never;
export type TaskEvent = EventOf<typeof taskMachine>;
export type AttemptEvent = EventOf<typeof attemptMachine>;

/** The states of `machine` in which `event` is legal, for a WHERE clause. */
export function statesAccepting<S extends string>(machine: Machine<S>, event: string): S[] {
  return (Object.keys(machine) as S[]).filter((state) => machine[state][event] !== undefined);
}

/** The state after `event`, or undefined when it is illegal in `state`. */
export function nextState<S extends string>(machine: Machine<S>, state: S, event: string): S | undefined {
  return machine[state][event];
}

/** The one state that `event` leads to, whatever state accepts it. Throws when the table gives none or several. */
export function targetOf<S extends string>(machine: Machine<S>, event: string): S {
  const targets = new Set(statesAccepting(machine, event).map((state) => machine[state][event] as S));
  const [only, ...others] = targets;
  if (only === undefined || others.length > 0) throw new Error(`event ${event} has ${targets.size} targets`);
  return only;
}
