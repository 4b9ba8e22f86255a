// How many agents a pool should have: pure, shared by every kind of pool (design §8).

export interface LaunchView {
  launchId: string;
  state: "starting" | "running" | "paused" | "stopping";
}

export interface CapacityInput {
  /** Ready tasks that workers of this pool could run. */
  demand: number;
  launches: readonly LaunchView[];
  /** Paused ones whose agent is gone: each keeps its slot, so that nobody is started in its place. */
  away: number;
  /** A person paused the whole pool. */
  isPaused: boolean;
  limits: { slots: number };
  /** Failed starts in a row, and when the last one was (ms, monotonic). */
  failedStarts: number;
  lastFailureMs: number;
  nowMs: number;
}

export type CapacityAction = { kind: "start"; count: number } | { kind: "none" };

/** Doubling wait after failed starts, ms. */
const firstBackoffMs = 1000;
const longestBackoffMs = 60_000;

/** What to do now. Agents leave by themselves when idle, so nothing is ever stopped here. */
export function planCapacity(input: CapacityInput): CapacityAction {
  if (input.isPaused) return { kind: "none" };
  const inState = (...states: string[]) =>
    input.launches.filter(({ state }) => states.includes(state)).length;
  const present = inState("starting", "running");
  // Whoever else is here, or not: a slot is kept for each that is paused, and the others are used as ever.
  const kept = inState("paused") + input.away;
  const wanted = Math.min(input.demand, input.limits.slots - kept);
  if (wanted <= present) return { kind: "none" };
  if (input.failedStarts > 0) {
    const wait = Math.min(firstBackoffMs * 2 ** (input.failedStarts - 1), longestBackoffMs);
    if (input.nowMs - input.lastFailureMs < wait) return { kind: "none" };
  }
  return { kind: "start", count: wanted - present };
}
