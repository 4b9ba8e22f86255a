// Several things at once, with an end: lanes that take work from one list, and a stop for all when one fails.

/** Runs `work` over `items`, `lanes` at a time; stops taking new ones at the first error, and rejects with it. */
export async function eachOf<T>(
  items: Iterable<T>,
  lanes: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const source = items[Symbol.iterator]();
  let hasFailed = false;
  const lane = async (): Promise<void> => {
    for (let next = source.next(); next.done !== true && !hasFailed; next = source.next()) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- one lane does one thing at a time
        await work(next.value);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  throwFirst(await Promise.allSettled(Array.from({ length: lanes }, () => lane())));
}

/**
 * Runs all of `works`, each with a signal that aborts when `signal` does or when another of them failed. Settles when
 * all have ended, so that nothing is left running; rejects with the signal's reason, or the first error.
 */
export async function together(
  signal: AbortSignal | undefined,
  works: readonly ((signal: AbortSignal) => Promise<void>)[],
): Promise<void> {
  const stop = new AbortController();
  let first: { error: unknown } | undefined;
  const onAbort = () => stop.abort(signal?.reason);
  if (signal?.aborted) onAbort();
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    await Promise.all(
      works.map(async (work) => {
        try {
          stop.signal.throwIfAborted();
          await work(stop.signal);
        } catch (error) {
          first ??= { error };
          stop.abort(error);
        }
      }),
    );
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
  signal?.throwIfAborted();
  if (first) throw first.error;
}

/** At most so many at a time, in the order of asking. */
export function createGate(places: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = places;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free > 0) free--;
    else await new Promise<void>((go) => waiting.push(go));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free++;
    }
  };
}

export interface Backlog {
  /** Begins `work`, once there is room; rejects when something begun before has failed. */
  add(work: () => Promise<unknown>): Promise<void>;
  /** Resolves when all that was begun has ended; rejects with the first error, if nobody was told of it yet. */
  end(): Promise<void>;
}

/** Work that comes one by one and is done several at a time. */
export function createBacklog(places: number): Backlog {
  const open = new Set<Promise<void>>();
  let failure: { error: unknown; isTold: boolean } | undefined;
  const tell = () => {
    if (!failure || failure.isTold) return;
    failure.isTold = true;
    throw failure.error;
  };
  return {
    async add(work) {
      while (open.size >= places) {
        // oxlint-disable-next-line no-await-in-loop -- until there is room
        await Promise.race(open);
      }
      tell();
      const one: Promise<void> = work()
        .then(
          () => undefined,
          (error: unknown) => void (failure ??= { error, isTold: false }),
        )
        .finally(() => open.delete(one));
      open.add(one);
    },
    async end() {
      await Promise.all(open);
      tell();
    },
  };
}

function throwFirst(results: readonly PromiseSettledResult<unknown>[]): void {
  const failed = results.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}
