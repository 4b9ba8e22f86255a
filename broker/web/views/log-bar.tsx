// The bar above a log: find, follow, wrap, save.
import { useEffect, useRef, useState } from "preact/hooks";
import type { ReadLog } from "../log/search.ts";
import { bytesText } from "../log/words.ts";
import { useStore } from "../store.ts";
import { counted } from "../words.ts";
import type { SearchState } from "./log-search.ts";

interface LogBarProps {
  search: SearchState;
  following: boolean;
  complete: boolean;
  onFollow: () => void;
  wrap: boolean;
  onWrap: () => void;
  save: { name: string; read: ReadLog; length: number };
}

/** The bar of one log. */
export function LogBar({ search, following, complete, onFollow, wrap, onWrap, save }: LogBarProps) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const isTyping =
        event.target instanceof HTMLElement && /^(input|textarea|select)$/i.test(event.target.tagName);
      if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      input.current?.focus();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  return (
    <div class="log-bar">
      <div class="log-find" role="search">
        <input
          ref={input}
          type="search"
          class="input"
          placeholder="Find in the whole log"
          aria-label="Find in the log"
          value={search.words}
          onInput={(event) => search.find(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter") search.step(event.shiftKey ? -1 : 1);
            if (event.key === "Escape") search.find("");
          }}
        />
        {search.words !== "" && (
          <>
            <span class="log-count" role="status">
              {countText(search)}
            </span>
            <button
              type="button"
              class="button is-small"
              aria-label="Previous place"
              disabled={search.count === 0}
              onClick={() => search.step(-1)}
            >
              ↑
            </button>
            <button
              type="button"
              class="button is-small"
              aria-label="Next place"
              disabled={search.count === 0}
              onClick={() => search.step(1)}
            >
              ↓
            </button>
          </>
        )}
      </div>
      <div class="log-tools">
        <button type="button" class="button is-small" aria-pressed={wrap} onClick={onWrap}>
          Wrap
        </button>
        <button
          type="button"
          class="button is-small"
          aria-pressed={complete ? undefined : following}
          onClick={onFollow}
        >
          {complete ? "To the end" : "Follow"}
        </button>
        <SaveButton {...save} />
      </div>
    </div>
  );
}

function countText({ count, index, share, error }: SearchState): string {
  if (error) return "The search broke off";
  if (count === 0 && share === 1) return "Not found in this log";
  // Lines, of which one may have the words several times.
  const lines = index < 0 ? counted(count, "line") : `line ${index + 1} of ${count.toLocaleString("en")}`;
  const found = count === 0 ? "Not found yet" : lines;
  return share < 1 ? `${found} · ${Math.floor(share * 100)} %` : found;
}

/** One piece of what is saved, bytes. */
const pieceBytes = 4 * 1024 * 1024;

function SaveButton({ name, read, length }: LogBarProps["save"]) {
  const { act } = useStore();
  const [saved, setSaved] = useState<number | null>(null);
  async function save(): Promise<void> {
    const parts: Blob[] = [];
    setSaved(0);
    try {
      for (let at = 0; at < length;) {
        // oxlint-disable-next-line no-await-in-loop -- the browser keeps what came on its disk
        const piece = await read(at, pieceBytes, AbortSignal.timeout(60_000));
        if (piece.length === 0) break;
        parts.push(new Blob([piece as Uint8Array<ArrayBuffer>]));
        at += piece.length;
        setSaved(at);
      }
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob(parts, { type: "text/plain" }));
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    } finally {
      setSaved(null);
    }
  }
  return (
    <button
      type="button"
      class="button is-small"
      disabled={length === 0 || saved !== null}
      onClick={() => void act(save)}
    >
      {saved === null ? "Save" : bytesText(saved)}
    </button>
  );
}
