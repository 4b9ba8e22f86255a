// The times of a job's frames while its view is open.
import { useEffect, useMemo, useState } from "preact/hooks";
import { slowFrom } from "../../contract/estimate.ts";
import { addTries, createTimings, type StepTimings, type Timings } from "../../contract/timings.ts";
import type { Live } from "../live.ts";
import { useStore } from "../store.ts";

/** Times change slowly enough to be looked at so often, ms. */
const drawEveryMs = 500;

/** Times by step; the view is drawn anew when they change. What asks for them has a `key` by history. */
export function useTimings(job: number, live: Live | null): Timings {
  const { api } = useStore();
  const timings = useMemo(() => createTimings(job), [job]);
  const [, draw] = useState(0);
  useEffect(() => {
    if (!live) return undefined;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const change = () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        timings.renew();
        draw((n) => n + 1);
      }, drawEveryMs);
    };
    const read = () => addTries(timings, (page) => api.listAttempts(job, page, stop.signal), change);
    let isRead = false;
    const begin = () => {
      isRead = true;
      // Without them the view knows less; the means of the steps come with the job itself.
      read().catch(() => (isRead = false));
    };
    begin();
    const deaf = live.listen((messages) => {
      if (!isRead && live.client.state === "live") begin();
      if (timings.hear(messages)) change();
    });
    return () => {
      stop.abort();
      deaf();
      clearTimeout(timer);
    };
  }, [job, live, timings]);
  return timings;
}

/** Frames of a step that take, or took, far longer than the others. The same set as before while nothing changed. */
export function useSlow(times: StepTimings, now: number): ReadonlySet<number> {
  const limit = slowFrom(times.spread);
  const isAny = times.spread.most > limit;
  const done = useMemo(() => (isAny ? overOf(times.done, limit) : []), [times]);
  const running = [...times.running].filter(([, began]) => (now - began) / 1000 > limit);
  const found = [...done, ...running.map(([ordinal]) => ordinal)].toSorted((a, b) => a - b);
  const key = found.join(" ");
  // oxlint-disable-next-line exhaustive-deps -- the key says all that is in it
  return useMemo(() => new Set(found), [key]);
}

const overOf = (seconds: ReadonlyMap<number, number>, limit: number): number[] =>
  [...seconds].filter(([, one]) => one > limit).map(([ordinal]) => ordinal);
