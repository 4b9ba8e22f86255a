// The blob store in S3 or any server that speaks it: `<prefix>blobs/<first two>/<sha256>`.
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  UploadPartCommand,
  type GetObjectCommandOutput,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { lstat, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { maxSingleBytes, partBytesOf } from "../contract/blob.ts";
import { Problem } from "../contract/problem.ts";
import { hash } from "node:crypto";
import type { BlobStore, SignedAddress } from "../domain/ports.ts";
import { bytesOfFile, inParallel } from "./durable.ts";
import { inPieces, readThrough, wrongHash } from "./receive.ts";
import { createS3Client, isAbsent, s3ErrorOf, s3Problem, sendAgain, type S3Place } from "./s3-client.ts";
import { createS3Parts } from "./s3-parts.ts";

/** How a stream of unknown length is cut, bytes: up to 160 GB in the 10,000 parts that S3 takes. */
const unknownPartBytes = 16 * 1024 * 1024;
/** A cut stream is taken up again so often without a byte in between. */
const maxResumes = 4;

export interface S3StoreOptions extends S3Place {
  /** Wall time, ms; for tests. */
  now?: () => number;
}

/** Opens the store; nothing is asked of the server yet. Errors name the bucket and what to check. */
export function createS3Store(options: S3StoreOptions): BlobStore {
  const { bucket: Bucket, prefix, now = Date.now } = options;
  const client = createS3Client(options);
  const parts = createS3Parts(client, options, keyOf, head);

  function keyOf(sha256: string): string {
    if (!/^[0-9a-f]{64}$/.test(sha256))
      throw new Problem("invalid", "A blob is named by 64 hexadecimal digits.");
    return `${prefix}blobs/${sha256.slice(0, 2)}/${sha256}`;
  }

  /** Asks the server; its errors become problems, what is not there becomes null. */
  async function ask<T>(work: () => Promise<T>): Promise<T | null> {
    try {
      return await work();
    } catch (error) {
      if (isAbsent(error)) return null;
      throw s3Problem(options, error);
    }
  }

  async function head(sha256: string): Promise<number | null> {
    const Key = keyOf(sha256);
    const found = await ask(() => client.send(new HeadObjectCommand({ Bucket, Key })));
    return found && (found.ContentLength ?? 0);
  }

  async function claim(owner: string): Promise<string> {
    const Key = `${prefix}tally-owner`;
    try {
      await sendAgain(() =>
        client.send(new PutObjectCommand({ Bucket, Key, Body: owner, IfNoneMatch: "*" })),
      );
      return owner;
    } catch (error) {
      if (s3ErrorOf(error).status !== 412) throw s3Problem(options, error);
    }
    const found = await ask(() => client.send(new GetObjectCommand({ Bucket, Key })));
    return (await found?.Body?.transformToString()) ?? owner;
  }

  async function putWhole(sha256: string, data: Uint8Array): Promise<"stored" | "present"> {
    const input = { Bucket, Key: keyOf(sha256), Body: data, ContentLength: data.length };
    const command = new PutObjectCommand({
      ...input,
      ChecksumSHA256: base64Of(sha256),
      IfNoneMatch: "*",
    });
    try {
      await sendAgain(() => client.send(command));
      return "stored";
    } catch (error) {
      if (s3ErrorOf(error).status === 412) return "present";
      throw s3Problem(options, error);
    }
  }

  async function put(sha256: string, bytes: number | null, stream: AsyncIterable<Uint8Array>) {
    const expected = { sha256, bytes };
    if ((await head(sha256)) !== null) {
      await readThrough(expected, stream);
      return "present" as const;
    }
    const isSingle = bytes !== null && bytes <= maxSingleBytes;
    const pieceBytes = isSingle ? maxSingleBytes : bytes === null ? unknownPartBytes : partBytesOf(bytes);
    const pieces = inPieces(expected, stream, pieceBytes);
    try {
      const first = await pieces.next();
      if (first.done === true) return await putWhole(sha256, new Uint8Array(0));
      const second = await pieces.next();
      if (second.done === true) return await putWhole(sha256, first.value);
      return await parts.putPieces(sha256, [first.value, second.value], pieces);
    } finally {
      // What failed before all was read closes what it read from.
      await pieces.return(undefined);
    }
  }

  async function open(
    sha256: string,
    start: number,
    end: number | undefined,
  ): Promise<GetObjectCommandOutput | null> {
    const range = start === 0 && end === undefined ? {} : { Range: `bytes=${start}-${end ?? ""}` };
    return await ask(() => client.send(new GetObjectCommand({ Bucket, Key: keyOf(sha256), ...range })));
  }

  /** The bytes from `start`, `bytes` of them; a stream that breaks off is taken up where it did. */
  async function* resumed(sha256: string, start: number, bytes: number, body: AsyncIterable<Uint8Array>) {
    let [at, source, failures] = [start, body, 0];
    const end = start + bytes;
    for (;;) {
      let failure: unknown = new Error("the answer was cut short");
      try {
        for await (const piece of source) {
          [at, failures] = [at + piece.length, 0];
          yield piece;
        }
      } catch (error) {
        failure = error;
      }
      if (at >= end) return;
      failures += 1;
      if (failures > maxResumes) throw s3Problem(options, failure);
      const next = await open(sha256, at, end - 1);
      if (!next) throw new Problem("not-found", "The bytes were removed while they were read.");
      source = next.Body as Readable;
    }
  }

  async function sign(command: PutObjectCommand | UploadPartCommand | GetObjectCommand, forMs: number) {
    const signedAt = now();
    const seconds = Math.min(Math.max(Math.floor(forMs / 1000), 1), 7 * 86_400);
    const url = await getSignedUrl(client, command as PutObjectCommand, {
      expiresIn: seconds,
      // The client has learnt how far the server's clock is from ours.
      signingDate: new Date(signedAt + client.config.systemClockOffset),
      // As a header it is checked by every server; in the address by some.
      unhoistableHeaders: new Set(["x-amz-checksum-sha256"]),
    }).catch((error: unknown) => {
      throw s3Problem(options, error);
    });
    return { url, expiresAt: signedAt + seconds * 1000 };
  }

  return {
    kind: "s3",
    claim,
    head,
    put,
    async putMany(blobs) {
      for (const { sha256, data } of blobs) if (hash("sha256", data) !== sha256) throw wrongHash();
      await inParallel(blobs, 16, async ({ sha256, data }) => void (await putWhole(sha256, data)));
    },
    async adopt(sha256, bytes, file) {
      const found = await lstat(file);
      if (!found.isFile() || found.size !== bytes)
        throw new Problem("invalid", `The file is not ${bytes} bytes long, as was said before: ${file}`);
      await put(sha256, bytes, bytesOfFile(file));
      await rm(file, { force: true });
    },
    async get(sha256, range) {
      if (range && (range.start < 0 || range.start > (range.end ?? Infinity)))
        throw new Problem("invalid", "This range lies outside of the bytes.");
      const found = await open(sha256, range?.start ?? 0, range?.end);
      if (!found) return null;
      const bytes = found.ContentLength ?? 0;
      const body = found.Body as Readable;
      const stream = Readable.from(resumed(sha256, range?.start ?? 0, bytes, body), { objectMode: false });
      // Given up before a byte was read, nobody else would hang up.
      stream.once("close", () => body.destroy());
      return { bytes, stream };
    },
    async delete(sha256s) {
      const keys = sha256s.map((sha256) => ({ Key: keyOf(sha256) }));
      const batches = Array.from({ length: Math.ceil(keys.length / 1000) }, (_, index) =>
        keys.slice(index * 1000, (index + 1) * 1000),
      );
      await inParallel(batches, 2, async (Objects) => {
        const command = new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } });
        const answer = await ask(() => client.send(command));
        const failed = answer?.Errors?.find(({ Code }) => Code !== "NoSuchKey");
        if (failed) throw s3Problem(options, Object.assign(new Error("delete"), { Code: failed.Code }));
      });
    },
    async list(after, limit) {
      const found: { sha256: string; bytes: number; storedAt: number }[] = [];
      let last = after === null ? undefined : keyOf(after);
      while (found.length < limit) {
        const command = new ListObjectsV2Command({
          Bucket,
          Prefix: `${prefix}blobs/`,
          MaxKeys: Math.min(1000, limit - found.length),
          ...(last === undefined ? {} : { StartAfter: last }),
        });
        // oxlint-disable-next-line no-await-in-loop -- page by page
        const page = await ask(() => client.send(command));
        for (const { Key, Size, LastModified } of page?.Contents ?? []) {
          const sha256 = /\/([0-9a-f]{64})$/.exec(Key ?? "")?.[1];
          if (sha256) found.push({ sha256, bytes: Size ?? 0, storedAt: LastModified?.getTime() ?? 0 });
        }
        last = page?.Contents?.at(-1)?.Key;
        if (page?.IsTruncated !== true || last === undefined) break;
      }
      return found;
    },
    async signPut({ sha256, bytes }, forMs): Promise<SignedAddress> {
      const sum = base64Of(sha256);
      const command = new PutObjectCommand({
        Bucket,
        Key: keyOf(sha256),
        ContentLength: bytes,
        ChecksumSHA256: sum,
        IfNoneMatch: "*",
      });
      const headers = { "content-length": String(bytes), "x-amz-checksum-sha256": sum, "if-none-match": "*" };
      return { ...(await sign(command, forMs)), headers };
    },
    async signGet({ sha256 }, forMs): Promise<SignedAddress> {
      return { ...(await sign(new GetObjectCommand({ Bucket, Key: keyOf(sha256) }), forMs)), headers: {} };
    },
    startParts: parts.start,
    async signPart(upload, blob, part, forMs): Promise<SignedAddress> {
      const sum = base64Of(part.sha256);
      const command = new UploadPartCommand({
        Bucket,
        Key: keyOf(blob.sha256),
        UploadId: upload,
        PartNumber: part.number,
        ContentLength: part.bytes,
        ChecksumSHA256: sum,
      });
      const headers = { "content-length": String(part.bytes), "x-amz-checksum-sha256": sum };
      return { ...(await sign(command, forMs)), headers };
    },
    listParts: parts.list,
    completeParts: parts.complete,
    abortParts: parts.abort,
    abortStale: parts.abortStale,
  };
}

/** A hash as S3 writes it. */
function base64Of(sha256: string): string {
  return Buffer.from(sha256, "hex").toString("base64");
}
