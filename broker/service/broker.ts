// The broker's state in one process: the writer, the reader, and the little memory that mirrors rows or is never stored.
import { createHmac, timingSafeEqual, type KeyObject } from "node:crypto";
import type { WorkerIntent } from "../contract/states.ts";
import type { Order } from "../contract/worker.ts";
import { createCandidates, type Candidates, type Warm } from "../domain/candidates.ts";
import type { SharedRoot } from "../contract/system.ts";
import type { BlobStore, Clock } from "../domain/ports.ts";
import type { Capabilities } from "../domain/requirements.ts";
import { createShares, type Shares } from "../domain/share.ts";
import type { StepFacts } from "../store/jobs.ts";
import { rowsOf, type Reader, type Rows, type Writer } from "../store/tx.ts";
import { createBlobGuard, type BlobGuard } from "./blob-guard.ts";
import { createPlans, type Plans } from "./plans.ts";

export interface Limits {
  maxTasksPerJob: number;
  /** Longest template text, bytes. */
  maxTemplateBytes: number;
  leaseTermMs: number;
  renewEveryMs: number;
  /** A worker that was not heard of for so long, without a lease, is lost. */
  workerSilenceMs: number;
  /** A paused worker whose name another agent of its token claims is gone if it is not heard of for so long. */
  answersWithinMs: number;
  /** Agents leave after so long without work; null: never. */
  idleExitMs: number | null;
}

export const defaultLimits: Limits = {
  maxTasksPerJob: 100_000,
  maxTemplateBytes: 4 * 1024 * 1024,
  leaseTermMs: 30_000,
  renewEveryMs: 5_000,
  workerSilenceMs: 90_000,
  // Longer than an agent waits between two tries to reach a broker that was away.
  answersWithinMs: 10_000,
  idleExitMs: 5 * 60_000,
};

/** A pool of the configuration. */
export interface PoolFacts {
  kind: "local" | "joined";
  /** Agents that this broker starts for it, at most. */
  launched: number;
}

/** What the broker remembers of a live worker beside its row. */
export interface WorkerMemory {
  id: number;
  name: string;
  tokenId: number;
  launchId: number | null;
  capabilities: Capabilities;
  /** What is asked of it, by itself or with its pool. */
  intent: WorkerIntent;
  matches: Map<string, boolean>;
  warm: Warm | null;
  lease: { id: number; stepId: number; jobId: number } | null;
  /** Grows whenever its orders may have changed. */
  version: number;
  waiting: Set<() => void>;
  lastSeenMs: number;
  /** How often it was heard of. */
  signs: number;
  /** Its lease expired and it was not heard of since: nothing is expected of it. */
  silent: boolean;
  progress: { ordinal: number; percent: number; status?: string | undefined } | null;
}

export interface Broker {
  readonly writer: Writer;
  readonly reader: Reader;
  /** Reads through the read-only connection. */
  readonly rows: Rows;
  readonly blobs: BlobStore;
  readonly guard: BlobGuard;
  readonly clock: Clock;
  readonly limits: Limits;
  /** A key object: a hash with it costs 2 µs, with its bytes 11. */
  readonly secret: KeyObject;
  /** Folder under which workers on this machine stage results: `<staging>/<lease id>/`. */
  readonly stagingFolder: string;
  readonly logFolder: string;
  readonly templates: ReadonlyMap<string, string>;
  /** The pools in the configuration, by name. */
  readonly pools: ReadonlyMap<string, PoolFacts>;
  readonly sharedRoots: readonly SharedRoot[];
  readonly candidates: Candidates;
  readonly shares: Shares;
  readonly plans: Plans;
  readonly facts: Map<number, StepFacts>;
  readonly workers: Map<number, WorkerMemory>;
  /** lease id → when it expires, ms monotonic. In memory only: a restart gives every open lease a full term. */
  readonly deadlines: Map<number, number>;
  /** Set by the parts that act after a change; replaced by main. */
  readonly wake: {
    deliveries(): void;
    capacity(): void;
    settle(jobId: number): void;
    leaseClosed(leaseId: number): void;
    /** A worker told how far its frame is, or that it began one. */
    progress(workerId: number): void;
    /** Bytes were appended to the log of a lease. */
    logGrew(leaseId: number): void;
  };
  stopping: boolean;
  /** Jobs that could not be stored to their end, nor removed: the disk was full. Removed before the next submit. */
  readonly halfLoaded: Set<number>;
  /** Grows whenever a token was revoked: what is remembered of tokens is then read afresh. */
  revocations: number;
}

export type BrokerParts = Pick<
  Broker,
  | "writer"
  | "reader"
  | "blobs"
  | "clock"
  | "limits"
  | "secret"
  | "stagingFolder"
  | "logFolder"
  | "templates"
  | "pools"
  | "sharedRoots"
>;

/** Puts the pieces together with empty memory. */
export function createBroker(parts: BrokerParts): Broker {
  return {
    ...parts,
    rows: rowsOf(parts.reader),
    guard: createBlobGuard(),
    candidates: createCandidates(),
    shares: createShares(),
    plans: createPlans(parts.reader),
    facts: new Map(),
    workers: new Map(),
    deadlines: new Map(),
    wake: {
      deliveries: () => {},
      capacity: () => {},
      settle: () => {},
      leaseClosed: () => {},
      progress: () => {},
      logGrew: () => {},
    },
    stopping: false,
    revocations: 0,
    halfLoaded: new Set(),
  };
}

/** A lease's token: derived, so that the same lease can be handed out again after a lost answer. */
export function leaseToken(broker: Broker, leaseId: number): string {
  return createHmac("sha256", broker.secret).update(`lease:${leaseId}`).digest("base64url").slice(0, 32);
}

/** Compares in constant time. */
export function isLeaseToken(broker: Broker, leaseId: number, token: string): boolean {
  const right = Buffer.from(leaseToken(broker, leaseId));
  const given = Buffer.from(token);
  return given.length === right.length && timingSafeEqual(given, right);
}

/** Notes that a worker was heard of just now. */
export function heardOf(broker: Broker, worker: WorkerMemory): void {
  worker.lastSeenMs = broker.clock.now();
  worker.signs++;
  worker.silent = false;
}

/** Tells a worker that its orders may have changed. */
export function nudge(worker: WorkerMemory): void {
  worker.version++;
  for (const wake of worker.waiting) wake();
}

export type Orders = { version: number; orders: Order[] };
