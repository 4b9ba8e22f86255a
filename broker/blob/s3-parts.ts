// Uploads in parts of the S3 store: begun, listed, made one blob, aborted. The server checks each part's SHA-256.
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  UploadPartCommand,
  type CompletedPart,
  type S3Client,
} from "@aws-sdk/client-s3";
import { hash } from "node:crypto";
import { Problem } from "../contract/problem.ts";
import type { BlobName, BlobStore } from "../domain/ports.ts";
import { isAbsent, s3ErrorOf, s3Problem, sendAgain, type S3Place } from "./s3-client.ts";

export interface S3Parts {
  start: BlobStore["startParts"];
  list: BlobStore["listParts"];
  complete: BlobStore["completeParts"];
  abort: BlobStore["abortParts"];
  abortStale: BlobStore["abortStale"];
  /** Sends pieces that come one after another, two of them in memory at a time. Throws what the pieces throw. */
  putPieces(
    sha256: string,
    first: readonly Uint8Array[],
    rest: AsyncIterable<Uint8Array>,
  ): Promise<"stored" | "present">;
}

interface SentPart extends CompletedPart {
  Size: number;
}

/** The uploads in parts of one place. */
export function createS3Parts(
  client: S3Client,
  place: S3Place,
  keyOf: (sha256: string) => string,
  head: (sha256: string) => Promise<number | null>,
): S3Parts {
  const Bucket = place.bucket;

  async function start({ sha256 }: { sha256: string }): Promise<string> {
    const Key = keyOf(sha256);
    const command = new CreateMultipartUploadCommand({ Bucket, Key, ChecksumAlgorithm: "SHA256" });
    const { UploadId } = await asked(() => client.send(command));
    if (UploadId === undefined) throw s3Problem(place, new Error("no upload id"));
    return UploadId;
  }

  async function asked<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw s3Problem(place, error);
    }
  }

  /** Every part that the server has; null when it does not know the upload. */
  async function sentParts(UploadId: string, sha256: string): Promise<SentPart[] | null> {
    const found: SentPart[] = [];
    let marker: string | undefined;
    do {
      const input = { Bucket, Key: keyOf(sha256), UploadId };
      const command = new ListPartsCommand(
        marker === undefined ? input : { ...input, PartNumberMarker: marker },
      );
      try {
        // oxlint-disable-next-line no-await-in-loop -- page by page
        const page = await client.send(command);
        for (const { PartNumber = 0, Size = 0, ETag = "", ChecksumSHA256 } of page.Parts ?? [])
          found.push({ PartNumber, Size, ETag, ...(ChecksumSHA256 === undefined ? {} : { ChecksumSHA256 }) });
        marker = page.IsTruncated === true ? page.NextPartNumberMarker : undefined;
      } catch (error) {
        if (isAbsent(error)) return null;
        throw s3Problem(place, error);
      }
    } while (marker !== undefined);
    return found;
  }

  async function finish(UploadId: string, sha256: string, sent: readonly CompletedPart[]) {
    const command = new CompleteMultipartUploadCommand({
      Bucket,
      Key: keyOf(sha256),
      UploadId,
      MultipartUpload: { Parts: [...sent] },
      IfNoneMatch: "*",
    });
    try {
      await sendAgain(() => client.send(command));
      return "stored";
    } catch (error) {
      if (s3ErrorOf(error).status !== 412) throw error;
      await abort(UploadId, sha256);
      return "present";
    }
  }

  async function abort(UploadId: string, sha256: string): Promise<void> {
    try {
      await client.send(new AbortMultipartUploadCommand({ Bucket, Key: keyOf(sha256), UploadId }));
    } catch (error) {
      if (!isAbsent(error)) throw s3Problem(place, error);
    }
  }

  async function isComplete(blob: BlobName): Promise<boolean> {
    return (await head(blob.sha256)) === blob.bytes;
  }

  async function sendPiece(UploadId: string, sha256: string, number: number, data: Uint8Array) {
    if (number > 10_000) throw new Problem("too-large", "A blob of unknown length may have 160 GB at most.");
    const ChecksumSHA256 = hash("sha256", data, "base64");
    const input = { Bucket, Key: keyOf(sha256), UploadId, PartNumber: number };
    const command = new UploadPartCommand({
      ...input,
      Body: data,
      ContentLength: data.length,
      ChecksumSHA256,
    });
    const { ETag = "" } = await asked(() => sendAgain(() => client.send(command)));
    return { PartNumber: number, ETag, ChecksumSHA256 };
  }

  return {
    start: async (blob) => await start(blob),
    async list(upload, { sha256 }) {
      const sent = await sentParts(upload, sha256);
      return sent && sent.map(({ PartNumber = 0, Size }) => ({ number: PartNumber, bytes: Size }));
    },
    async complete(upload, blob, count) {
      const sent = await sentParts(upload, blob.sha256);
      if (sent === null) {
        // Already made one, by us or by another client.
        if (await isComplete(blob)) return;
        throw new Problem(
          "conflict",
          "This upload is not known any more. Begin it again, by the same command.",
        );
      }
      const wanted = sent.filter(({ PartNumber = 0 }) => PartNumber <= count);
      const absent = Array.from({ length: count }, (_, index) => index + 1).find(
        (number) => !wanted.some(({ PartNumber }) => PartNumber === number),
      );
      if (absent !== undefined)
        throw new Problem("conflict", `Part ${absent} is not here yet. Send it, then try again.`);
      const bytes = wanted.reduce((sum, { Size }) => sum + Size, 0);
      if (bytes !== blob.bytes)
        throw new Problem("conflict", `The parts are ${bytes} bytes in all, not ${blob.bytes}.`);
      try {
        await finish(
          upload,
          blob.sha256,
          wanted.map(({ Size: _, ...part }) => part),
        );
      } catch (error) {
        // A try that was cut off may have done it, and so may somebody else at the same time.
        if (await isComplete(blob)) return;
        throw s3Problem(place, error);
      }
    },
    abort: async (upload, { sha256 }) => await abort(upload, sha256),
    async abortStale(before, known = new Set(), isDry = false) {
      const Prefix = `${place.prefix}blobs/`;
      let aborted = 0;
      let next: { KeyMarker: string; UploadIdMarker: string } | undefined;
      do {
        const command = new ListMultipartUploadsCommand({ Bucket, Prefix, ...next });
        // oxlint-disable-next-line no-await-in-loop -- page by page
        const page = await asked(() => client.send(command));
        for (const { Key = "", UploadId = "", Initiated } of page.Uploads ?? []) {
          if (!Initiated || Initiated.getTime() >= before || known.has(UploadId)) continue;
          aborted += 1;
          // oxlint-disable-next-line no-await-in-loop -- a few, once a day
          if (!isDry) await abort(UploadId, Key.slice(-64));
        }
        const { IsTruncated, NextKeyMarker = "", NextUploadIdMarker = "" } = page;
        next =
          IsTruncated === true ? { KeyMarker: NextKeyMarker, UploadIdMarker: NextUploadIdMarker } : undefined;
      } while (next);
      return aborted;
    },
    async putPieces(sha256, first, rest) {
      const upload = await start({ sha256 });
      const sent: CompletedPart[] = [];
      let sending: Promise<CompletedPart> | undefined;
      async function next(piece: Uint8Array): Promise<void> {
        if (sending) sent.push(await sending);
        sending = sendPiece(upload, sha256, sent.length + 1, piece);
        // It is awaited later; until then nobody else would hear of its failure.
        sending.catch(() => undefined);
      }
      try {
        // oxlint-disable-next-line no-await-in-loop -- one after another
        for (const piece of first) await next(piece);
        for await (const piece of rest) await next(piece);
        if (sending) sent.push(await sending);
        return await asked(() => finish(upload, sha256, sent));
      } catch (error) {
        await sending?.catch(() => undefined);
        await abort(upload, sha256).catch(() => undefined);
        throw error;
      }
    },
  };
}
