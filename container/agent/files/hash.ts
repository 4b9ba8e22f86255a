// Hashes files: from the cache where it knows them, else by a few threads; what changes meanwhile is noticed.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { codeOf, FileChangedError, FileUnreadableError, reasonOf } from "./file-errors.ts";
import type { HashCache } from "./hash-cache.ts";
import type { HashedFile } from "./hash-job.ts";
import { createHashPool, errorOf, type HashPool } from "./hash-pool.ts";
import { createCounter, type Counter, type Progress } from "./progress.ts";
import type { FoundFile } from "./scan.ts";

/** Small files are handed to a thread together: so many of them, or so many bytes. */
const batchFiles = 256;
const batchBytes = 16 * 1024 * 1024;
/** Hashes are remembered in one transaction for about so many files. */
const rememberEvery = 2048;

export interface HashOptions {
  cache?: HashCache;
  /** Threads, by default 2; never more than cores. */
  threads?: number;
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
}

/**
 * The SHA-256 of each file, in their order; "" for those in `changed`, which somebody wrote to in each of three tries,
 * or which are gone. A file that is another than when it was found is taken as it is now, and its entry in `files` then
 * says so. Throws FileUnreadableError, or the signal's reason.
 */
export async function hashFiles(
  files: readonly FoundFile[],
  options: HashOptions = {},
): Promise<{ sha256s: string[]; changed: FoundFile[] }> {
  options.signal?.throwIfAborted();
  const known = options.cache?.lookUp(files) ?? [];
  const sha256s = files.map((_, index) => known[index] ?? "");
  const total = { files: files.length, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
  const counter = createCounter(total, options.onProgress);
  const rest: number[] = [];
  let knownBytes = 0;
  for (const [index, file] of files.entries()) {
    if (known[index] === undefined) rest.push(index);
    else knownBytes += file.bytes;
  }
  counter.move(knownBytes);
  if (files.length > rest.length) counter.finish(files.length - rest.length);
  const changed: number[] = [];
  if (rest.length > 0) await hashRest(files, rest, { sha256s, changed, counter, options });
  return { sha256s, changed: changed.toSorted((a, b) => a - b).map((index) => files[index] as FoundFile) };
}

interface Work {
  sha256s: string[];
  changed: number[];
  counter: Counter;
  options: HashOptions;
}

async function hashRest(files: readonly FoundFile[], rest: readonly number[], work: Work): Promise<void> {
  const { signal, cache, threads } = work.options;
  const pool = createHashPool(threads);
  const stop = () => void pool.close();
  signal?.addEventListener("abort", stop, { once: true });
  let fresh: { file: FoundFile; sha256: string }[] = [];
  const remember = () => {
    cache?.remember(fresh);
    fresh = [];
  };
  const batches = batchesOf(files, rest);
  const lane = async (): Promise<void> => {
    for (let batch = batches.shift(); batch; batch = batches.shift()) {
      // oxlint-disable-next-line no-await-in-loop -- one lane for each thread
      const hashed = await hashBatch(files, batch, pool, work);
      // Only now: another lane may have begun a new list while this one waited.
      fresh.push(...hashed);
      if (fresh.length >= rememberEvery) remember();
    }
  };
  try {
    await Promise.all(Array.from({ length: pool.threads }, () => lane()));
  } catch (error) {
    // A thread that was ended by the signal has no error of its own.
    signal?.throwIfAborted();
    throw error;
  } finally {
    batches.length = 0;
    signal?.removeEventListener("abort", stop);
    remember();
    await pool.close();
  }
}

/** Places in `files` that one thread is handed at once; the long files first, so that none is left over at the end. */
function batchesOf(files: readonly FoundFile[], rest: readonly number[]): number[][] {
  const bytesAt = (index: number) => (files[index] as FoundFile).bytes;
  const long = rest
    .filter((index) => bytesAt(index) >= batchBytes)
    .toSorted((a, b) => bytesAt(b) - bytesAt(a));
  const batches = long.map((index) => [index]);
  let batch: number[] = [];
  let bytes = 0;
  for (const index of rest) {
    if (bytesAt(index) >= batchBytes) continue;
    batch.push(index);
    bytes += bytesAt(index);
    if (batch.length < batchFiles && bytes < batchBytes) continue;
    batches.push(batch);
    [batch, bytes] = [[], 0];
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}

async function hashBatch(
  files: readonly FoundFile[],
  batch: readonly number[],
  pool: HashPool,
  { sha256s, changed, counter }: Work,
): Promise<{ file: FoundFile; sha256: string }[]> {
  const paths = batch.map((index) => (files[index] as FoundFile).path);
  const long = batch.length === 1;
  const answers = await pool.hash(paths, long ? (bytes) => counter.move(bytes) : undefined);
  const fresh: { file: FoundFile; sha256: string }[] = [];
  let moved = 0;
  for (const [place, index] of batch.entries()) {
    const file = files[index] as FoundFile;
    const answer = answers[place] as HashedFile;
    if ("sha256" in answer) {
      const { sha256, ...now } = answer;
      sha256s[index] = sha256;
      moved += now.bytes;
      fresh.push({ file: Object.assign(file, now), sha256 });
    } else if ("changed" in answer) changed.push(index);
    else {
      const error = errorOf(answer.failed, file.path);
      if (!(error instanceof FileChangedError)) throw error;
      changed.push(index);
    }
  }
  if (!long) counter.move(moved);
  counter.finish(batch.length);
  return fresh;
}

/** The hash and size of one file, read in this thread; for files that nobody writes to. Throws FileUnreadableError. */
export async function hashFile(path: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    for await (const piece of createReadStream(path, {
      highWaterMark: 1024 * 1024,
    }) as AsyncIterable<Buffer>) {
      hash.update(piece);
      bytes += piece.length;
    }
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    throw new FileUnreadableError(path, reasonOf(error));
  }
  return { sha256: hash.digest("hex"), bytes };
}

export type { Progress } from "./progress.ts";
