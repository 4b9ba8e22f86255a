// A small picture beside a name: it changes without a flicker, and an empty frame keeps its place.
import { useEffect, useState } from "preact/hooks";
import type { Addresses } from "../flipbook/addresses.ts";
import { onLive } from "../live.ts";
import { useStore } from "../store.ts";

interface ThumbProps {
  addresses: Addresses;
  /** The picture's bytes; null for none. */
  sha256: string | null;
}

/** Frames may come faster than anybody looks at a list: a picture stays so long, ms. */
const stayMs = 2000;

/** The picture before stays until the next one can be painted, and a moment at least. */
export function Thumb({ addresses, sha256 }: ThumbProps) {
  const [shown, setShown] = useState<string | null>(null);
  const [shower] = useState(() => createShower(addresses, setShown));
  const { live } = useStore();
  useEffect(() => shower.want(sha256), [shower, sha256]);
  useEffect(() => onLive(live, () => shower.again()), [live, shower]);
  useEffect(() => () => shower.close(), [shower]);
  return <span class="thumb">{shown !== null && <img src={shown} alt="" decoding="sync" />}</span>;
}

/** Shows what was wanted last, one after the other: also where pictures come faster than they can be fetched. */
function createShower(addresses: Addresses, show: (url: string | null) => void) {
  let wanted: string | null = null;
  let known: string | null = null;
  let isBusy = false;
  let hasFailed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let closed = false;

  async function bring(sha256: string): Promise<void> {
    const url = await addresses.of(sha256);
    if (url === null) return;
    const image = new Image();
    image.src = url;
    await image.decode();
    if (!closed) show(url);
  }

  function next(): void {
    if (closed || isBusy || wanted === known) return;
    known = wanted;
    if (known === null) return show(null);
    isBusy = true;
    hasFailed = false;
    // A row without its picture still says everything.
    bring(known)
      .catch(() => (hasFailed = true))
      .finally(() => {
        timer = setTimeout(() => {
          isBusy = false;
          next();
        }, stayMs);
      });
  }

  return {
    want(sha256: string | null) {
      wanted = sha256;
      next();
    },
    /** Brings what did not come. */
    again() {
      if (!hasFailed) return;
      known = null;
      next();
    },
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
