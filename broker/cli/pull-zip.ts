// Streams a job's results into one zip: under a temporary name until it is whole.
import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { UnreachableError, type Client } from "../contract/client.ts";
import { Failure } from "./failure.ts";

/**
 * Writes the zip and answers its full name and size in bytes. A file of that name is replaced when the new one is
 * whole. Throws a Failure when it cannot be written, UnreachableError when the broker breaks off.
 */
export async function pullZip(
  client: Client,
  job: number,
  options: { file: string; filter?: string | undefined; step?: string | undefined; signal: AbortSignal },
): Promise<{ path: string; bytes: number }> {
  const { filter, step, signal } = options;
  const path = resolve(options.file);
  if ((await stat(path).catch(() => undefined))?.isDirectory() === true)
    throw new Failure(`${path} is a folder. Give the zip a name: --zip ${join(options.file, "results.zip")}`);
  const answer = await client.raw("get", `/v1/jobs/${job}/archive`, { query: { filter, step }, signal });
  const temporary = join(dirname(path), `.${basename(path)}.tally-${randomUUID()}.tmp`);
  try {
    await mkdir(dirname(path), { recursive: true });
    const source = answer.body ?? new ReadableStream<Uint8Array>({ start: (it) => it.close() });
    await pipeline(Readable.fromWeb(source as never), createWriteStream(temporary, { mode: 0o666 }), {
      signal,
    });
    const handle = await open(temporary, "r+");
    try {
      await handle.sync();
      await refuseCut(handle, path);
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
    return { path, bytes: (await stat(path)).size };
  } catch (error) {
    await rm(temporary, { force: true });
    if (error instanceof Failure || signal.aborted) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOSPC")
      throw new Failure(`${path} could not be written: the disk is full. Make room and try again.`);
    if (code !== undefined && /^E[A-Z]+$/.test(code))
      throw new Failure(
        `${path} could not be written (${code}). Choose another folder, or check its permissions.`,
      );
    throw new UnreachableError(client.url, error);
  }
}

/** A zip ends with its list; one that does not was cut off on the way. */
async function refuseCut(handle: Awaited<ReturnType<typeof open>>, path: string): Promise<void> {
  const { size } = await handle.stat();
  const end = Buffer.alloc(Math.min(22, size));
  await handle.read(end, 0, end.length, size - end.length);
  if (end.length === 22 && end.readUInt32LE(0) === 0x06054b50) return;
  throw new Failure(`The zip broke off before it was whole, so ${path} was not written. Try again.`);
}
