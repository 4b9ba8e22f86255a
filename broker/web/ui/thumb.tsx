// A small picture beside a name: it changes without a flicker, and an empty frame keeps its place.
import { useEffect, useState } from "preact/hooks";
import type { Addresses } from "../flipbook/addresses.ts";

interface ThumbProps {
  addresses: Addresses;
  /** The picture's bytes; null for none. */
  sha256: string | null;
}

/** The picture before stays until the next one can be painted. */
export function Thumb({ addresses, sha256 }: ThumbProps) {
  const [shown, setShown] = useState<string | null>(null);
  useEffect(() => {
    if (sha256 === null) return setShown(null);
    let isOver = false;
    const bring = async () => {
      const url = await addresses.of(sha256);
      if (url === null) return;
      const image = new Image();
      image.src = url;
      await image.decode();
      if (!isOver) setShown(url);
    };
    // A row without its picture still says everything.
    bring().catch(() => undefined);
    return () => {
      isOver = true;
    };
  }, [addresses, sha256]);
  return <span class="thumb">{shown !== null && <img src={shown} alt="" decoding="sync" />}</span>;
}
