// A worker asks for work: the best step it can run, then the next task or chunk of it, as a lease.
import type { Lease } from "../contract/worker.ts";
import { Problem } from "../contract/problem.ts";
import type { Candidate } from "../domain/candidates.ts";
import { leaseSize } from "../domain/lease-size.ts";
import { chunkText, chunkValues } from "../openjd/chunks.ts";
import type { ParameterSpace } from "../openjd/space.ts";
import { addEvent } from "../store/events.ts";
import { moveCounts, refreshJobLast } from "../store/counts.ts";
import { mayLease, type StepFacts } from "../store/jobs.ts";
import {
  firstReady,
  openAttemptsOf,
  openLease,
  openLeaseOf,
  readyFrom,
  readyOfChunk,
  takeTask,
  type LeaseRow,
  type OpenAttempt,
} from "../store/leases.ts";
import type { Tx } from "../store/tx.ts";
import { leaseToken, type Broker, type WorkerMemory } from "./broker.ts";
import { closeLease } from "./close-lease.ts";
import { frameParameterOf, runsOf } from "./frames.ts";
import { idOf } from "./ids.ts";
import { canRun, factsOf } from "./offer.ts";

type Taken = Map<number, { attemptId: number; generation: number }>;

/** Leases work to a worker, or answers null when there is none for it. The same unstarted lease is answered again. */
export function leaseTask(broker: Broker, worker: WorkerMemory): Promise<Lease | null> {
  return broker.writer.write((tx) => leaseInTx(broker, tx, worker));
}

/** The same inside a transaction that is already open (the answer to a last report carries the next lease). */
export function leaseInTx(broker: Broker, tx: Tx, worker: WorkerMemory): Lease | null {
  const open = openLeaseOf(tx, worker.id);
  if (open) {
    const attempts = openAttemptsOf(tx, open.id);
    // Told to take no more before it heard of these frames: others may have them.
    const isRefused = worker.intent !== "run" && isUnstarted(open, attempts);
    if (attempts.length > 0 && !isRefused) return leaseAgain(broker, tx, open, attempts);
    // Its frames were called back before their worker heard of them: there is nothing to hold on to.
    closeLease(broker, tx, open, worker.name, { kind: "released" }, attempts);
  }
  return nextLease(broker, tx, worker);
}

/** A new lease for a worker that holds none, as its caller knows. */
export function nextLease(broker: Broker, tx: Tx, worker: WorkerMemory): Lease | null {
  if (worker.intent !== "run" || broker.stopping) return null;
  const except = new Set<number>();
  for (;;) {
    const candidate = broker.candidates.choose({
      matches: (requirement) => canRun(worker, requirement),
      shareOf: (owner) => broker.shares.of(owner, tx.now),
      warm: worker.warm,
      monotonicMs: broker.clock.monotonic(),
      except,
    });
    if (!candidate) return null;
    const lease = leaseFrom(broker, tx, worker, candidate);
    if (lease) return lease;
    // Its last ready task is gone; whoever returns one offers the step again.
    except.add(candidate.stepId);
    tx.after(() => forgetEmpty(broker, tx, candidate));
  }
}

function forgetEmpty(broker: Broker, tx: Tx, candidate: Candidate): void {
  // Only if nothing was offered anew since: a later change of the same group may have returned a task.
  if (broker.candidates.get(candidate.stepId) !== candidate) return;
  if (!firstReady(tx, candidate.stepId)) broker.candidates.remove(candidate.stepId);
}

function isUnstarted(open: LeaseRow, attempts: readonly OpenAttempt[]): boolean {
  return open.lastSeq === 0 && attempts.every((attempt) => attempt.state === "leased");
}

function leaseAgain(broker: Broker, tx: Tx, open: LeaseRow, attempts: readonly OpenAttempt[]): Lease {
  if (!isUnstarted(open, attempts)) {
    throw new Problem("conflict", "This worker has not finished the frames it holds. Report them first.");
  }
  const taken: Taken = new Map(
    attempts.map(({ id, ordinal, generation }) => [ordinal, { attemptId: id, generation }]),
  );
  return describe(broker, factsOf(broker, tx, open.stepId), open.id, taken);
}

