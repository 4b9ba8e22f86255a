// Fetches blobs into files: small ones together, long ones resumed where a line broke, every byte checked.
import { hash } from "node:crypto";
import { maxBlobsSigned, maxPackedBytes, type BlobRef, type Signed } from "../../../broker/contract/blob.ts";
import { ProblemError, UnreachableError, type Client } from "../../../broker/contract/client.ts";
import { PackError, readPack } from "../../../broker/contract/pack.ts";
import { beginFile, writeWhole, type ArrivingFile } from "./arriving-file.ts";
import { BlobDamagedError, BlobMissingError, FileUnwritableError } from "./file-errors.ts";
import { createBacklog, createGate, eachOf, together } from "./lanes.ts";
import { createCounter, type Attempt, type Counter } from "./progress.ts";
import { LineError, StoreError } from "./retry.ts";
import { getSigned, lineError } from "./signed.ts";
import {
  ask,
  createSilence,
  createTransfer,
  longAnswerMs,
  type Transfer,
  type TransferOptions,
} from "./transfer.ts";

/** So many bytes of small files are asked for together. */
const togetherBytes = 8 * 1024 * 1024;
const packsAtOnce = 2;
/** Small files of one answer written at once. */
const writesAtOnce = 8;

export interface FetchOptions extends TransferOptions {
  /** Hears of each file when it has its name. */
  onBlob?: (blob: BlobRef, path: string) => void;
  /** Each file is on the disk before it gets its name; for places that must survive a power cut. */
  sync?: boolean;
}

interface Fetching {
  transfer: Transfer;
  counter: Counter;
  gate: <T>(work: () => Promise<T>) => Promise<T>;
  target: (blob: BlobRef) => string;
  options: FetchOptions;
  /** Blobs that arrived with other bytes once; the second time is the end. */
  doubted: Set<string>;
}

/**
 * Fetches each of the blobs into the file `target(blob)`, whose folder is made: the file appears whole and checked, or
 * not at all, and replaces what was there. The same blob twice is fetched once. Tries again what passes by itself.
 * Throws BlobDamagedError, BlobMissingError, FileUnwritableError, ProblemError, UnreachableError, or the signal's
 * reason; files that are whole by then stay.
 */
export async function fetchBlobs(
  client: Client,
  blobs: readonly BlobRef[],
  target: (blob: BlobRef) => string,
  options: FetchOptions = {},
): Promise<void> {
  const unique = [...new Map(blobs.map((blob) => [blob.sha256, blob])).values()];
  if (unique.length === 0) return;
  const total = { files: unique.length, bytes: unique.reduce((sum, { bytes }) => sum + bytes, 0) };
  const counter = createCounter(total, options.onProgress);
  const gate = createGate(options.parallel ?? 4);
  const doubted = new Set<string>();
  const small = unique.filter(({ bytes }) => bytes <= maxPackedBytes);
  const long = unique.filter(({ bytes }) => bytes > maxPackedBytes);
  await together(options.signal, [
    async (outer) => {
      const shared = createTransfer(client, options, outer);
      const fetching = (signal: AbortSignal): Fetching => {
        return { transfer: { ...shared, signal }, counter, gate, target, options, doubted };
      };
      await together(outer, [
        (signal) => eachOf(batchesOf(small), packsAtOnce, (batch) => fetchTogether(fetching(signal), batch)),
        (signal) => eachOf(long, shared.parallel, (blob) => fetchWhole(fetching(signal), blob)),
      ]);
    },
  ]);
}

function batchesOf(blobs: readonly BlobRef[]): BlobRef[][] {
  const batches: BlobRef[][] = [];
  let bytes = togetherBytes;
  for (const blob of blobs) {
    if (bytes >= togetherBytes || batches.at(-1)?.length === maxBlobsSigned)
      [batches[batches.length], bytes] = [[], 0];
    batches.at(-1)?.push(blob);
    bytes += blob.bytes;
  }
  return batches;
}

/** Small files in one answer; what the broker leaves out is asked for by itself. */
async function fetchTogether(fetching: Fetching, batch: readonly BlobRef[]): Promise<void> {
  const { transfer, gate } = fetching;
  const { patience, signal } = transfer;
  const left = new Map(batch.map((blob) => [blob.sha256, blob]));
  await patience.keep(
    async () => {
      const before = left.size;
      try {
        await gate(() => readTogether(fetching, left));
      } finally {
        // What arrived before a cut counts.
        if (left.size < before) patience.moved();
      }
    },
    { signal },
  );
  for (const blob of left.values()) {
    // oxlint-disable-next-line no-await-in-loop -- rare: damaged, or not where the broker thought
    await fetchWhole(fetching, blob);
  }
}

