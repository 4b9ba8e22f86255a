// Something that is fetched for a view: what it is, that it is on its way, or why it did not come.
import { useEffect, useState } from "preact/hooks";

export interface Loaded<T> {
  /** Stays while it is fetched anew. */
  value: T | undefined;
  error: unknown;
  /** Fetches anew. */
  again: () => void;
}

/** Fetches when `key` changes; what `key` names must be all that `load` depends on. */
export function useLoad<T>(load: (signal: AbortSignal) => Promise<T>, key: string, version = ""): Loaded<T> {
  const [state, setState] = useState<{ key: string; value?: T; error: unknown }>({ key, error: null });
  const [round, setRound] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    load(stop.signal).then(
      (value) => {
        if (!stop.signal.aborted) setState({ key, value, error: null });
      },
      (error: unknown) => {
        if (stop.signal.aborted) return;
        setState((before) => (before.key === key ? { ...before, error } : { key, error }));
      },
    );
    return () => stop.abort();
  }, [key, version, round]);
  const own = state.key === key ? state : { error: null };
  return {
    value: "value" in own ? own.value : undefined,
    error: own.error,
    again: () => setRound((n) => n + 1),
  };
}
