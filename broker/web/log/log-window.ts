// The part of a log that is in memory: neighbouring blocks of bytes, cut into lines only where somebody looks. However
// long a log is, the window is not; lines are decoded when they are drawn.
import { applyCodes, plain, type Look } from "./ansi.ts";

/** One block, bytes: what is fetched at once, and dropped at once at the far end. */
export const blockBytes = 256 * 1024;
/** So many blocks are kept. */
export const keptBlocks = 8;

/** A line, or a piece of one that is very long; places are bytes of the log. */
export interface Line {
  from: number;
  to: number;
}

export interface LogWindow {
  /** The bytes `from` to `to` of the log are here. */
  readonly from: number;
  readonly to: number;
  readonly lines: readonly Line[];
  /** Puts bytes at the end; drops blocks at the beginning when there are too many. `at` must be `to`. */
  append(at: number, bytes: Uint8Array): void;
  /** Puts bytes before the beginning, `at` + length must be `from`; drops blocks at the end when too many. */
  prepend(at: number, bytes: Uint8Array): void;
  /** Forgets all, to go on at a byte far away. */
  restart(at: number): void;
  /** The text of a line as it was written, codes and all. */
  textOf(line: Line): string;
  /** How text looks where a line begins. */
  lookAt(line: Line): Look;
  /** The line with this byte in it, or the nearest. */
  indexOf(at: number): number;
  /** Cuts lines longer than so many bytes into pieces. */
  cutAt(bytes: number): void;
}

const newline = 10;
const escape = 27;
const decoder = new TextDecoder();
/** The longest sequence that is not torn apart by a cut, bytes. */
const longestSequence = 24;

/** An empty window at a byte. `cut`: bytes after which a long line goes on in the next row. */
export function createLogWindow(start = 0, cut = 2000): LogWindow {
  let from = start;
  let bytes: Uint8Array = new Uint8Array();
  let lines: Line[] = [];
  let looks: { at: number; look: Look }[] = [];
  let longest = cut;

  function hold(next: Uint8Array, begin: number): void {
    bytes = next;
    from = begin;
    lines = cutLines(bytes, from, longest);
    looks = readLooks(bytes, from);
  }

  return {
    get from() {
      return from;
    },
    get to() {
      return from + bytes.length;
    },
    get lines() {
      return lines;
    },
    append(at, more) {
      if (at !== from + bytes.length || more.length === 0) return;
      const drop = overfull(bytes.length + more.length);
      hold(join(bytes.subarray(Math.min(drop, bytes.length)), more), from + Math.min(drop, bytes.length));
    },
    prepend(at, more) {
      if (at + more.length !== from || more.length === 0) return;
      const drop = overfull(bytes.length + more.length);
      hold(join(more, bytes.subarray(0, Math.max(0, bytes.length - drop))), at);
    },
    restart(at) {
      hold(new Uint8Array(), at);
    },
    textOf: (line) => decoder.decode(bytes.subarray(line.from - from, line.to - from)),
    lookAt(line) {
      const index = lastBefore(looks, line.from, (one) => one.at);
      return index < 0 ? plain : (looks[index] as { look: Look }).look;
    },
    indexOf: (at) =>
      Math.max(
        0,
        lastBefore(lines, at + 1, (line) => line.from),
      ),
    cutAt(next) {
      if (next === longest) return;
      longest = next;
      hold(bytes, from);
    },
  };
}

/** Whole blocks that must go so that no more than `keptBlocks` stay, in bytes. */
function overfull(length: number): number {
  const over = length - keptBlocks * blockBytes;
  return over <= 0 ? 0 : Math.ceil(over / blockBytes) * blockBytes;
}

function join(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** Lines between newlines. What stands before the first one is the end of a line that begins outside: left out. */
function cutLines(bytes: Uint8Array, from: number, longest: number): Line[] {
  const lines: Line[] = [];
  let at = 0;
  if (from > 0) {
    const first = bytes.indexOf(newline);
    // A whole window inside one line: better its middle than nothing.
    at = first < 0 ? skipHalf(bytes) : first + 1;
  }
  while (at < bytes.length) {
    const found = bytes.indexOf(newline, at);
    const end = found < 0 ? bytes.length : found + 1;
    while (end - at > longest) {
      const next = cutPlace(bytes, at, longest);
      lines.push({ from: from + at, to: from + next });
      at = next;
    }
    lines.push({ from: from + at, to: from + end });
    at = end;
  }
  return lines;
}

/** Where a piece that begins at `at` may end: neither inside a character nor inside a sequence. */
function cutPlace(bytes: Uint8Array, at: number, longest: number): number {
  let next = at + longest;
  while (next > at + 1 && isInsideCharacter(bytes[next])) next--;
  for (let back = next - 1; back > Math.max(at, next - longestSequence); back--) {
    if (bytes[back] !== escape) continue;
    const end = endOfSequence(bytes, back);
    return end > next ? back : next;
  }
  return next;
}

function skipHalf(bytes: Uint8Array): number {
  let at = 0;
  while (at < 4 && isInsideCharacter(bytes[at])) at++;
  return at;
}

const isInsideCharacter = (byte: number | undefined) => byte !== undefined && (byte & 0xc0) === 0x80;

/** The byte behind a sequence `ESC [ … m`. */
function endOfSequence(bytes: Uint8Array, at: number): number {
  let end = at + 2;
  while (end < at + longestSequence && (bytes[end] ?? 0x40) < 0x40) end++;
  return end + 1;
}

function readLooks(bytes: Uint8Array, from: number): { at: number; look: Look }[] {
  const looks: { at: number; look: Look }[] = [];
  let look = plain;
  for (let at = bytes.indexOf(escape); at >= 0; at = bytes.indexOf(escape, at + 1)) {
    const end = endOfSequence(bytes, at);
    if (bytes[at + 1] !== 0x5b || bytes[end - 1] !== 0x6d) continue;
    look = applyCodes(look, decoder.decode(bytes.subarray(at + 2, end - 1)));
    looks.push({ at: from + at, look });
  }
  return looks;
}

/** The last item whose place is before `at`; -1 when none is. */
function lastBefore<T>(items: readonly T[], at: number, place: (item: T) => number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (place(items[middle] as T) < at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
