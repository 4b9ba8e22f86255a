// Searching a whole log piece by piece, without keeping it: what is found is the place of a line, in bytes.
import { withoutCodes } from "./ansi.ts";

/** Fetches bytes of a log from a place; fewer than `limit` at its end. */
export type ReadLog = (from: number, limit: number, signal: AbortSignal) => Promise<Uint8Array>;

/** One piece, bytes. */
export const pieceBytes = 2 * 1024 * 1024;
/** More are counted, not kept: nobody steps through them one by one. */
export const keptMatches = 10_000;

export interface LogSearch {
  /** Where lines with the words begin, in order; at most `keptMatches`. */
  readonly places: readonly number[];
  readonly count: number;
  /** So far was looked. */
  readonly to: number;
  /** Looks on to the byte `end`; `onStep` hears after each piece. Only one call at a time. */
  run(end: number, read: ReadLog, signal: AbortSignal, onStep: () => void): Promise<void>;
}

// One character a byte, so that places in text are places in bytes.
const narrow = new TextDecoder("latin1");
const encoder = new TextEncoder();
const wide = new TextDecoder();

/** A search for words, whether in capitals or not. A line is found as it is read: colours inside words do not hide them. */
export function createLogSearch(words: string): LogSearch {
  const wanted = words.toLowerCase();
  const rough = narrow.decode(encoder.encode(words)).toLowerCase();
  // Only of ASCII do capitals have the same length in bytes; other words are looked for line by line.
  // oxlint-disable-next-line no-control-regex -- ASCII is meant
  const isPlain = /^[\u0000-\u007f]*$/.test(words);
  const places: number[] = [];
  let count = 0;
  let to = 0;
  /** The line that was not whole yet, and whether it counts as it is: it may go on. */
  let rest: Uint8Array = new Uint8Array();
  let isRestCounted = false;

  function lookAtLines(bytes: Uint8Array, from: number): void {
    const text = narrow.decode(bytes);
    if (isPlain && !text.includes("\u001b") && !text.toLowerCase().includes(rough)) return;
    for (let at = 0; at < bytes.length;) {
      const found = text.indexOf("\n", at);
      const end = found < 0 ? bytes.length : found + 1;
      const line = text.slice(at, end);
      const hit =
        isPlain && !line.includes("\u001b")
          ? line.toLowerCase().includes(rough)
          : withoutCodes(wide.decode(bytes.subarray(at, end)))
              .toLowerCase()
              .includes(wanted);
      if (hit) {
        count++;
        if (places.length < keptMatches) places.push(from + at);
      }
      at = end;
    }
  }

  return {
    places,
    get count() {
      return count;
    },
    get to() {
      return to;
    },
    async run(end, read, signal, onStep) {
      if (wanted === "") return;
      if (isRestCounted) {
        isRestCounted = false;
        if (count === places.length) places.pop();
        count--;
      }
      while (to < end && !signal.aborted) {
        // oxlint-disable-next-line no-await-in-loop -- piece after piece: a long log is never whole in memory
        const piece = await read(to, Math.min(pieceBytes, end - to), signal);
        if (piece.length === 0 || signal.aborted) break;
        const bytes = joined(rest, piece);
        const begin = to - rest.length;
        to += piece.length;
        // The last line may go on in the next piece. One that fills a piece is looked at as it is.
        const last = bytes.lastIndexOf(10) + 1;
        const whole = last === 0 && bytes.length >= pieceBytes ? bytes.length : last;
        lookAtLines(bytes.subarray(0, whole), begin);
        rest = bytes.slice(whole);
        onStep();
      }
      const before = count;
      lookAtLines(rest, to - rest.length);
      isRestCounted = count > before;
      onStep();
    },
  };
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