async function readTogether(fetching: Fetching, left: Map<string, BlobRef>): Promise<void> {
  const { client, headers, signal } = fetching.transfer;
  const silence = createSilence(signal);
  const writing = createBacklog(writesAtOnce);
  try {
    const answer = await client.raw("post", "/v1/packs/read", {
      headers,
      body: { sha256s: [...left.keys()] },
      signal: silence.signal,
    });
    if (!answer.body) throw new LineError("The broker's answer was empty");
    for await (const { sha256, data } of readPack(answer.body, maxPackedBytes)) {
      silence.refresh();
      const blob = left.get(sha256);
      if (blob)
        await writing.add(() =>
          takeSmall(fetching, blob, data).then((isTaken) => isTaken && left.delete(sha256)),
        );
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof PackError) throw new LineError(error.message, error);
    // How a body that is cut off looks to its reader.
    if (error instanceof TypeError) throw new UnreachableError(client.url, error);
    throw error;
  } finally {
    silence.end();
    // Damaged ones stay in the list, those that arrived leave it.
    await writing.end();
  }
}

/** False for bytes that are not the blob's: the broker was told. */
async function takeSmall(fetching: Fetching, blob: BlobRef, data: Uint8Array): Promise<boolean> {
  const { options, counter } = fetching;
  if (data.length !== blob.bytes || hash("sha256", data) !== blob.sha256) {
    await doubt(fetching, blob);
    return false;
  }
  const path = fetching.target(blob);
  await writeWhole(path, data, { sync: options.sync ?? false });
  counter.move(blob.bytes);
  counter.finish();
  options.onBlob?.(blob, path);
  return true;
}

/** One file from a signed address, over as many lines as it takes. */
async function fetchWhole(fetching: Fetching, blob: BlobRef): Promise<void> {
  const { transfer, counter, options } = fetching;
  const { patience, signal } = transfer;
  const path = fetching.target(blob);
  const file = await beginFile(path, blob, { sync: options.sync ?? false });
  const counted = counter.attempt();
  try {
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- once more only when what came was wrong
      await patience.keep(() => readOn(fetching, blob, file, counted), { signal, mends: [403, 416] });
      if (file.isRight()) break;
      counted.undo();
      // oxlint-disable-next-line no-await-in-loop -- see above
      await doubt(fetching, blob);
      // oxlint-disable-next-line no-await-in-loop -- see above
      await file.restart();
    }
    await file.settle();
  } catch (error) {
    counted.undo();
    throw error;
  } finally {
    await file.drop();
  }
  counter.finish();
  options.onBlob?.(blob, path);
}

interface Downloads {
  downloads: ({ get: Signed } | null)[];
}

/** Reads on from where the file ends; resolves when it is as long as it should be, or longer. */
async function readOn(
  { transfer, gate, doubted }: Fetching,
  blob: BlobRef,
  file: ArrivingFile,
  counted: Attempt,
): Promise<void> {
  const { client, signal, patience } = transfer;
  // A line may break after its last byte.
  if (file.bytes === blob.bytes) return;
  // Dropped because we doubted it: damaged is what it was.
  const gone = () => {
    const { sha256 } = blob;
    return doubted.has(sha256) ? new BlobDamagedError(sha256) : new BlobMissingError(sha256);
  };
  const body = { sha256s: [blob.sha256] };
  const { downloads } = await ask<Downloads>(transfer, "post", "/v1/blobs/downloads", body);
  const download = downloads[0];
  if (!download) throw gone();
  await gate(async () => {
    try {
      const { start, stream } = await getSigned(download.get, file.bytes, { base: client.url, signal });
      if (start !== file.bytes) {
        await file.restart();
        counted.undo();
        if (start !== 0) throw new LineError("The storage sent another piece than was asked for");
      }
      for await (const piece of stream as AsyncIterable<Buffer>) {
        await file.write(piece);
        counted.move(piece.length);
        // More than the blob has: the check will say no.
        if (file.bytes > blob.bytes) return;
        patience.moved();
      }
    } catch (error) {
      if (error instanceof StoreError && error.status === 404) throw gone();
      if (error instanceof StoreError && error.status === 416) {
        await file.restart();
        counted.undo();
      }
      throw error instanceof FileUnwritableError ? error : lineError(error, signal);
    }
    if (file.bytes < blob.bytes) throw new LineError("The storage's answer ended too early");
  });
}

/** Other bytes than the name says: the broker looks itself. The second time is the end. */
async function doubt({ transfer, doubted }: Fetching, { sha256 }: BlobRef): Promise<void> {
  const wasDoubted = doubted.has(sha256);
  doubted.add(sha256);
  try {
    await ask(transfer, "post", `/v1/blobs/${sha256}/doubt`, undefined, longAnswerMs);
  } catch (error) {
    transfer.signal.throwIfAborted();
    // It only helps: the next try shows whether it did.
    if (
      !(error instanceof ProblemError || error instanceof UnreachableError || error instanceof DOMException)
    )
      throw error;
  }
  if (wasDoubted) throw new BlobDamagedError(sha256);
}
