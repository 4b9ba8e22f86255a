// How a task goes on after its attempt closed: won, tried again, failed for good, released or canceled. Every way a
// lease can end comes through here, so that counters, events and offers are the same for all.
import type { FailureClass } from "../contract/states.ts";
import { afterFailure } from "../domain/retry.ts";
import { addEvent } from "../store/events.ts";
import { countSuccess, moveCounts, refreshJobLast } from "../store/counts.ts";
import type { StepFacts } from "../store/jobs.ts";
import {
  closeAttempt,
  markLease,
  moveTask,
  openAttemptsOf,
  taskCounters,
  type LeaseRow,
  type OpenAttempt,
} from "../store/leases.ts";
import type { Tx } from "../store/tx.ts";
import type { Broker } from "./broker.ts";
import { idOf } from "./ids.ts";
import { factsOf, offerStep } from "./offer.ts";
import { stopJob } from "./stop-job.ts";

export interface Failure {
  failureClass: FailureClass;
  reason: string;
  seconds?: number;
  exitCode?: number;
  logTo?: number;
}

/** One attempt of a lease and the step it belongs to. */
export interface Closing {
  facts: StepFacts;
  attempt: OpenAttempt;
  workerName: string;
}

/** The frame is done: the first accepted attempt of its generation wins. Returns false when the attempt was closed before. */
export function succeedTask(
  broker: Broker,
  tx: Tx,
  { facts, attempt, workerName }: Closing,
  done: { seconds: number; exitCode?: number; device?: string; logTo: number },
): boolean {
  if (!closeAttempt(tx, attempt.id, { event: "succeed", startsNow: isUnstarted(attempt), ...done }))
    return false;
  const from = moveTask(tx, facts.id, attempt.ordinal, "succeed");
  if (!from) throw new Error(`attempt ${attempt.id} was open and its task did not run`);
  const left = countSuccess(tx, facts.id, done.seconds);
  const { seconds, device } = done;
  taskEvent(tx, facts, attempt, "succeeded", { worker: workerName, seconds, ...(device && { device }) });
  refreshJobLast(tx, facts.jobId);
  tx.after(() => {
    broker.shares.add(facts.owner, done.seconds, broker.clock.now());
    // Steps may wait for this one.
    if (left === 0) broker.wake.settle(facts.jobId);
  });
  return true;
}

/** The attempt did not succeed: the task is tried again or fails for good; too many failed frames stop the job. */
export function failTask(
  broker: Broker,
  tx: Tx,
  { facts, attempt, workerName }: Closing,
  failure: Failure,
): boolean {
  const event = failure.failureClass === "host" ? "expire" : "fail";
  if (!closeAttempt(tx, attempt.id, { event, startsNow: isUnstarted(attempt), ...failure })) return false;
  const before = taskCounters(tx, facts.id, attempt.ordinal);
  if (!before) throw new Error(`no task ${facts.id}/${attempt.ordinal}`);
  const after = afterFailure(failure.failureClass, before, facts);
  const from = moveTask(tx, facts.id, attempt.ordinal, after.event, after);
  if (!from) throw new Error(`attempt ${attempt.id} was open and its task did not run`);
  const to = after.event === "fail" ? "failed" : "ready";
  moveCounts(tx, facts.id, from, to, 1);
  taskEvent(tx, facts, attempt, to, {
    worker: workerName,
    reason: failure.reason,
    willRetry: to === "ready",
  });
  if (to === "failed") {
    const job = tx.get<{ failed: number }>(
      "UPDATE jobs SET failed_tasks = failed_tasks + 1 WHERE id = ? RETURNING failed_tasks AS failed",
      facts.jobId,
    );
    if (job && job.failed >= facts.maxFailedTasks) {
      stopJob(
        broker,
        tx,
        facts.jobId,
        "stop",
        `${job.failed} frames failed, which is as many as this job allows.`,
      );
    }
  } else {
    returned(broker, tx, facts);
  }
  refreshJobLast(tx, facts.jobId);
  return true;
}

