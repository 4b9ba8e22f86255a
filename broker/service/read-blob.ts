// Reads whole blobs. What came in parts is checked by its first reader: the stream then breaks off at its end rather
// than passing for what it is not.
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { markVerified, type BlobRow } from "../store/blobs.ts";
import { doubtBlob } from "./blobs.ts";
import type { Broker } from "./broker.ts";

/** A stream of the whole blob, or null when the store does not have it. It fails at its end where the bytes are others. */
export async function readBlob(
  broker: Broker,
  { sha256, verified }: BlobRow,
): Promise<NodeJS.ReadableStream | null> {
  const found = await broker.blobs.get(sha256);
  if (!found || verified === 1) return found?.stream ?? null;
  const stream = Readable.from(checked(broker, sha256, found.stream), { objectMode: false });
  // Given up before a byte was read, nobody else would close it.
  stream.once("close", () => (found.stream as Readable).destroy());
  return stream;
}

async function* checked(
  broker: Broker,
  sha256: string,
  stream: NodeJS.ReadableStream,
): AsyncGenerator<Buffer> {
  const hash = createHash("sha256");
  // The last piece waits for the verdict: whoever has all bytes takes them for good.
  let last: Buffer | undefined;
  for await (const part of stream) {
    hash.update(part as Buffer);
    if (last) yield last;
    last = part as Buffer;
  }
  if (hash.digest("hex") === sha256) {
    await broker.writer.write((tx) => markVerified(tx, sha256));
    if (last) yield last;
    return;
  }
  await doubtBlob(broker, null, sha256);
  throw new Error(`The stored bytes of ${sha256} are not what their name says.`);
}
