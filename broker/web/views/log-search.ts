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

/** Looks through `length` bytes, and on when there are more. `onPlace` is told where somebody goes. */
export function useLogSearch(
  read: ReadLog,
  length: number,
  complete: boolean,
  onPlace: (place: number) => void,
): SearchState {
  const [words, setWords] = useState("");
  const [, draw] = useState(0);
  const [index, setIndex] = useState(-1);
  const [error, setError] = useState(false);
  const search = useRef<LogSearch>(createLogSearch(""));
  const running = useRef(false);
  const wasShown = useRef(true);

  useEffect(() => {
    search.current = createLogSearch(words);
    wasShown.current = words === "";
    setIndex(-1);
    setError(false);
    draw((n) => n + 1);
    if (words === "") return undefined;
    const stop = new AbortController();
    const own = search.current;
    const look = async () => {
      running.current = true;
      try {
        await own.run(length, read, stop.signal, () => {
          if (stop.signal.aborted) return;
          draw((n) => n + 1);
          const [first] = own.places;
          if (wasShown.current || first === undefined) return;
          wasShown.current = true;
          setIndex(0);
          onPlace(first);
        });
      } catch {
        if (!stop.signal.aborted) setError(true);
      } finally {
        running.current = false;
      }
    };
    const timer = setTimeout(() => void look(), restMs);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [words, read]);

  // A log that grows is looked through on, but only once what is running has ended.
  useEffect(() => {
    const own = search.current;
    if (words === "" || running.current || own.to === 0 || own.to >= length) return undefined;
    const stop = new AbortController();
    running.current = true;
    const whole = () => (running.current = false);
    own.run(length, read, stop.signal, () => draw((n) => n + 1)).then(whole, whole);
    return () => stop.abort();
  }, [length, complete, words]);

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