/** The attempt ended without a verdict: the task goes back as it was. */
export function releaseTask(
  broker: Broker,
  tx: Tx,
  { facts, attempt }: Closing,
  reason?: string,
  logTo?: number,
): boolean {
  const fields = { ...(reason !== undefined && { reason }), ...(logTo !== undefined && { logTo }) };
  if (!closeAttempt(tx, attempt.id, { event: "release", ...fields })) return false;
  const from = moveTask(tx, facts.id, attempt.ordinal, "release");
  if (!from) throw new Error(`attempt ${attempt.id} was open and its task did not run`);
  moveCounts(tx, facts.id, from, "ready", 1);
  taskEvent(tx, facts, attempt, "ready", {});
  returned(broker, tx, facts);
  refreshJobLast(tx, facts.jobId);
  return true;
}

/** Somebody canceled the job while this ran. */
export function cancelTask(tx: Tx, { facts, attempt }: Closing, logTo?: number): boolean {
  if (
    !closeAttempt(tx, attempt.id, {
      event: "cancel",
      failureClass: "canceled",
      ...(logTo !== undefined && { logTo }),
    })
  )
    return false;
  const from = moveTask(tx, facts.id, attempt.ordinal, "cancel");
  if (!from) throw new Error(`attempt ${attempt.id} was open and its task did not run`);
  moveCounts(tx, facts.id, from, "canceled", 1);
  taskEvent(tx, facts, attempt, "canceled", {});
  refreshJobLast(tx, facts.jobId);
  return true;
}

type End = { kind: "released" } | { kind: "lost"; reason: string };

/** Ends a lease; attempts still open take the way that `end` says. `open`: those attempts, where the caller knows them. */
export function closeLease(
  broker: Broker,
  tx: Tx,
  lease: LeaseRow,
  workerName: string,
  end: End,
  open: readonly OpenAttempt[] = openAttemptsOf(tx, lease.id),
): void {
  if (open.length > 0) closeAll(broker, tx, lease.stepId, workerName, end, open);
  markLease(tx, lease.id, lease.lastSeq, true);
  tx.after(() => {
    broker.deadlines.delete(lease.id);
    broker.wake.leaseClosed(lease.id);
    const worker = broker.workers.get(lease.workerId);
    if (worker?.lease?.id === lease.id) worker.lease = null;
  });
}

function closeAll(
  broker: Broker,
  tx: Tx,
  stepId: number,
  workerName: string,
  end: End,
  open: readonly OpenAttempt[],
): void {
  const facts = factsOf(broker, tx, stepId);
  const intent = tx.get<{ intent: string }>("SELECT intent FROM jobs WHERE id = ?", facts.jobId)?.intent;
  for (const attempt of open) {
    const closing = { facts, attempt, workerName };
    if (intent === "cancel") cancelTask(tx, closing);
    else if (end.kind === "lost" && attempt.state === "started")
      failTask(broker, tx, closing, { failureClass: "host", reason: end.reason });
    else releaseTask(broker, tx, closing, end.kind === "lost" ? end.reason : undefined);
  }
}

/** A verdict about a task that was never reported as started. */
const isUnstarted = (attempt: OpenAttempt) => attempt.state === "leased";

/** A task went back to ready: offer its step, or let the canceling of its job go on. */
function returned(broker: Broker, tx: Tx, facts: StepFacts): void {
  const job = tx.get<{ intent: string }>("SELECT intent FROM jobs WHERE id = ?", facts.jobId);
  if (job?.intent === "run") offerStep(broker, tx, facts.id);
  else if (job?.intent !== "pause") tx.after(() => broker.wake.settle(facts.jobId));
}

function taskEvent(
  tx: Tx,
  facts: StepFacts,
  attempt: OpenAttempt,
  state: string,
  data: Record<string, unknown>,
): void {
  addEvent(tx, {
    kind: "task.changed",
    jobId: facts.jobId,
    step: facts.name,
    first: attempt.ordinal,
    state,
    data: { ...data, attempt: idOf("attempt", attempt.id) },
  });
}
