// An agent claims the name of a worker that is paused: that one is asked whether it is still here, before a pause is handed on.
import { setTimeout as pause } from "node:timers/promises";
import { Problem } from "../contract/problem.ts";
import type { RegisterWorker } from "../contract/worker.ts";
import { nudge, type Broker, type WorkerMemory } from "./broker.ts";

/** How often to look whether the asked ones were heard of, ms. */
const lookEveryMs = 50;

/** Whether a worker of this name is gone, although nobody missed it yet. */
export type IsGone = (worker: WorkerMemory) => boolean;

/**
 * Finds out which paused workers of the name that an agent wants are gone: killed with their machine, for example, and
 * begun anew as this very agent. Each is asked, which answers its open question for orders: one that is here asks anew at
 * once, or as soon as it found its broker again. Throws `busy` when the agent hangs up meanwhile, or the broker stops.
 */
export async function findGone(
  broker: Broker,
  tokenId: number,
  { name, pool }: RegisterWorker,
  signal: AbortSignal,
): Promise<IsGone> {
  const asked = new Map<WorkerMemory, number>();
  for (const worker of broker.workers.values()) {
    const isSame = worker.tokenId === tokenId && worker.capabilities.pool === pool;
    if (isSame && worker.intent === "pause" && isNumbered(worker.name, name)) asked.set(worker, worker.signs);
  }
  const isGone: IsGone = (worker) => asked.get(worker) === worker.signs;
  for (const worker of asked.keys()) nudge(worker);
  const until = broker.clock.monotonic() + broker.limits.answersWithinMs;
  const isOpen = (worker: WorkerMemory) => isGone(worker) && broker.workers.get(worker.id) === worker;
  while ([...asked.keys()].some(isOpen) && broker.clock.monotonic() < until) {
    // oxlint-disable-next-line no-await-in-loop -- this is what waiting is
    await pause(lookEveryMs);
    if (signal.aborted || broker.stopping)
      throw new Problem("busy", "It is not known yet whether a worker of this name is here. Ask again.");
  }
  return isGone;
}

/** `vm`, `vm 2`, `vm 3` for `vm`. */
function isNumbered(name: string, wanted: string): boolean {
  return name === wanted || (name.startsWith(`${wanted} `) && /^\d+$/.test(name.slice(wanted.length + 1)));
}
