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

/** Asks again when `version` changes, however often it does; `list` must stay the same function for one job. */
export function useReels(list: ListPictures, version: string): Reels {
  const [state, setState] = useState<Reels>({ reels: [], loaded: false, error: null });
  const asker = useRef<{ ask: () => void } | null>(null);
  useEffect(() => {
    setState({ reels: [], loaded: false, error: null });
    const own = createAsker(list, setState);
    asker.current = own;
    return own.close;
  }, [list]);
  useEffect(() => asker.current?.ask(), [version]);
  return state;
}

/** Asks for what is new: at once, then no oftener than every `restMs`; what is wanted meanwhile is asked for after that. */
function createAsker(
  list: ListPictures,
  tell: (reels: Reels) => void,
): { ask: () => void; close: () => void } {
  const stop = new AbortController();
  const known = new Map<string, Reel>();
  let after: string | undefined;
  let isWanted = true;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const sorted = () =>
    [...known.values()]
      .filter(({ pictures }) => pictures.size > 0)
      .toSorted((a, b) => b.pictures.size - a.pictures.size);

  async function look(): Promise<void> {
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- page after page
      const page = await list(after, stop.signal);
      addToReels(known, page.items);
      after = markBehind(page.items) ?? after;
      if (stop.signal.aborted) return;
      tell({ reels: sorted(), loaded: page.next === null, error: null });
      if (page.next === null) return;
    }
  }

  async function turn(): Promise<void> {
    isWanted = false;
    try {
      await look();
    } catch (error) {
      if (stop.signal.aborted) return;
      tell({ reels: sorted(), loaded: false, error });
    }
    if (stop.signal.aborted) return;
    timer = setTimeout(() => {
      timer = undefined;
      if (isWanted) start();
    }, restMs);
  }

  function start(): void {
    timer = setTimeout(() => void turn(), 0);
  }

  start();
  return {
    ask() {
      isWanted = true;
      if (timer === undefined) start();
    },
    close() {
      stop.abort();
      clearTimeout(timer);
    },
  };
}

/** The mark behind files that need not fill a page: the number of the last, as files are listed in the order they came. */
export function markBehind(files: Artifacts["items"]): string | undefined {
  return /\d+$/.exec(files.at(-1)?.id ?? "")?.[0];
}
