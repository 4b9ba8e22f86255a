// A worker reports what happened. Reports count 1, 2, 3 … within a lease; a replay gets the same answer again, and a
// stale token changes nothing.
import { isAbsolute, normalize, sep } from "node:path";
import { Problem } from "../contract/problem.ts";
import type { Report, ReportItem } from "../contract/worker.ts";
import type { Lease } from "../contract/worker.ts";
import { insertArtifact } from "../store/artifacts.ts";
import type { StepFacts } from "../store/jobs.ts";
import {
  getLease,
  markLease,
  openAttemptsOf,
  openLeaseOf,
  startAttempt,
  type LeaseRow,
  type OpenAttempt,
} from "../store/leases.ts";
import type { Tx } from "../store/tx.ts";
import { isLeaseToken, type Broker, type WorkerMemory } from "./broker.ts";
import { cancelTask, closeLease, failTask, releaseTask, succeedTask, type Closing } from "./close-lease.ts";
import { idOf } from "./ids.ts";
import { leaseInTx, nextLease } from "./lease-task.ts";
import { factsOf } from "./offer.ts";

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
        addArtifacts(broker, tx, facts, leaseId, attempt, item.files);
      return;
    }
    case "failed": {
      const { failureClass, reason, seconds, logOffset: logTo, exitCode } = item;
      failTask(broker, tx, closing, {
        failureClass,
        reason,
        seconds,
        logTo,
        ...(exitCode !== undefined && { exitCode }),
      });
      return;
    }
    case "released":
      releaseTask(broker, tx, closing, item.reason, item.logOffset);
      return;
    case "canceled": {
      const intent = tx.get<{ intent: string }>("SELECT intent FROM jobs WHERE id = ?", facts.jobId)?.intent;
      // The worker may have been told to stop for another reason: only a canceled job cancels its frames.
      if (intent === "cancel") cancelTask(tx, closing, item.logOffset);
      else releaseTask(broker, tx, closing, undefined, item.logOffset);
      return;
    }
  }
}

function addArtifacts(
  broker: Broker,
  tx: Tx,
  facts: StepFacts,
  leaseId: number,
  attempt: OpenAttempt,
  files: { path: string; name: string; bytes: number }[],
): void {
  if (files.length === 0) return;
  const staging = `${broker.stagingFolder}${sep}${idOf("lease", leaseId)}${sep}`;
  const { outputFolders } = broker.plans.of(facts.jobId).settings;
  for (const file of files) {
    if (!isAbsolute(file.path) || normalize(file.path) !== file.path || !file.path.startsWith(staging)) {
      throw new Problem("invalid", `The file ${file.path} is not in the folder of this lease.`);
    }
    const allowed =
      isAbsolute(file.name) &&
      normalize(file.name) === file.name &&
      outputFolders.some((folder) => file.name.startsWith(withSlash(folder)));
    const outside = allowed
      ? null
      : `${file.name} is outside the folders that this job may write to. The file is kept at ${file.path}.`;
    insertArtifact(tx, {
      attemptId: attempt.id,
      jobId: facts.jobId,
      staged: file.path,
      name: file.name,
      bytes: file.bytes,
      outside,
    });
  }
  tx.after(() => broker.wake.deliveries());
}

function withSlash(folder: string): string {
  return folder.endsWith(sep) ? folder : folder + sep;
}
