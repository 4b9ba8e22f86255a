// One transfer: its way to the broker, its patience and its place to count, shared by all that it does at once.
import type { BlobRef } from "../../../broker/contract/blob.ts";
import { maxBlobsAsked } from "../../../broker/contract/blob.ts";
import type { Client } from "../../../broker/contract/client.ts";
import type { Operation } from "../../../broker/contract/operation.ts";
import type { Progress } from "./progress.ts";
import { createPatience, type Patience } from "./retry.ts";

export interface TransferOptions {
  /** Sent to the broker with every request, never to S3: a worker names its lease here. */
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** Things sent or fetched at once, by default 4. */
  parallel?: number;
  onProgress?: (progress: Progress) => void;
  /** How long nothing may come through before it gives up, ms; by default five minutes. */
  giveUpAfterMs?: number;
  /** Nothing has come through for some seconds, and why; it is tried again. Called at each further try. */
  onWaiting?: (why: string) => void;
}

export interface Transfer {
  readonly client: Client;
  readonly headers: Record<string, string>;
  readonly parallel: number;
  readonly patience: Patience;
  /** Aborts when the caller says so, or when another part of this transfer failed. */
  readonly signal: AbortSignal;
}

/** Blobs asked for in one question: large enough for the line, small enough for the memory of both sides. */
const askedTogether = Math.min(maxBlobsAsked, 1000);
/** How long the broker may take for an answer, ms: some look into the store first. */
const answerMs = 60_000;
/** Long objects are put together, or read through, while somebody waits, ms. */
export const longAnswerMs = 10 * 60_000;

/** Begins a transfer that ends with `signal`. */
export function createTransfer(client: Client, options: TransferOptions, signal: AbortSignal): Transfer {
  return {
    client,
    headers: options.headers ?? {},
    parallel: options.parallel ?? 4,
    patience: createPatience(options.giveUpAfterMs, options.onWaiting),
    signal,
  };
}

/** One question to the broker, once. Throws ProblemError, UnreachableError, a timeout, or the signal's reason. */
export async function ask<T>(
  { client, headers, signal }: Transfer,
  method: Operation["method"],
  path: string,
  body?: unknown,
  limitMs: number = answerMs,
): Promise<T> {
  const either = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  return await client.call<T>(method, path, {
    headers,
    signal: either,
    ...(body !== undefined && { body }),
  });
}

/** Those of the blobs that the broker does not have; asked in batches, again where that may help. */
export async function findMissing<T extends BlobRef>(transfer: Transfer, blobs: readonly T[]): Promise<T[]> {
  const missing: T[] = [];
  for (let at = 0; at < blobs.length; at += askedTogether) {
    const batch = blobs.slice(at, at + askedTogether);
    const body = { blobs: batch.map(({ sha256, bytes }) => ({ sha256, bytes })) };
    // oxlint-disable-next-line no-await-in-loop -- a batch is large enough to fill the broker's time
    const answer = await transfer.patience.keep(
      () => ask<{ missing: number[] }>(transfer, "post", "/v1/blobs/missing", body),
      { signal: transfer.signal },
    );
    for (const place of answer.missing) missing.push(batch[place] as T);
  }
  return missing;
}

export interface Silence {
  /** Aborts with `signal`, or when nothing was heard for too long. */
  readonly signal: AbortSignal;
  /** Something moved. */
  refresh(): void;
  end(): void;
}

/** Watches a long exchange with the broker: a line that is cut without a word must not hold a transfer up. */
export function createSilence(signal: AbortSignal): Silence {
  const stop = new AbortController();
  const timer = setTimeout(
    () => stop.abort(new DOMException("The broker was silent for too long.", "TimeoutError")),
    answerMs,
  );
  return {
    signal: AbortSignal.any([signal, stop.signal]),
    refresh: () => void timer.refresh(),
    end: () => clearTimeout(timer),
  };
}
