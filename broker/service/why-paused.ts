// Why a job waits, where the reason is that people paused what could render it.
import { requirementClass, whyNot, type Requirements } from "../domain/requirements.ts";
import { whyPaused, type PausablePool, type PausableWorker, type WhyPaused } from "../domain/why-paused.ts";
import { pausedPools } from "../store/pools.ts";
import type { ReadDatabase } from "../store/read-jobs.ts";
import { awayWorkerRows } from "../store/read-tasks.ts";
import type { Broker } from "./broker.ts";
import { canRun } from "./offer.ts";

/** Names told; there may be thousands. */
const toldNames = 20;

/**
 * The paused pools and workers that keep what waits of this job waiting; none when a frame can be taken, when nothing
 * waits, or when it would wait although nobody were paused.
 */
export function whyJobPaused(broker: Broker, db: ReadDatabase, jobId: number): WhyPaused {
  const waiting = broker.reader
    .prepare(
      `SELECT DISTINCT s.requirements FROM steps s JOIN jobs j ON j.id = s.job_id
       WHERE s.job_id = ? AND s.ready > 0 AND j.intent = 'run' AND j.ended_at IS NULL`,
    )
    .pluck()
    .all(jobId) as string[];
  if (waiting.length === 0) return { pausedPools: [], pausedWorkers: [] };
  const needs = waiting.map((text) => JSON.parse(text) as Requirements);
  const workers = [...workersHere(broker, needs), ...workersAway(broker, db, needs)];
  const why = whyPaused(poolsFor(broker, needs, workers), workers);
  const sorted = (names: string[]) =>
    names.toSorted((a, b) => a.localeCompare(b, "en", { numeric: true })).slice(0, toldNames);
  return { pausedPools: sorted(why.pausedPools), pausedWorkers: sorted(why.pausedWorkers) };
}

/** The pools that may take it: those of the configuration, and whatever others workers joined. */
function poolsFor(
  broker: Broker,
  needs: readonly Requirements[],
  workers: readonly PausableWorker[],
): PausablePool[] {
  const paused = pausedPools(broker.rows);
  const names = new Set([...broker.pools.keys(), ...paused, ...workers.map(({ pool }) => pool)]);
  return [...names]
    .filter((name) => needs.some(({ pool }) => pool === null || pool === name))
    .map((name) => ({ name, isPaused: paused.includes(name), slots: broker.pools.get(name)?.launched ?? 0 }));
}

function workersHere(broker: Broker, needs: readonly Requirements[]): PausableWorker[] {
  const classes = needs.map(requirementClass);
  return [...broker.workers.values()].flatMap((worker) => {
    const { name, intent, launchId, capabilities } = worker;
    if (intent === "drain") return [];
    const isPaused = intent === "pause";
    const hasSlot = launchId !== null;
    const fits =
      isPaused && hasSlot
        ? needs.some((one) => couldFit(one, capabilities))
        : classes.some((one) => canRun(worker, one));
    return [{ name, pool: capabilities.pool, isHere: true, isPaused, hasSlot, fits }];
  });
}

function workersAway(broker: Broker, db: ReadDatabase, needs: readonly Requirements[]): PausableWorker[] {
  return awayWorkerRows(db).map((row) => {
    const hasSlot = row.launchId !== null;
    const known = { ...row, ownMachine: hasSlot && broker.pools.get(row.pool)?.kind === "local" };
    const fits = needs.some((one) => (hasSlot ? couldFit(one, known) : whyNot(one, known) === null));
    return { name: row.name, pool: row.pool, isHere: false, isPaused: true, hasSlot, fits };
  });
}

/** Of an agent that the broker starts itself the Blenders are looked for anew once it goes on: no reason to be silent. */
function couldFit(one: Requirements, known: Parameters<typeof whyNot>[1]): boolean {
  return whyNot({ ...one, blenderSeries: null }, known) === null;
}
