// What becomes of a task after an attempt that did not succeed.
import type { FailureClass } from "../contract/states.ts";

/** A task that took this many hosts down with it is failed: it may be what kills them. */
export const maxLosses = 10;

export interface RetryPolicy {
  maxRetries: number;
}

export interface FailureCounters {
  failures: number;
  losses: number;
}

/**
 * Counters after one more failure, and whether the task goes back or fails. Only class `task` and `config` use up
 * retries; a lost host or missing capacity counts apart (design §5).
 */
export function afterFailure(
  failureClass: FailureClass,
  before: FailureCounters,
  policy: RetryPolicy,
): FailureCounters & { event: "retry" | "fail" } {
  if (failureClass === "host" || failureClass === "capacity") {
    const losses = before.losses + 1;
    return { failures: before.failures, losses, event: losses >= maxLosses ? "fail" : "retry" };
  }
  const failures = before.failures + 1;
  // A wrong set-up (config) fails the same way everywhere: trying again only hides it.
  const event = failureClass === "config" || failures > policy.maxRetries ? "fail" : "retry";
  return { failures, losses: before.losses, event };
}
