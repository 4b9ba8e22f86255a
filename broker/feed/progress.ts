// What is told and never stored: how far frames are, what workers do, how long logs are. Coalesced to a few messages a
// second however often it changes.
import type { Event } from "../contract/attempt.ts";
import type { LogLength, TaskProgress, WorkerNow } from "../contract/feed.ts";
import { FEED_VERSION } from "../contract/feed-words.ts";
import type { Broker } from "../service/broker.ts";
import { workOf } from "../service/describe-workers.ts";
import { idOf, numberOf } from "../service/ids.ts";
import type { Rows } from "../store/tx.ts";
import type { Group } from "./reader.ts";

/** A command that tells of no frame begins all that it was given; so many of them are told of one worker. */
const mostBegun = 100;

export interface ProgressParts {
  broker: Broker;
  rows: Rows;
  groups: () => Iterable<Group>;
  send: (group: Group, data: Buffer) => void;
  lengthOf: (attemptId: number) => Promise<LogLength | undefined>;
  coalesceMs: number;
  onError: (error: unknown) => void;
}

export interface Progress {
  /** A worker told how far it is, or that it began a frame. */
  worker(workerId: number): void;
  /** The log of a lease grew. */
  logGrew(leaseId: number): void;
  /** Something was committed: leases may have come and gone. */
  committed(events: readonly Event[]): void;
  /** What a reader of these topics should know at once, or null. */
  now(group: Group): Buffer | null;
  /** Follows the logs of these attempts; their lengths are told soon. */
  follow(attempts: ReadonlyMap<number, number>): void;
  /** Lengths that nothing announces any more, such as after a lease ended without a last piece, are looked at again. */
  tick(): void;
  close(): void;
}

/** Speaks for the workers in memory. */
export function createProgress(parts: ProgressParts): Progress {
  const { broker, rows, groups, send, lengthOf, coalesceMs, onError } = parts;
  const dirtyWorkers = new Set<number>();
  const dirtyAttempts = new Set<number>();
  /** Followed attempts and their leases. */
  const leaseOf = new Map<number, number>();
  const told = new Map<number, LogLength>();
  let seen = new Map<number, string>();
  let spokeAt = -Infinity;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  function soon(): void {
    if (timer !== undefined || closed) return;
    timer = setTimeout(speak, Math.max(0, spokeAt + coalesceMs - performance.now()));
  }

  function speak(): void {
    timer = undefined;
    spokeAt = performance.now();
    try {
      for (const group of groups()) {
        const data = encode(group, dirtyWorkers);
        if (data) send(group, data);
      }
      dirtyWorkers.clear();
    } catch (error) {
      // Nobody above a timer would hear of it. They are told with the next.
      onError(error);
    }
    const attempts = [...dirtyAttempts];
    dirtyAttempts.clear();
    for (const attempt of attempts) tellLength(attempt).catch(onError);
  }

  function encode({ topics, jobNumbers }: Group, ids: Iterable<number>): Buffer | null {
    const tasks: TaskProgress[] = [];
    const workers: WorkerNow[] = [];
    if (!topics.workers && jobNumbers.size === 0) return null;
    for (const id of ids) {
      const memory = broker.workers.get(id);
      if (!memory) continue;
      const isOurs = memory.lease !== null && jobNumbers.has(memory.lease.jobId);
      if (!topics.workers && !isOurs) continue;
      const { now, begun } = workOf(rows, memory);
      if (topics.workers) workers.push(now);
      const { lease } = memory;
      if (!isOurs || !lease || now.step === null) continue;
      const progress = now.progress === null ? null : memory.progress;
      for (const ordinal of new Set([
        ...begun.slice(0, mostBegun),
        ...(progress ? [progress.ordinal] : []),
      ])) {
        const isHere = ordinal === progress?.ordinal;
        tasks.push({
          jobId: idOf("job", lease.jobId),
          jobNumber: lease.jobId,
          step: now.step,
          ordinal,
          percent: isHere ? progress.percent : 0,
          status: (isHere ? progress.status : undefined) ?? null,
        });
      }
    }
    if (tasks.length + workers.length === 0) return null;
    return Buffer.from(JSON.stringify({ v: FEED_VERSION, type: "progress", tasks, workers }));
  }

  async function tellLength(attempt: number): Promise<void> {
    const length = await lengthOf(attempt);
    const before = told.get(attempt);
    if (!length || closed) return;
    if (before && before.bytes === length.bytes && before.complete === length.complete) return;
    told.set(attempt, length);
    const data = Buffer.from(JSON.stringify({ v: FEED_VERSION, type: "log", ...length }));
    for (const group of groups()) if (group.topics.attempts.includes(attempt)) send(group, data);
  }

  /** Leases are opened and closed without an event of their own: who does something else now is seen by comparing. */
  function compareLeases(): void {
    const next = new Map<number, string>();
    for (const { id, lease, intent } of broker.workers.values()) {
      const what = `${lease?.id ?? ""} ${intent}`;
      next.set(id, what);
      if (seen.get(id) !== what) dirtyWorkers.add(id);
    }
    seen = next;
  }

  return {
    worker(workerId) {
      dirtyWorkers.add(workerId);
      soon();
    },
    logGrew(leaseId) {
      for (const [attempt, lease] of leaseOf) if (lease === leaseId) dirtyAttempts.add(attempt);
      if (dirtyAttempts.size > 0) soon();
    },
    committed(events) {
      let names: Set<string> | undefined;
      for (const { kind, data } of events) {
        if (kind !== "task.changed" || data === null) continue;
        const named = data["attempt"];
        const attempt = typeof named === "string" ? numberOf("attempt", named) : undefined;
        if (attempt !== undefined && leaseOf.has(attempt)) dirtyAttempts.add(attempt);
        // Of a chunk one frame is done, and the worker goes on with the others under the same lease.
        if (typeof data["worker"] === "string") (names ??= new Set()).add(data["worker"]);
      }
      const wanted = [...groups()].some((group) => group.topics.workers);
      if (wanted) {
        compareLeases();
        if (names)
          for (const { id, name } of broker.workers.values()) if (names.has(name)) dirtyWorkers.add(id);
      }
      if (dirtyWorkers.size + dirtyAttempts.size > 0) soon();
    },
    now: (group) => encode(group, broker.workers.keys()),
    follow(attempts) {
      const followed = new Set([...groups()].flatMap((group) => group.topics.attempts));
      for (const attempt of leaseOf.keys()) {
        if (followed.has(attempt)) continue;
        leaseOf.delete(attempt);
        told.delete(attempt);
      }
      for (const [attempt, lease] of attempts) {
        leaseOf.set(attempt, lease);
        // Told anew to all who follow it: one of them does not know it yet.
        told.delete(attempt);
        dirtyAttempts.add(attempt);
      }
      if (dirtyAttempts.size > 0) soon();
    },
    tick() {
      for (const attempt of leaseOf.keys())
        if (told.get(attempt)?.complete !== true) dirtyAttempts.add(attempt);
      if (dirtyAttempts.size > 0) soon();
    },
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
