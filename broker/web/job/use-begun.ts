// How many frames of each step are begun: of those that a worker holds, most may wait for their turn there.
import { useRef } from "preact/hooks";
import type { FeedStore } from "../../contract/feed-store.ts";
import type { Step } from "../../contract/job.ts";
import { taskStates } from "../../contract/states.ts";
import type { Live } from "../live.ts";

const running = taskStates.indexOf("running");
/** From one frame to the next on a worker, the feed tells of none for a moment: a number that falls is believed after this, ms. */
const believedMs = 400;

/** By step: begun frames of a job, as the feed told last. */
export function countBegun(store: FeedStore, job: number): Map<string, number> {
  const found = new Map<string, number>();
  const views = store.steps.get(job);
  for (const { jobNumber, step, ordinal } of store.progress.values())
    if (jobNumber === job && views?.get(step)?.states[ordinal] === running)
      found.set(step, (found.get(step) ?? 0) + 1);
  return found;
}

export interface Steady {
  count: number;
  /** When it was last as many, or more, ms. */
  at: number;
}

/** What to show of a count that is `count` at `now`: it grows at once, and falls when it stays low. */
export function steadied(before: Steady | undefined, count: number, now: number): Steady {
  if (before !== undefined && count < before.count && now - before.at < believedMs) return before;
  return { count, at: now };
}

/** Begun frames by step, never more than run; looked at anew with each drawing of the view. */
export function useBegun(live: Live, job: number, steps: readonly Step[]): ReadonlyMap<string, number> {
  const known = useRef(new Map<string, Steady>());
  const found = countBegun(live.client.store, job);
  const now = performance.now();
  return new Map(
    steps.map(({ name, counts }) => {
      const steady = steadied(known.current.get(name), found.get(name) ?? 0, now);
      known.current.set(name, steady);
      return [name, Math.min(steady.count, counts.running)];
    }),
  );
}
