// A search of a whole log as it goes on: what was found so far, and which place somebody is at.
import { useEffect, useRef, useState } from "preact/hooks";
import { createLogSearch, type LogSearch, type ReadLog } from "../log/search.ts";

export interface SearchState {
  words: string;
  /** Where lines with the words begin. */
  places: readonly number[];
  count: number;
  /** How much of the log was looked through, 0 to 1. */
  share: number;
  /** The place somebody is at. */
  place: number | null;
  index: number;
  error: boolean;
  find(words: string): void;
  /** To the next place, or back; around the ends. */
  step(by: 1 | -1): void;
}

/** A search stands still for so long after a letter, ms. */
const restMs = 200;

/**
 * Looks through `length` bytes, and on when there are more or the broker answers again (`isLive`). `onPlace` is told
 * where somebody goes.
 */
export function useLogSearch(
  read: ReadLog,
  length: number,
  isLive: boolean,
  onPlace: (place: number) => void,
): SearchState {
  const [words, setWords] = useState("");
  const [, draw] = useState(0);
  const [index, setIndex] = useState(-1);
  const [error, setError] = useState(false);
  const search = useRef<LogSearch>(createLogSearch(""));
  /** Looks on, as far as the log is long now; nothing while that goes on already. */
  const look = useRef<() => void>(() => undefined);
  const end = useRef(length);
  end.current = length;

  useEffect(() => {
    const own = createLogSearch(words);
    search.current = own;
    setIndex(-1);
    setError(false);
    draw((n) => n + 1);
    if (words === "") return undefined;
    const stop = new AbortController();
    let isRunning = false;
    let wasShown = false;
    const show = () => {
      if (stop.signal.aborted) return;
      draw((n) => n + 1);
      const [first] = own.places;
      if (wasShown || first === undefined) return;
      wasShown = true;
      setIndex(0);
      onPlace(first);
    };
    const run = async () => {
      if (isRunning) return;
      isRunning = true;
      setError(false);
      try {
        // What was written meanwhile is looked through too.
        for (let before = -1; own.to > before && own.to < end.current && !stop.signal.aborted;) {
          before = own.to;
          // oxlint-disable-next-line no-await-in-loop -- piece after piece
          await own.run(end.current, read, stop.signal, show);
        }
      } catch {
        if (!stop.signal.aborted) setError(true);
      } finally {
        isRunning = false;
      }
    };
    const timer = setTimeout(() => {
      look.current = () => void run();
      look.current();
    }, restMs);
    return () => {
      look.current = () => undefined;
      clearTimeout(timer);
      stop.abort();
    };
  }, [words, read]);

  useEffect(() => look.current(), [length, isLive]);

  const { places, count, to } = search.current;
  return {
    words,
    places,
    count,
    share: length === 0 ? 1 : Math.min(1, to / length),
    place: places[index] ?? null,
    index,
    error,
    find: setWords,
    step(by) {
      if (places.length === 0) return;
      const next = (index + by + places.length) % places.length;
      setIndex(next);
      onPlace(places[next] ?? 0);
    },
  };
}
