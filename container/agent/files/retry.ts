// Tries again what may pass: a line that broke, a store that is busy, an address that expired. Not for ever.
import { setTimeout as pause } from "node:timers/promises";
import { ProblemError, UnreachableError } from "../../../broker/contract/client.ts";

const firstMs = 100;
const longestMs = 5000;
/** However long a server asks to be left alone, it is asked again after so long, ms. */
const longestAskedMs = 60_000;
/** How long nothing may come through before a transfer gives up, ms. */
const giveUpAfterMs = 5 * 60_000;
/** After so long without anything people are told why, ms. */
const tellAfterMs = 3000;
/** A refusal that another try may mend (an expired address) is believed the so-manieth time in a row. */
const refusalsBelieved = 5;

/** A store refused a signed request. */
export class StoreError extends Error {
  readonly status: number;
  readonly retryAfterMs: number | null;

  constructor(status: number, text: string, retryAfterMs: number | null = null) {
    super(`The storage answered ${status}${text === "" ? "" : `: ${text}`}`);
    this.name = "StoreError";
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The line to a store broke, was silent for too long, or ended too early. */
export class LineError extends Error {
  constructor(what: string, cause?: unknown) {
    super(what, { cause });
    this.name = "LineError";
  }
}

/** Whether a try may be repeated: always for what passes by itself, a few times for a refusal that a new try may mend. */
type Verdict = "passes" | "may-mend" | "stands";

export interface Patience {
  /**
   * Runs `work` until it succeeds. `attempt` counts from 0. `mends`: statuses of refusals that another try may mend.
   * Rejects with the signal's reason; with what does not pass; with a ProblemError or UnreachableError once nothing of
   * this transfer has come through for some minutes.
   */
  keep<T>(
    work: (attempt: number) => Promise<T>,
    options: { signal: AbortSignal; mends?: readonly number[] },
  ): Promise<T>;
  /** Something came through: the clock begins anew. */
  moved(): void;
}

/**
 * One patience for a whole transfer. `limitMs`: how long nothing may come through. `onWaiting` hears why nothing came
 * through for some seconds, at each try.
 */
export function createPatience(limitMs: number = giveUpAfterMs, onWaiting?: (why: string) => void): Patience {
  let last = performance.now();
  return {
    moved() {
      last = performance.now();
    },
    async keep(work, { signal, mends = [] }) {
      let refusals = 0;
      for (let attempt = 0; ; attempt++) {
        try {
          signal.throwIfAborted();
          // oxlint-disable-next-line no-await-in-loop -- one try after the other
          return await work(attempt);
        } catch (error) {
          signal.throwIfAborted();
          const verdict = judge(error, mends);
          if (verdict === "may-mend") refusals++;
          const isOver = performance.now() - last > limitMs || refusals >= refusalsBelieved;
          if (verdict === "stands" || isOver) throw forPeople(error);
          if (performance.now() - last > Math.min(tellAfterMs, limitMs / 10))
            onWaiting?.(error instanceof Error ? error.message : String(error));
          // oxlint-disable-next-line no-await-in-loop -- see above
          await wait(attempt, askedMs(error), signal);
        }
      }
    },
  };
}

function judge(error: unknown, mends: readonly number[]): Verdict {
  if (error instanceof UnreachableError || error instanceof LineError) return "passes";
  if (error instanceof DOMException) return error.name === "TimeoutError" ? "passes" : "stands";
  if (!(error instanceof StoreError || error instanceof ProblemError)) return "stands";
  const { status } = error;
  // A full disk does not get emptier by asking: people should know at once.
  if (status === 507) return "stands";
  if (status >= 500 || status === 429 || status === 408) return "passes";
  return mends.includes(status) ? "may-mend" : "stands";
}

function askedMs(error: unknown): number {
  const asked = error instanceof StoreError || error instanceof ProblemError ? (error.retryAfterMs ?? 0) : 0;
  return Math.min(asked, longestAskedMs);
}

/** A little longer each time, never in step with others, and not before the server wants it. */
async function wait(attempt: number, asked: number, signal: AbortSignal): Promise<void> {
  const own = Math.min(firstMs * 2 ** Math.min(attempt, 10), longestMs) * (0.5 + Math.random() / 2);
  try {
    await pause(Math.max(own, asked), undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/** What a store did becomes a problem of the closed list, in a sentence. */
function forPeople(error: unknown): unknown {
  if (!(error instanceof StoreError || error instanceof LineError)) return error;
  const isFull = error instanceof StoreError && error.status === 507;
  const detail = isFull
    ? "The disk with Tally's storage is full. Free some space and try again; what was sent is kept."
    : `${error.message.replace(/\.?$/, ".")} Try again later; what was transferred so far is kept.`;
  const problem = new ProblemError({
    type: "about:blank",
    title: isFull ? "The disk is full" : "The storage does not answer",
    status: isFull ? 507 : 503,
    detail,
    instance: "",
    code: isFull ? "storage-full" : "storage-down",
  });
  problem.cause = error;
  return problem;
}
