// Makes steps with ready tasks known to the workers: puts them among the candidates and wakes idle workers that fit.
import { requirementClass, requirementsOfClass, whyNot, type Requirements } from "../domain/requirements.ts";
import { stepFacts, type StepFacts } from "../store/jobs.ts";
import type { Rows, Tx } from "../store/tx.ts";
import { nudge, type Broker, type WorkerMemory } from "./broker.ts";

/** Step facts kept in memory; a step's facts never change. */
const keptFacts = 4096;

/** Facts of a step, from memory where possible. Throws when there is no such step. */
export function factsOf(broker: Broker, tx: Rows, stepId: number): StepFacts {
  let facts = broker.facts.get(stepId);
  if (facts) return facts;
  facts = stepFacts(tx, stepId);
  if (!facts) throw new Error(`no step ${stepId}`);
  if (broker.facts.size >= keptFacts) broker.facts.clear();
  broker.facts.set(stepId, facts);
  return facts;
}

/** Offers a step after COMMIT if its job wants to run and it has ready tasks; takes it back if not. */
export function offerStep(broker: Broker, tx: Tx, stepId: number): void {
  const row = tx.get<{ intent: string; state: string; priority: number; ready: number }>(
    "SELECT j.intent, j.state, j.priority, s.ready FROM steps s JOIN jobs j ON j.id = s.job_id WHERE s.id = ?",
    stepId,
  );
  if (!row) return;
  if (row.intent !== "run" || row.state === "loading" || row.ready === 0) {
    tx.after(() => broker.candidates.remove(stepId));
    return;
  }
  const facts = factsOf(broker, tx, stepId);
  const requirements = JSON.parse(facts.requirements) as Requirements;
  const candidate = {
    stepId,
    jobId: facts.jobId,
    owner: facts.owner,
    priority: row.priority,
    requirementClass: requirementClass(requirements),
    sessionKey: facts.sessionKey,
  };
  tx.after(() => {
    broker.candidates.put(candidate);
    wakeWorkers(broker, candidate.requirementClass, row.ready);
  });
}

/** Offers every step of a job. */
export function offerJob(broker: Broker, tx: Tx, jobId: number): void {
  for (const { id } of tx.all<{ id: number }>("SELECT id FROM steps WHERE job_id = ?", jobId))
    offerStep(broker, tx, id);
}

/** Reads all candidates afresh: at start, and after a lost group of writes. */
export function rebuildCandidates(broker: Broker): Promise<void> {
  return broker.writer.write((tx) => {
    tx.after(() => broker.candidates.clear());
    const steps = tx.all<{ id: number }>(
      `SELECT s.id FROM steps s JOIN jobs j ON j.id = s.job_id
       WHERE j.state IN ('queued', 'running') AND j.intent = 'run' AND s.ready > 0`,
    );
    for (const { id } of steps) offerStep(broker, tx, id);
  });
}

/** Whether a worker can run steps of a requirement class; remembered per worker. */
export function canRun(worker: WorkerMemory, requirement: string): boolean {
  let can = worker.matches.get(requirement);
  if (can === undefined) {
    can = whyNot(requirementsOfClass(requirement), worker.capabilities) === null;
    worker.matches.set(requirement, can);
  }
  return can;
}

function wakeWorkers(broker: Broker, requirement: string, ready: number): void {
  let left = ready;
  for (const worker of broker.workers.values()) {
    if (left <= 0) break;
    // One that takes no more frames would be counted in the place of one that does.
    if (worker.intent !== "run" || !canRun(worker, requirement)) continue;
    // A busy one is told too: a higher priority takes effect after its current frame.
    if (worker.lease === null && !worker.silent) left--;
    nudge(worker);
  }
  broker.wake.capacity();
}
