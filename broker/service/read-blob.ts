// Reads whole blobs. What came in parts is checked by its first reader: the stream then breaks off at its end rather
// than passing for what it is not.
import { createHash } from "node:crypto";
import { Transform } from "node:stream";
import { pipeline } from "node:stream";
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
  const hash = createHash("sha256");
  const checked = new Transform({
    transform(part: Buffer, _encoding, done) {
      hash.update(part);
      done(null, part);
    },
    flush(done) {
      if (hash.digest("hex") === sha256) {
        broker.writer.write((tx) => markVerified(tx, sha256)).then(() => done(), done);
        return;
      }
      const wrong = new Error(`The stored bytes of ${sha256} are not what their name says.`);
      doubtBlob(broker, null, sha256).then(() => done(wrong), done);
    },
  });
  // Its end, good or bad, is told by the stream that is returned.
  return pipeline(found.stream, checked, () => undefined);
}
