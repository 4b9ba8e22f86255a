// Memory for programs that live on the artist's own machine: V8's space for young objects does not grow.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Keeps the space for young objects as small as it is now, some 2 to 8 MB; by itself V8 lets it grow to 32 MB, or far
 * more with what lies outside of the heap: while files stream through, each piece is a young object that holds its
 * bytes until the next collection. Of the flags about this only the factor of growth is heeded once V8 runs: its limits
 * (`--max-semi-space-size` and the like) are read at the start of the process alone.
 */
export function keepHeapSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}

/** Lets it grow again, for whoever answers many requests: collecting 2 MB at a time costs a broker a sixth of its speed. */
export function letHeapGrow(): void {
  setFlagsFromString("--semi-space-growth-factor=2");
}

/** So much may lie about that nobody needs any more, bytes. */
const collectEvery = 8 * 1024 * 1024;
let lying = 0;
type Collect = (options: { type: "minor" | "major"; flavor?: "last-resort" }) => void;
let collect: Collect | undefined;

/**
 * Says that so many bytes went through in pieces that nobody needs any more. V8 does not count bytes outside of the heap
 * among the young objects: once it thinks them too many it looks at everything, some 200 times while 4 GiB stream
 * through, and up to 70 MB lie about until then. A look at the young objects alone takes a third of a millisecond and
 * finds them all.
 */
export function wentThrough(bytes: number): void {
  lying += bytes;
  if (lying < collectEvery) return;
  lying = 0;
  collect ??= collector();
  collect({ type: "minor" });
}

/**
 * Gives back what is not needed, once all is up, in some 30 ms: starting leaves garbage that V8 would keep for days in a
 * program of which nobody asks anything (5 MB of a broker).
 */
export function collectAll(): void {
  collect ??= collector();
  collect({ type: "major", flavor: "last-resort" });
}

/** What V8 shows only to whoever asks for it by a flag, also later than at the start. */
function collector(): Collect {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as Collect;
}
