// Why a job waits, where the reason is that people paused every worker that could render it.
import { requirementClass, whyNot, type Requirements } from "../domain/requirements.ts";
import type { ReadDatabase } from "../store/read-jobs.ts";
import { awayWorkerRows } from "../store/read-tasks.ts";
import type { Broker } from "./broker.ts";
import { canRun } from "./offer.ts";

/** Names told; there may be thousands. */
const toldNames = 20;

/**
 * The workers that could render what waits of this job, when all of them are paused, those that are away among them; none
 * when a frame can be taken, when nothing waits, or when no worker fits at all.
 */
export function pausedWorkers(broker: Broker, db: ReadDatabase, jobId: number): string[] {
  const waiting = broker.reader
    .prepare(
      `SELECT DISTINCT s.requirements FROM steps s JOIN jobs j ON j.id = s.job_id
       WHERE s.job_id = ? AND s.ready > 0 AND j.intent = 'run' AND j.ended_at IS NULL`,
    )
    .pluck()
    .all(jobId) as string[];
  if (waiting.length === 0) return [];
  const needs = waiting.map((text) => JSON.parse(text) as Requirements);
  const classes = needs.map(requirementClass);
  const names: string[] = [];
  for (const worker of broker.workers.values()) {
    if (worker.intent === "drain" || !classes.some((one) => canRun(worker, one))) continue;
    if (worker.intent === "run") return [];
    names.push(worker.name);
  }
  for (const row of awayWorkerRows(db)) {
    const ownMachine = row.launchId !== null && broker.pools.get(row.pool) === "local";
    if (needs.some((one) => whyNot(one, { ...row, ownMachine }) === null)) names.push(row.name);
  }
  return names.toSorted((a, b) => a.localeCompare(b, "en", { numeric: true })).slice(0, toldNames);
}
