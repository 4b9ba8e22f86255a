// A moment, told as people tell it, and kept true while the page is open.
import { useEffect, useState } from "preact/hooks";
import { moment } from "../words.ts";

/** Draws anew so often while something counts, ms; 0: never. Returns the present time, ms. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (everyMs === 0) return undefined;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
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
