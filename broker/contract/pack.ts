// Small files sent together: one stream of records, written alike by TypeScript and Python.
//
// "TALLYPK1", then for each file its SHA-256 (32 bytes), its length (8 bytes, big-endian) and its bytes; at the end a
// record whose hash is 32 zero bytes and whose length is the number of files. A pack without that end was cut off.

const magic = new TextEncoder().encode("TALLYPK1");
const headBytes = 40;

/** A file in a pack. */
export interface PackedFile {
  sha256: string;
  data: Uint8Array;
}

/** The stream is not a pack, or was cut off. */
export class PackError extends Error {}

/** The start of every pack. */
export function packStart(): Uint8Array<ArrayBuffer> {
  return magic.slice();
}

/** What stands before a file's bytes. */
export function packHead(sha256: string, bytes: number): Uint8Array<ArrayBuffer> {
  const head = new Uint8Array(headBytes);
  for (let i = 0; i < 32; i++) head[i] = Number.parseInt(sha256.slice(i * 2, i * 2 + 2), 16);
  new DataView(head.buffer).setBigUint64(32, BigInt(bytes));
  return head;
}

/** What stands after the last file. */
export function packEnd(files: number): Uint8Array<ArrayBuffer> {
  return packHead("0".repeat(64), files);
}

/**
 * Reads the files of a pack one after another, each as soon as its last byte is here: what came before a cut counts.
 * Hashes are the reader's to check. Throws PackError when it is no pack, is cut off, or a file is longer than `maxBytes`.
 */
export async function* readPack(
  stream: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<PackedFile> {
  const reader = exactReader(stream);
  const start = await reader(magic.length);
  if (!start || !magic.every((byte, index) => byte === start[index]))
    throw new PackError("These bytes are not a pack of files.");
  for (let files = 0; ; files++) {
    // oxlint-disable-next-line no-await-in-loop -- a stream is read in order
    const head = await reader(headBytes);
    if (!head) throw new PackError("The pack was cut off.");
    const bytes = Number(new DataView(head.buffer, head.byteOffset).getBigUint64(32));
    const sha256 = Array.from(head.subarray(0, 32), (byte) => byte.toString(16).padStart(2, "0")).join("");
    if (/^0+$/.test(sha256)) {
      if (bytes !== files) throw new PackError("The pack was cut off.");
      return;
    }
    if (bytes > maxBytes) throw new PackError("A file in the pack is too long for one.");
    // oxlint-disable-next-line no-await-in-loop -- see above
    const data = await reader(bytes);
    if (!data) throw new PackError("The pack was cut off.");
    yield { sha256, data };
  }
}

/** Reads exactly so many bytes at a time; undefined when the stream ends before. */
function exactReader(stream: AsyncIterable<Uint8Array>): (bytes: number) => Promise<Uint8Array | undefined> {
  const source = stream[Symbol.asyncIterator]();
  let held: Uint8Array[] = [];
  let length = 0;
  return async (bytes) => {
    while (length < bytes) {
      // oxlint-disable-next-line no-await-in-loop -- a stream is read in order
      const next = await source.next();
      if (next.done === true) return undefined;
      held.push(next.value);
      length += next.value.length;
    }
    const out = new Uint8Array(bytes);
    let at = 0;
    while (at < bytes) {
      const first = held[0] as Uint8Array;
      const take = Math.min(first.length, bytes - at);
      out.set(first.subarray(0, take), at);
      at += take;
      if (take === first.length) held.shift();
      else held[0] = first.subarray(take);
    }
    length -= bytes;
    if (held.length === 0) held = [];
    return out;
  };
}
