// Logs: one append-only file a lease; an attempt holds a byte range of it.
import { mkdir, open, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { LogLength } from "../contract/feed.ts";
import { Problem } from "../contract/problem.ts";
import { isCode } from "../domain/error-code.ts";
import { getAttemptRow } from "../store/read-tasks.ts";
import type { ReadDatabase } from "../store/read-jobs.ts";
import { getLease } from "../store/leases.ts";
import { rowsOf } from "../store/tx.ts";
import { isLeaseToken, type Broker } from "./broker.ts";
import { idOf } from "./ids.ts";
import { lost } from "./report-lease.ts";

/** The longest log of one lease, bytes. */
const maxLogBytes = 512 * 1024 * 1024;

export interface Logs {
  /** Appends at `offset` and returns the new length. Throws `lease-lost`, `wrong-offset` (with the right one) or `too-large`. */
  append(leaseId: number, tokenId: number, token: string, offset: number, bytes: Uint8Array): Promise<number>;
  /** The text of one attempt from `from` (relative to its own beginning), at most `limit` bytes. */
  read(attemptId: number, from: number, limit: number): Promise<Uint8Array<ArrayBuffer>>;
  /** How long the log of one attempt is now, and whether more may come; undefined when there is no such attempt. */
  lengthOf: (attemptId: number) => Promise<LogLength | undefined>;
}

/** Logs in the broker's log folder. */
export function createLogs(broker: Broker, db: ReadDatabase): Logs {
  const turns = new Map<number, Promise<unknown>>();
  const pathOf = (leaseId: number) =>
    join(broker.logFolder, String(Math.floor(leaseId / 1000)), `${leaseId}.log`);
  const rows = rowsOf(broker.reader);

  async function appendNow(leaseId: number, offset: number, bytes: Uint8Array): Promise<number> {
    const path = pathOf(leaseId);
    if (offset === 0) await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const handle = await open(path, "a", 0o600).catch((error: unknown) => {
      // A log that starts in the middle: the beginning never came.
      if (isCode(error, "ENOENT")) throw new Problem("wrong-offset", "The log ends at 0.", { offset: 0 });
      throw error;
    });
    try {
      const { size } = await handle.stat();
      if (size !== offset) throw new Problem("wrong-offset", `The log ends at ${size}.`, { offset: size });
      if (size + bytes.length > maxLogBytes)
        throw new Problem("too-large", "This log is longer than 512 MiB; the rest is left out.");
      // Unlike `write`, this writes the whole piece or fails.
      await handle.appendFile(bytes);
      return size + bytes.length;
    } catch (error) {
      if (isCode(error, "ENOSPC"))
        throw new Problem("storage-full", "The disk with Tally's data folder is full.");
      throw error;
    } finally {
      await handle.close();
    }
  }

  return {
    async append(leaseId, tokenId, token, offset, bytes) {
      if (!isLeaseToken(broker, leaseId, token)) throw lost();
      const lease = getLease(rows, leaseId);
      if (!lease || lease.closedAt !== null || broker.workers.get(lease.workerId)?.tokenId !== tokenId)
        throw lost();
      // Appends to one log take turns: the check of the offset and the write belong together.
      const turn = (turns.get(leaseId) ?? Promise.resolve())
        .catch(() => undefined)
        .then(() => appendNow(leaseId, offset, bytes));
      turns.set(leaseId, turn);
      try {
        const size = await turn;
        broker.wake.logGrew(leaseId);
        return size;
      } finally {
        if (turns.get(leaseId) === turn) turns.delete(leaseId);
      }
    },
    async read(attemptId, from, limit) {
      const attempt = getAttemptRow(db, attemptId);
      if (!attempt) throw new Problem("not-found", `There is no try att_${attemptId}.`);
      if (attempt.logFrom === null) return new Uint8Array();
      const path = pathOf(attempt.leaseId);
      const size = await sizeOf(path);
      const end = Math.min(attempt.logTo ?? size, size);
      const start = attempt.logFrom + from;
      if (start >= end) return new Uint8Array();
      const handle = await open(path, "r");
      try {
        const bytes = new Uint8Array(Math.min(end - start, limit));
        const { bytesRead } = await handle.read(bytes, 0, bytes.length, start);
        return bytes.subarray(0, bytesRead);
      } finally {
        await handle.close();
      }
    },
    async lengthOf(attemptId) {
      const attempt = getAttemptRow(db, attemptId);
      if (!attempt) return undefined;
      const { leaseId, logFrom, logTo, endedAt } = attempt;
      const size = logFrom === null ? 0 : await sizeOf(pathOf(leaseId));
      // A closed try may be ahead of its log, whose last piece is then on its way as long as the lease is open.
      const isWhole = logTo === null || size >= logTo || getLease(rows, leaseId)?.closedAt !== null;
      return {
        attemptId: idOf("attempt", attemptId),
        bytes: logFrom === null ? 0 : Math.max(0, Math.min(logTo ?? size, size) - logFrom),
        complete: endedAt !== null && isWhole,
      };
    },
  };
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    (found) => found.size,
    () => 0,
  );
}
