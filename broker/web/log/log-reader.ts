// Brings the part of a log that somebody looks at: blocks around a place, further ones as they scroll, new bytes as they
// come. One request at a time; what is asked for meanwhile replaces what waited.
import { blockBytes, createLogWindow, type LogWindow } from "./log-window.ts";
import type { ReadLog } from "./search.ts";

export interface LogReader {
  readonly window: LogWindow;
  /** How long the log is, as last heard. */
  readonly length: number;
  /** Nothing more will come. */
  readonly complete: boolean;
  /** Something is on its way. */
  readonly busy: boolean;
  /** What went wrong last, until something goes well. */
  readonly error: unknown;
  /** The end of the log is in the window. */
  readonly hasEnd: boolean;
  /** The feed said how long the log is. */
  grow(length: number, complete: boolean): void;
  /** Shows the blocks around a byte; `length` for the end. */
  jump(at: number): void;
  /** Brings the block before or behind the window. */
  extend(way: "before" | "behind"): void;
  /** Tries again what went wrong. */
  retry(): void;
  close(): void;
}

/** Blocks that are brought at once around a place. */
const aroundBlocks = 2;

type Wish = { kind: "jump"; at: number } | { kind: "before" } | { kind: "behind" };

/** A reader of one log. `onChange` is called after the window, the length or the state changed. */
export function createLogReader(read: ReadLog, onChange: () => void): LogReader {
  const window = createLogWindow();
  const stop = new AbortController();
  let length = 0;
  let complete = false;
  let wish: Wish | null = null;
  let failed: Wish | null = null;
  let busy = false;
  let error: unknown = null;

  function want(next: Wish): void {
    // A jump is what somebody asked for; scrolling only happens on the way.
    if (wish?.kind === "jump" && next.kind !== "jump") return;
    wish = next;
    if (!busy) void work();
  }

  async function work(): Promise<void> {
    busy = true;
    onChange();
    while (wish !== null && !stop.signal.aborted) {
      const now: Wish = wish;
      wish = null;
      try {
        // oxlint-disable-next-line no-await-in-loop -- one request at a time is the point
        await bring(now);
        error = null;
      } catch (reason) {
        if (stop.signal.aborted) return;
        error = reason;
        failed = now;
      }
      onChange();
    }
    busy = false;
    onChange();
  }

  async function bring(now: Wish): Promise<void> {
    if (now.kind === "jump") {
      const block = Math.max(
        0,
        Math.min(Math.floor(now.at / blockBytes), Math.ceil(length / blockBytes) - 1),
      );
      const from = Math.max(0, block - aroundBlocks + 1) * blockBytes;
      const bytes = await read(from, aroundBlocks * blockBytes, stop.signal);
      window.restart(from);
      window.append(from, bytes);
    } else if (now.kind === "before") {
      const from = Math.max(0, Math.floor((window.from - 1) / blockBytes) * blockBytes);
      if (window.from === 0) return;
      const bytes = await read(from, window.from - from, stop.signal);
      window.prepend(from, bytes);
    } else {
      const bytes = await read(window.to, blockBytes, stop.signal);
      window.append(window.to, bytes);
    }
  }

  return {
    window,
    get length() {
      return length;
    },
    get complete() {
      return complete;
    },
    get busy() {
      return busy;
    },
    get error() {
      return error;
    },
    get hasEnd() {
      return window.to >= length;
    },
    grow(next, whole) {
      if (next === length && whole === complete) return;
      length = next;
      complete = whole;
      onChange();
    },
    jump: (at) => want({ kind: "jump", at }),
    extend(way) {
      if (way === "before" ? window.from > 0 : window.to < length) want({ kind: way });
    },
    retry() {
      if (failed !== null && error !== null) want(failed);
    },
    close: () => stop.abort(),
  };
}
