// Sends the bytes of a job's files to the broker, those that it does not have yet.
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { ProblemError, type Client } from "../contract/client.ts";

export interface Upload {
  path: string;
  sha256: string;
  bytes: number;
}

/** The files among these whose bytes the broker lacks. */
export async function missingOf(client: Client, uploads: readonly Upload[]): Promise<Upload[]> {
  const answers = await Promise.all(
    uploads.map(async (upload) => {
      try {
        await client.raw("head", `/v1/blobs/${upload.sha256}`);
        return [];
      } catch (error) {
        if (error instanceof ProblemError && error.status === 404) return [upload];
        throw error;
      }
    }),
  );
  return answers.flat();
}

/** Sends files one after another; each is stored whole or not at all. */
export async function send(client: Client, uploads: readonly Upload[]): Promise<void> {
  for (const { path, sha256 } of uploads) {
    const bytes = Readable.toWeb(
      createReadStream(path, { highWaterMark: 1 << 20 }),
    ) as ReadableStream<Uint8Array>;
    // oxlint-disable-next-line no-await-in-loop -- one connection, filled by one file at a time
    await client.raw("put", `/v1/blobs/${sha256}`, { bytes });
  }
}
