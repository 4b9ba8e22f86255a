// Whether a job waits because people paused what could render it, and what of it they would resume: pure.

/** A pool that a job may go to. */
export interface PausablePool {
  name: string;
  isPaused: boolean;
  /** Agents that the broker itself starts for it, at most. */
  slots: number;
}

/** A worker that is here, or a paused one that is away. */
export interface PausableWorker {
  name: string;
  pool: string;
  isHere: boolean;
  /** By itself or with its pool. */
  isPaused: boolean;
  /** Takes one of its pool's slots: the broker started its agent. */
  hasSlot: boolean;
  /** Whether it could render what waits. */
  fits: boolean;
}

export interface WhyPaused {
  pausedPools: string[];
  pausedWorkers: string[];
}

/**
 * The pools and the workers whose pause keeps a job waiting: once all of them are resumed, it goes on, or says what else
 * is paused. None where something takes it, or would not although nobody were paused.
 */
export function whyPaused(pools: readonly PausablePool[], known: readonly PausableWorker[]): WhyPaused {
  const nothing = { pausedPools: [], pausedWorkers: [] };
  const accepted = new Map(pools.map((pool) => [pool.name, pool]));
  // One whose pool has no slots any more is not started again.
  const workers = known.filter(
    ({ pool, isHere, hasSlot }) => isHere || !hasSlot || (accepted.get(pool)?.slots ?? 0) > 0,
  );
  const inPool = (name: string) => workers.filter(({ pool }) => pool === name);
  if (workers.some((worker) => worker.isHere && !worker.isPaused && worker.fits)) return nothing;
  if (pools.some((pool) => startsAnother(pool, inPool(pool.name)))) return nothing;
  const paused = pools.filter((pool) => pool.isPaused && mayFit(pool, inPool(pool.name)));
  const alone = workers.filter(
    ({ pool, isPaused, fits }) => isPaused && fits && accepted.get(pool)?.isPaused === false,
  );
  return { pausedPools: paused.map(({ name }) => name), pausedWorkers: alone.map(({ name }) => name) };
}

/** Whether an agent is started there (see `planCapacity`): what that one can render is known once it is here. */
function startsAnother(pool: PausablePool, workers: readonly PausableWorker[]): boolean {
  if (pool.isPaused) return false;
  const own = workers.filter(({ hasSlot }) => hasSlot);
  // One that works there shows what the next one could: not this.
  if (own.some(({ isHere, isPaused }) => isHere && !isPaused)) return false;
  return pool.slots > own.filter(({ isPaused }) => isPaused).length;
}

/** Whoever comes to a paused pool may fit, unless those that are known show that they would not. */
function mayFit(pool: PausablePool, workers: readonly PausableWorker[]): boolean {
  const shown = pool.slots > 0 ? workers.filter(({ hasSlot }) => hasSlot) : workers;
  return shown.length === 0 || workers.some(({ fits }) => fits);
}
