// Something that is fetched for a view: what it is, that it is on its way, or why it did not come.
import { useEffect, useRef, useState } from "preact/hooks";
import { onLive } from "../live.ts";
import { useStore } from "../store.ts";

export interface Loaded<T> {
  /** Stays while it is fetched anew. */
  value: T | undefined;
  error: unknown;
  /** Fetches anew. */
  again: () => void;
}

/**
 * Fetches when `key` changes, and when the broker is back after it was away; what `key` names must be all that `load`
 * depends on. Fetches anew when `newest` changes: at once, then no oftener than every `restMs`.
 */
export function useLoad<T>(
  load: (signal: AbortSignal) => Promise<T>,
  key: string,
  newest = "",
  restMs = 0,
): Loaded<T> {
  const version = useRested(newest, restMs);
  const [state, setState] = useState<{ key: string; value?: T; error: unknown }>({ key, error: null });
  const [round, setRound] = useState(0);
  const hasFailed = useRef(false);
  const again = () => setRound((n) => n + 1);
  useEffect(() => {
    const stop = new AbortController();
    load(stop.signal).then(
      (value) => {
        if (stop.signal.aborted) return;
        hasFailed.current = false;
        setState({ key, value, error: null });
      },
      (error: unknown) => {
        if (stop.signal.aborted) return;
        hasFailed.current = true;
        setState((before) => (before.key === key ? { ...before, error } : { key, error }));
      },
    );
    return () => stop.abort();
  }, [key, version, round]);
  const { live } = useStore();
  useEffect(
    () =>
      onLive(live, (wasAway) => {
        // At the very beginning the first question is enough, unless it came too early.
        if (wasAway || hasFailed.current) again();
      }),
    [live],
  );
  const own = state.key === key ? state : { error: null };
  return {
    value: "value" in own ? own.value : undefined,
    error: own.error,
    again,
  };
}

/** A word as it was taken up: at once, then no oftener than every `restMs`, however often it changes. */
function useRested(newest: string, restMs: number): string {
  const [taken, take] = useState(newest);
  const takenAt = useRef(-Infinity);
  useEffect(() => {
    if (newest === taken) return undefined;
    const now = () => {
      takenAt.current = performance.now();
      take(newest);
    };
    const timer = setTimeout(now, Math.max(0, takenAt.current + restMs - performance.now()));
    return () => clearTimeout(timer);
  }, [newest, taken, restMs]);
  return restMs === 0 ? newest : taken;
}
