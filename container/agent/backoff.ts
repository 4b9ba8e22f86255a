// Waits between tries while the broker is away: quickly at first, longer later, never in step with other workers.
import { setTimeout as pause } from "node:timers/promises";
import { ProblemError, requestLimitMs, UnreachableError } from "../../broker/contract/client.ts";

const FIRST_MS = 100;
const LONGEST_MS = 5000;

/** No request of an agent is silent for longer. */
export const REQUEST_LIMIT_MS = requestLimitMs;

export interface Backoff {
  /** Waits a little longer each time; rejects when `signal` aborts. */
  wait(signal?: AbortSignal): Promise<void>;
  reset(): void;
}

export function createBackoff(): Backoff {
  let next = FIRST_MS;
  return {
    async wait(signal) {
      const ms = next * (0.5 + Math.random() / 2);
      next = Math.min(next * 2, LONGEST_MS);
      await pause(ms, undefined, signal === undefined ? {} : { signal });
    },
    reset() {
      next = FIRST_MS;
    },
  };
}

/** Whether the same request may succeed later: no answer, a broker that is busy, or one that has no room just now. */
export function isPassing(error: unknown): boolean {
  if (error instanceof UnreachableError) return true;
  if (error instanceof DOMException) return error.name === "TimeoutError";
  return error instanceof ProblemError && (error.status >= 500 || error.status === 429);
}

/** Whether the broker refused with this code. */
export function hasCode(error: unknown, ...codes: string[]): error is ProblemError {
  return error instanceof ProblemError && codes.includes(error.code);
}
