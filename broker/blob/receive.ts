// Takes in a stream of bytes: hashed while it is written, never held whole, refused when it is not what its name says.
import { createHash } from "node:crypto";
import { Problem } from "../contract/problem.ts";
import { wentThrough } from "../small-heap.ts";

/** Small writes cost more than their bytes: what comes is gathered to about so much, bytes. */
const gatherBytes = 512 * 1024;

/** What a stream must turn out to be; `bytes` null: its length is not known. */
export interface Expected {
  sha256: string;
  bytes: number | null;
}

/**
 * Hands a stream to `write` in pieces of about half a MiB, one write at a time while the next piece is read and hashed.
 * Resolves to its length. Throws `invalid` for another hash or length, as soon as it is longer than it may be.
 */
export async function receive(
  expected: Expected,
  stream: AsyncIterable<Uint8Array>,
  write: (pieces: readonly Uint8Array[], position: number) => Promise<void>,
): Promise<number> {
  const hash = createHash("sha256");
  let [bytes, written, gathered] = [0, 0, 0];
  let pieces: Uint8Array[] = [];
  let writing: Promise<void> = Promise.resolve();
  async function flush(): Promise<void> {
    await writing;
    wentThrough(gathered);
    if (gathered === 0) return;
    writing = write(pieces, written);
    // It is awaited later; until then nobody else would hear of its failure.
    writing.catch(() => undefined);
    written += gathered;
    [pieces, gathered] = [[], 0];
  }
  try {
    for await (const piece of stream) {
      if (piece.length === 0) continue;
      bytes += piece.length;
      if (expected.bytes !== null && bytes > expected.bytes) throw wrongLength(expected.bytes);
      hash.update(piece);
      pieces.push(piece);
      gathered += piece.length;
      if (gathered >= gatherBytes) await flush();
    }
    await flush();
  } finally {
    // The file is closed next, which must not happen under a write.
    await writing.catch(() => undefined);
  }
  await writing;
  if (expected.bytes !== null && bytes !== expected.bytes) throw wrongLength(expected.bytes);
  if (hash.digest("hex") !== expected.sha256) throw wrongHash();
  return bytes;
}

/** Reads a stream only to see whether it is what its name says. Throws `invalid`. */
export async function readThrough(expected: Expected, stream: AsyncIterable<Uint8Array>): Promise<void> {
  await receive(expected, stream, async () => undefined);
}

/**
 * A stream in pieces of exactly `pieceBytes`, except the last. Throws `invalid` for another hash or length, in place of
 * the last piece.
 */
export async function* inPieces(
  expected: Expected,
  stream: AsyncIterable<Uint8Array>,
  pieceBytes: number,
): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  let [bytes, filled] = [0, 0];
  let piece: Buffer | undefined;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (expected.bytes !== null && bytes > expected.bytes) throw wrongLength(expected.bytes);
    hash.update(chunk);
    for (let at = 0; at < chunk.length;) {
      if (filled === pieceBytes && piece) {
        yield piece;
        [piece, filled] = [undefined, 0];
      }
      // Of what is known to be short no more is held than it has.
      piece ??= Buffer.allocUnsafe(Math.min(pieceBytes, expected.bytes ?? pieceBytes));
      const taken = Math.min(chunk.length - at, pieceBytes - filled);
      piece.set(chunk.subarray(at, at + taken), filled);
      [at, filled] = [at + taken, filled + taken];
    }
  }
  if (expected.bytes !== null && bytes !== expected.bytes) throw wrongLength(expected.bytes);
  if (hash.digest("hex") !== expected.sha256) throw wrongHash();
  if (piece) yield piece.subarray(0, filled);
}

/** The refusal of bytes that have another hash than their name. */
export function wrongHash(): Problem {
  return new Problem("invalid", "The bytes that arrived do not have this hash. Send them again.");
}

function wrongLength(bytes: number): Problem {
  return new Problem(
    "invalid",
    `What arrived is not ${bytes} bytes long, as was said before. Send them again.`,
  );
}
