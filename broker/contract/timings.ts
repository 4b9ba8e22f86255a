// How long the frames of a job took: read once from the tries, then kept up by the feed.
import type { Attempt } from "./attempt.ts";
import type { FeedEvent, FeedMessage } from "./feed.ts";
import { spreadOf, type Spread } from "./spread.ts";

export interface StepTimings {
  /** Of frames that are done, seconds by ordinal. */
  done: Map<number, number>;
  /** When frames that run now began, ms by ordinal. Of those that a machine took together only one runs. */
  running: Map<number, number>;
  /** What `done` says together; of a hundred thousand frames that is not asked anew with each that is done, see `renew`. */
  readonly spread: Spread;
}

export interface Timings {
  /** By the name of the step. */
  readonly steps: Map<string, StepTimings>;
  of(step: string): StepTimings;
  /** Tries, newest first, as the broker lists them: an older one never replaces a newer one. */
  addAttempts(attempts: readonly Attempt[]): void;
  /** From now on `of` answers new objects, whose spreads are of now. */
  renew(): void;
  /** Forgets everything. */
  clear(): void;
  /** Returns whether anything changed. */
  hear(messages: readonly FeedMessage[]): boolean;
}

/** No times yet, of the job with this number. */
export function createTimings(job: number): Timings {
  const steps = new Map<string, StepTimings>();
  function of(step: string): StepTimings {
    const known = steps.get(step) ?? stepOf(new Map(), new Map());
    steps.set(step, known);
    return known;
  }

  /** By step: frames that were taken with the one before them, and begin when that is over. */
  const inTurn = new Map<string, Set<number>>();
  function inTurnOf(step: string): Set<number> {
    const known = inTurn.get(step) ?? new Set();
    inTurn.set(step, known);
    return known;
  }

  function hearEvent(event: FeedEvent): boolean {
    const { kind, step, first, state, data } = event;
    if (kind !== "task.changed" || event.jobNumber !== job || step === null || first === null) return false;
    const { done, running } = of(step);
    const next = inTurnOf(step);
    const last = event.last ?? first;
    for (let ordinal = first; ordinal <= last; ordinal++) {
      running.delete(ordinal);
      done.delete(ordinal);
      next.delete(ordinal);
      if (state === "running" && ordinal > first) next.add(ordinal);
      if (state === "succeeded" && typeof data?.["seconds"] === "number") done.set(ordinal, data["seconds"]);
    }
    const begins = state === "running" ? first : last + 1;
    if (state === "running" || next.delete(begins)) running.set(begins, Date.parse(event.at));
    return true;
  }

  return {
    steps,
    of,
    addAttempts(attempts) {
      for (const { step, ordinal, state, seconds, startedAt } of attempts) {
        const { done, running } = of(step);
        if (done.has(ordinal) || running.has(ordinal)) continue;
        if (state === "succeeded" && seconds !== null) done.set(ordinal, seconds);
        if (state === "started" && startedAt !== null) running.set(ordinal, Date.parse(startedAt));
      }
    },
    renew() {
      for (const [name, { done, running }] of steps) steps.set(name, stepOf(done, running));
    },
    clear() {
      steps.clear();
      inTurn.clear();
    },
    hear(messages) {
      let isNews = false;
      for (const message of messages)
        if (message.type === "events")
          for (const event of message.events) isNews = hearEvent(event) || isNews;
      return isNews;
    },
  };
}

/** Tries read at most; of more, the newest say enough. */
const mostPages = 5;
const pageLength = 1000;

/**
 * Adds the tries of a job, newest first, as `list` answers them page after page; `changed` is called after each.
 * Rejects as `list` does.
 */
export async function addTries(
  timings: Timings,
  list: (page: {
    limit: number;
    after: string | undefined;
  }) => Promise<{ items: Attempt[]; next: string | null }>,
  changed: () => void = () => undefined,
): Promise<void> {
  let after: string | undefined;
  for (let page = 0; page < mostPages; page++) {
    // oxlint-disable-next-line no-await-in-loop -- page after page
    const { items, next } = await list({ limit: pageLength, after });
    timings.addAttempts(items);
    changed();
    if (next === null) return;
    after = next;
  }
}

function stepOf(done: Map<number, number>, running: Map<number, number>): StepTimings {
  let spread: Spread | undefined;
  return {
    done,
    running,
    get spread() {
      return (spread ??= spreadOf(done.values()));
    },
  };
}
