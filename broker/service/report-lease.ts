// A worker reports what happened. Reports count 1, 2, 3 … within a lease; a replay gets the same answer again, and a
// stale token changes nothing.
import { Problem } from "../contract/problem.ts";
import type { Report, ReportItem } from "../contract/worker.ts";
import type { Lease } from "../contract/worker.ts";
import {
  getLease,
  markLease,
  openAttemptsOf,
  openLeaseOf,
  startAttempt,
  type LeaseRow,
} from "../store/leases.ts";
import type { Tx } from "../store/tx.ts";
import { isLeaseToken, type Broker, type WorkerMemory } from "./broker.ts";
import { cancelTask, closeLease, failTask, releaseTask, succeedTask, type Closing } from "./close-lease.ts";
import { leaseInTx, nextLease } from "./lease-task.ts";
import { factsOf } from "./offer.ts";
import { takeFiles } from "./take-files.ts";

/** Takes one report. Throws `lease-lost` (nothing changed), `sequence-gap`, or `invalid`. */
export function reportLease(
  broker: Broker,
  leaseId: number,
  tokenId: number,
  report: Report,
): Promise<{ seq: number; next: Lease | null }> {
  return broker.writer.write((tx) => {
    const { lease, worker } = heldLease(broker, tx, leaseId, tokenId, report.token);
    if (report.seq <= lease.lastSeq)
      return { seq: report.seq, next: nextOfReplay(broker, tx, worker, report) };
    if (lease.closedAt !== null) throw lost();
    if (report.seq > lease.lastSeq + 1) {
      throw new Problem("sequence-gap", `Report ${lease.lastSeq + 1} is missing before ${report.seq}.`, {
        expected: lease.lastSeq + 1,
      });
    }
    const facts = factsOf(broker, tx, lease.stepId);
    const open = new Map(openAttemptsOf(tx, leaseId).map((attempt) => [attempt.ordinal, attempt]));
    for (const item of report.items) {
      const attempt = open.get(item.ordinal);
      // Closed before, by a requeue for example: history, not state.
      if (!attempt) continue;
      takeItem(broker, tx, { facts, attempt, workerName: worker.name }, leaseId, item);
      if (item.type === "started") attempt.state = "started";
      else open.delete(item.ordinal);
    }
    if (report.items.some(({ type }) => type === "started")) tx.after(() => broker.wake.progress(worker.id));
    if (report.done) {
      const { lastSeq: _, ...row } = lease;
      closeLease(broker, tx, { ...row, lastSeq: report.seq }, worker.name, { kind: "released" }, [
        ...open.values(),
      ]);
      // It held one lease, and that one is closed now.
      return { seq: report.seq, next: report.next ? nextLease(broker, tx, worker) : null };
    }
    markLease(tx, leaseId, report.seq, false);
    tx.after(() => broker.deadlines.set(leaseId, broker.clock.monotonic() + broker.limits.leaseTermMs));
    return { seq: report.seq, next: null };
  });
}

/** The lease and its live worker when token and owner are right; throws `lease-lost` otherwise. Closed leases pass. */
export function heldLease(
  broker: Broker,
  tx: Tx,
  leaseId: number,
  tokenId: number,
  token: string,
): { lease: LeaseRow; worker: WorkerMemory } {
  if (!isLeaseToken(broker, leaseId, token)) throw lost();
  const lease = getLease(tx, leaseId);
  const worker = lease && broker.workers.get(lease.workerId);
  if (!lease || !worker || worker.tokenId !== tokenId) throw lost();
  return { lease, worker };
}

/** The one answer to whoever no longer holds a lease. */
export function lost(): Problem {
  return new Problem(
    "lease-lost",
    "This worker no longer holds these frames; they are done or given to another. Stop working on them.",
  );
}

function nextOfReplay(broker: Broker, tx: Tx, worker: WorkerMemory, report: Report): Lease | null {
  if (!report.done || !report.next) return null;
  const open = openLeaseOf(tx, worker.id);
  // An open lease that was started cannot be the answer that got lost: nothing is handed out twice.
  if (open && open.lastSeq > 0) return null;
  return leaseInTx(broker, tx, worker);
}

function takeItem(broker: Broker, tx: Tx, closing: Closing, leaseId: number, item: ReportItem): void {
  const { attempt, facts } = closing;
  switch (item.type) {
    case "started":
      startAttempt(tx, attempt.id, item.logOffset);
      return;
    case "succeeded": {
      const done = {
        seconds: item.seconds,
        logTo: item.logOffset,
        ...(item.exitCode !== undefined && { exitCode: item.exitCode }),
        ...(item.device !== undefined && { device: item.device }),
      };
      if (succeedTask(broker, tx, closing, done))
        takeFiles(broker, tx, facts, leaseId, attempt, item.files, false);
      return;
    }
    case "failed": {
      const { failureClass, reason, seconds, logOffset: logTo, exitCode } = item;
      const failure = { failureClass, reason, seconds, logTo, ...(exitCode !== undefined && { exitCode }) };
      if (failTask(broker, tx, closing, failure))
        takeFiles(broker, tx, facts, leaseId, attempt, item.files, true);
      return;
    }
    case "released":
      releaseTask(broker, tx, closing, item.reason, item.logOffset);
      return;
    case "canceled": {
      const intent = tx.get<{ intent: string }>("SELECT intent FROM jobs WHERE id = ?", facts.jobId)?.intent;
      // The worker may have been told to stop for another reason: only a canceled job cancels its frames.
      const closed =
        intent === "cancel"
          ? cancelTask(tx, closing, item.logOffset)
          : releaseTask(broker, tx, closing, undefined, item.logOffset);
      if (closed) takeFiles(broker, tx, facts, leaseId, attempt, item.files, true);
      return;
    }
  }
}
