// The few things the broker needs from outside: time, a place for bytes and a way to start agents. Tests pass their own.

/** Time. `now` is wall time in ms since 1970 for records; `monotonic` is ms that never jump, for deadlines. */
export interface Clock {
  now(): number;
  monotonic(): number;
}

/** What a launcher knows of one agent process it started. */
export interface LaunchHandle {
  launchId: string;
  /** Process number, where there is one: a broker that comes after finds the agent by it. */
  pid: number | null;
  /** Resolves once the process is gone, with words on how it ended. */
  ended: Promise<string>;
  /** Asks the agent to finish and leave; kills it after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** Starts agents of one pool. */
export interface Launcher {
  start(launch: { launchId: string; pool: string; token: string }): LaunchHandle;
  /** Takes charge of an agent that an earlier broker started; null when that process is not it (any more). */
  adopt(launch: { launchId: string; pid: number }): LaunchHandle | null;
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };

/** A blob's name and size. */
export interface BlobName {
  sha256: string;
  bytes: number;
}

/** An address for one key, one method and one size, that works for some minutes without a token. */
export interface SignedAddress {
  /** Absolute, or a path on the broker. */
  url: string;
  /** To be sent as they are. */
  headers: Record<string, string>;
  /** Wall time, ms. */
  expiresAt: number;
}

/** One part of a blob: number from 1. */
export interface BlobPart {
  number: number;
  bytes: number;
  sha256: string;
}

/**
 * Bytes by content hash. A blob is there whole or not at all. Every function throws `storage-down` where the store does
 * not answer after some tries, `storage-full` where it has no room.
 */
export interface BlobStore {
  readonly kind: "folder" | "s3";
  /** Makes the store `owner`'s if it is nobody's yet; answers whose it is. Only its owner may remove what nobody needs. */
  claim(owner: string): Promise<string>;
  /** Size in bytes, or null when the blob is not there. */
  head(sha256: string): Promise<number | null>;
  /**
   * Stores a stream under its hash; `bytes` is its length where it is known. Throws `invalid` for bytes that have
   * another hash or length. What is there already is left as it is ("present"): the first one wins.
   */
  put(sha256: string, bytes: number | null, stream: AsyncIterable<Uint8Array>): Promise<"stored" | "present">;
  /** Stores many small blobs, each whole in memory, their hashes checked; durable when it resolves. */
  putMany(blobs: readonly { sha256: string; data: Uint8Array }[]): Promise<void>;
  /** Takes over a file of this machine whose hash is known, by a rename where it can; the file is gone afterwards. */
  adopt(sha256: string, bytes: number, file: string): Promise<void>;
  /** A stream of the blob, or of its bytes from `start` to `end` inclusive; null when it is not there. Throws `invalid` for a range outside. */
  get(
    sha256: string,
    range?: { start: number; end?: number },
  ): Promise<{ bytes: number; stream: NodeJS.ReadableStream } | null>;
  /** Removes blobs; those that are not there are fine. */
  delete(sha256s: readonly string[]): Promise<void>;
  /** Every blob in the order of names, after `after`; at most `limit`. */
  list(after: string | null, limit: number): Promise<(BlobName & { storedAt: number })[]>;
  /** An address to send a whole blob to: the store checks method, key, size and hash, and takes the first one only (412 after). */
  signPut(blob: BlobName, forMs: number): Promise<SignedAddress>;
  /** An address to fetch a blob from, ranges too. */
  signGet(blob: BlobName, forMs: number): Promise<SignedAddress>;
  /** Begins an upload in parts; the answer is the store's own word for it. */
  startParts(blob: BlobName, partBytes: number): Promise<string>;
  /** An address to send one part to: the store checks its size and hash. */
  signPart(upload: string, blob: BlobName, part: BlobPart, forMs: number): Promise<SignedAddress>;
  /** The parts that are there, by number; null when the store no longer knows this upload. */
  listParts(upload: string, blob: BlobName): Promise<{ number: number; bytes: number }[] | null>;
  /** Makes one blob of parts 1 to `count`. Throws `conflict` when one is missing. */
  completeParts(upload: string, blob: BlobName, count: number): Promise<void>;
  abortParts(upload: string, blob: BlobName): Promise<void>;
  /**
   * Forgets uploads in parts that were begun before `before`, wall time in ms, but for `known` ones; answers how many. With
   * `isDry` it only counts them.
   */
  abortStale(before: number, known?: ReadonlySet<string>, isDry?: boolean): Promise<number>;
}
