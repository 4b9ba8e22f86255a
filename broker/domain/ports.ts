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

/** Bytes by content hash. */
export interface BlobStore {
  /** Size in bytes, or null when the blob is not there. */
  size(sha256: string): Promise<number | null>;
  /** Stores a stream under its hash; refuses bytes that do not have it. Storing what is there already is fine. */
  put(sha256: string, bytes: AsyncIterable<Uint8Array>): Promise<void>;
  /** A stream of the blob, or null when it is not there. */
  get(sha256: string): Promise<{ bytes: number; stream: NodeJS.ReadableStream } | null>;
}
