// A moment, told as people tell it, and kept true while the page is open.
import { useEffect, useState } from "preact/hooks";
import { brokerClock } from "../../contract/broker-clock.ts";
import { onLive, type Live } from "../live.ts";
import { moment } from "../words.ts";

/** Draws anew so often while something counts, ms; 0: never. Returns the present time by the broker, ms. */
export function useNow(everyMs: number): number {
  return useTicks(everyMs, null);
}

/**
 * As `useNow`, for what counts because it runs: while the broker is away nobody knows whether it does, and the time stands
 * still where it was lost.
 */
export function useKnownNow(live: Live, everyMs: number): number {
  return useTicks(everyMs, live);
}

function useTicks(everyMs: number, live: Live | null): number {
  const read = () => live?.lostAt ?? brokerClock.now();
  const [now, setNow] = useState(read);
  useEffect(() => {
    if (everyMs === 0) return undefined;
    const tick = () => setNow(read());
    tick();
    const timer = setInterval(tick, everyMs);
    const deaf = live && onLive(live, tick);
    return () => {
      clearInterval(timer);
      deaf?.();
    };
  }, [everyMs, live]);
  return now;
}

/** `5 min ago`; the exact time is told on hover. */
export function Moment({ at }: { at: string }) {
  const now = useNow(20_000);
  return (
    <time dateTime={at} title={new Date(at).toLocaleString("en-GB")}>
      {moment(at, now)}
    </time>
  );
}
