// The client of an S3 server, and what its errors mean: retried where that helps, then told in a sentence.
import { S3Client } from "@aws-sdk/client-s3";
import { setTimeout } from "node:timers/promises";
import { Problem } from "../contract/problem.ts";

/** Where blobs are kept. */
export interface S3Place {
  bucket: string;
  /** Put before every key; "" or such as `tally/`. */
  prefix: string;
  region: string;
  /** Any S3-compatible server; absent: AWS. */
  endpoint?: string;
  /** Absent: from the environment or the machine's role. */
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
}

/** The client of a place. It tries again by itself where the server is busy, down or cut off, and waits as it is told. */
export function createS3Client(place: S3Place): S3Client {
  return new S3Client({
    region: place.region,
    ...(place.endpoint === undefined ? {} : { endpoint: place.endpoint, forcePathStyle: true }),
    ...(place.credentials === undefined ? {} : { credentials: place.credentials }),
    // Sums of other kinds than ours break many S3-compatible servers.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    maxAttempts: 5,
    retryMode: "standard",
    requestHandler: { connectionTimeout: 5000, socketTimeout: 30_000 },
  });
}

/** What is known of an error of the client: HTTP status and the server's or the system's name for it. */
export function s3ErrorOf(error: unknown): { status: number; name: string } {
  const { $metadata, name, Code, code } = error as {
    $metadata?: { httpStatusCode?: number };
    name?: string;
    Code?: string;
    code?: string;
  };
  return { status: $metadata?.httpStatusCode ?? 0, name: Code ?? code ?? name ?? "unknown error" };
}

/** Whether an error says that an object or an upload is not there (and not that its bucket is not). */
export function isAbsent(error: unknown): boolean {
  const { status, name } = s3ErrorOf(error);
  return status === 404 && ["NoSuchKey", "NotFound", "NoSuchUpload", "404", "UnknownError"].includes(name);
}

/**
 * Sends once more what the client does not by itself: where somebody else writes or removes the same key just now (409),
 * and where bytes whose hash was right here arrived as others.
 */
export async function sendAgain<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- tries, one after another
      return await work();
    } catch (error) {
      const { status, name } = s3ErrorOf(error);
      if (tries >= 4 || (status !== 409 && !/digest|mismatch|checksum/i.test(name))) throw error;
      // oxlint-disable-next-line no-await-in-loop -- see above
      await setTimeout(50 * 2 ** tries * Math.random());
    }
  }
}

/** Makes a Problem of an error of the client, in words for who looks after the storage; other mistakes stay as they are. */
export function s3Problem(place: S3Place, error: unknown): unknown {
  if (error instanceof Problem || !(error instanceof Error)) return error;
  const { status, name } = s3ErrorOf(error);
  const where = `bucket ${place.bucket} at ${place.endpoint ?? `AWS ${place.region}`}`;
  if (status === 416) return new Problem("invalid", "This range lies outside of the bytes.");
  if (status === 507 || /quota|insufficientstorage|storagefull|entitytoolarge/i.test(name))
    return new Problem(
      "storage-full",
      `The storage (${where}) has no room: ${name}. Free some space there or raise its quota, and submit again.`,
    );
  if (name === "NoSuchBucket")
    return new Problem(
      "storage-down",
      `There is no ${where}. Make it, or name another one under storage in tally.yaml and restart the broker.`,
    );
  if (status === 401 || status === 403 || name === "InvalidAccessKeyId" || /credentials/i.test(name))
    return new Problem(
      "storage-down",
      `The storage (${where}) refuses the broker's keys: ${name}. Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of the broker, or the role of its machine.`,
    );
  return new Problem(
    "storage-down",
    `The storage (${where}) does not answer as it should: ${name}${status > 0 ? `, HTTP ${status}` : ""}. Check that it runs and that storage in tally.yaml names it; then try again.`,
  );
}