function leaseFrom(broker: Broker, tx: Tx, worker: WorkerMemory, candidate: Candidate): Lease | undefined {
  const facts = factsOf(broker, tx, candidate.stepId);
  // The line is taken back only after COMMIT: what this very group of writes changed is seen in the rows alone, such as
  // a pause, a cancel, or an earlier step that is asked for anew.
  if (!mayLease(tx, facts.id)) return undefined;
  const ordinals = pickOrdinals(broker, tx, facts);
  if (ordinals.length === 0) return undefined;
  const leaseId = openLease(tx, worker.id, facts.id);
  if (leaseId === undefined) return undefined;
  const taken: Taken = new Map();
  for (const ordinal of ordinals) {
    const attempt = takeTask(tx, leaseId, facts.id, ordinal);
    if (!attempt) throw new Error(`task ${facts.id}/${ordinal} was ready and could not be taken`);
    taken.set(ordinal, attempt);
  }
  moveCounts(tx, facts.id, "ready", "running", taken.size);
  refreshJobLast(tx, facts.jobId);
  for (const [first, last] of runsOf(ordinals)) {
    addEvent(tx, {
      kind: "task.changed",
      jobId: facts.jobId,
      step: facts.name,
      first,
      last,
      state: "running",
      data: { worker: worker.name },
    });
  }
  tx.after(() => {
    const monotonic = broker.clock.monotonic();
    worker.lease = { id: leaseId, stepId: facts.id, jobId: facts.jobId };
    worker.progress = null;
    if (worker.warm?.sessionKey !== facts.sessionKey)
      worker.warm = { sessionKey: facts.sessionKey, since: monotonic };
    broker.deadlines.set(leaseId, monotonic + broker.limits.leaseTermMs);
  });
  return describe(broker, facts, leaseId, taken);
}

function pickOrdinals(broker: Broker, tx: Tx, facts: StepFacts): number[] {
  const first = firstReady(tx, facts.id);
  if (!first) return [];
  if (facts.chunking === "none") return [first.ordinal];
  if (facts.chunking === "fixed" && first.chunk !== null) return readyOfChunk(tx, facts.id, first.chunk);
  // A frame that failed before runs alone, so that one poisonous frame is isolated.
  if (first.failures > 0) return [first.ordinal];
  const { space } = stepPlanOf(broker, facts);
  const size = adaptiveSize(broker, tx, facts, space);
  if (size === 1) return [first.ordinal];
  return contiguous(space, readyFrom(tx, facts.id, first.ordinal, size * strideOf(space)), size);
}

function adaptiveSize(broker: Broker, tx: Tx, facts: StepFacts, space: ParameterSpace): number {
  const row = tx.get<{ ready: number; count: number; seconds: number }>(
    "SELECT ready, measured_count AS count, measured_seconds AS seconds FROM steps WHERE id = ?",
    facts.id,
  );
  if (!row || !space.chunk) return 1;
  let workers = 0;
  for (const worker of broker.workers.values()) if (worker.intent === "run") workers++;
  return leaseSize({
    defaultTaskCount: space.chunk.defaultTaskCount,
    targetRuntimeSeconds: space.chunk.targetRuntimeSeconds,
    measuredCount: row.count,
    measuredSeconds: row.seconds,
    readyCount: row.ready,
    workerCount: workers,
  });
}

const strideOf = (space: ParameterSpace) => space.chunkAxis?.stride ?? 1;

/** The longest run from the first ordinal on that one action may take together, at most `size` long. */
function contiguous(space: ParameterSpace, ready: readonly number[], size: number): number[] {
  const [first] = ready;
  const axis = space.chunkAxis;
  if (first === undefined || !axis || !space.chunk) return ready.slice(0, 1);
  const have = new Set(ready);
  const block = axis.length * axis.stride;
  const run = [first];
  while (run.length < size) {
    const before = run.at(-1) as number;
    const next = before + axis.stride;
    if (Math.floor(next / block) !== Math.floor(first / block) || !have.has(next)) break;
    if (space.chunk.rangeConstraint === "CONTIGUOUS") {
      const index = Math.floor((next % block) / axis.stride);
      if (axis.valueAt(index) !== axis.valueAt(index - 1) + 1n) break;
    }
    run.push(next);
  }
  return run;
}

function stepPlanOf(broker: Broker, facts: StepFacts) {
  const step = broker.plans.of(facts.jobId).plan.steps[facts.index];
  if (!step) throw new Error(`job ${facts.jobId} has no step ${facts.index}`);
  return step;
}

function describe(broker: Broker, facts: StepFacts, leaseId: number, taken: Taken): Lease {
  const planned = broker.plans.of(facts.jobId);
  const step = stepPlanOf(broker, facts);
  const { space } = step;
  const ordinals = [...taken.keys()];
  const actionParameters = { ...space.taskAt(ordinals[0] as number) };
  if (space.chunk) {
    const { parameter, rangeConstraint } = space.chunk;
    actionParameters[parameter] = {
      type: "CHUNK[INT]",
      value: chunkText(chunkValues(space, ordinals), rangeConstraint),
    };
  }
  return {
    leaseId: idOf("lease", leaseId),
    token: leaseToken(broker, leaseId),
    jobId: idOf("job", facts.jobId),
    jobNumber: facts.jobId,
    stepIndex: facts.index,
    sessionKey: facts.sessionKey,
    termMs: broker.limits.leaseTermMs,
    tasks: [...taken].map(([ordinal, { attemptId, generation }]) => ({
      ordinal,
      generation,
      attemptId: idOf("attempt", attemptId),
      parameters: space.taskAt(ordinal),
    })),
    actionParameters,
    frameParameter: frameParameterOf(step, planned.settings.frameParameter),
  };
}
