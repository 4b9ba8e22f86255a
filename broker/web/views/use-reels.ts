// The pictures of a job as reels, kept up to date: what is new is asked for, not everything again.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Answer } from "../../contract/client.ts";
import { addToReels, type Reel } from "../flipbook/pictures.ts";

type Artifacts = Answer<"listArtifacts">;
/** One page of the files that count, after a mark. */
export type ListPictures = (after: string | undefined, signal: AbortSignal) => Promise<Artifacts>;

export interface Reels {
  /** Those with most pictures first. */
  reels: readonly Reel[];
  /** Everything there was at the time of asking is here. */
  loaded: boolean;
  error: unknown;
}

/** Between two questions, ms: frames may finish faster than anybody can look. */
const restMs = 700;

/** Asks again whenever `version` changes; `list` must stay the same function for one job. */
export function useReels(list: ListPictures, version: string): Reels {
  const [state, setState] = useState<Reels>({ reels: [], loaded: false, error: null });
  const known = useRef({ reels: new Map<string, Reel>(), after: undefined as string | undefined });
  useEffect(() => {
    known.current = { reels: new Map(), after: undefined };
    setState({ reels: [], loaded: false, error: null });
  }, [list]);

  useEffect(() => {
    const stop = new AbortController();
    const mine = known.current;
    const show = (loaded: boolean) => {
      const reels = [...mine.reels.values()].toSorted((a, b) => b.pictures.size - a.pictures.size);
      if (!stop.signal.aborted) setState({ reels, loaded, error: null });
    };
    const look = async () => {
      for (;;) {
        // oxlint-disable-next-line no-await-in-loop -- page after page
        const page = await list(mine.after, stop.signal);
        if (stop.signal.aborted) return;
        addToReels(mine.reels, page.items);
        mine.after = numberOf(page.items.at(-1)?.id) ?? mine.after;
        show(page.next === null);
        if (page.next === null) return;
      }
    };
    const timer = setTimeout(
      () => {
        look().catch((error: unknown) => {
          if (!stop.signal.aborted) setState((before) => ({ ...before, error }));
        });
      },
      mine.after === undefined ? 0 : restMs,
    );
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [list, version]);
  return state;
}

/** The mark behind a page that was not full: the number of its last file, as files are listed in the order they came. */
function numberOf(id: string | undefined): string | undefined {
  return id === undefined ? undefined : /\d+$/.exec(id)?.[0];
}
