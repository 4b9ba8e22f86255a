// Removes old events, in slices and by itself; who comes back with an older cursor is given a snapshot.
import type { Broker } from "../service/broker.ts";
import { pruneSlice } from "../store/feed.ts";
import { defaultFeedLimits, type FeedLimits } from "./limits.ts";

/** Rows removed in one transaction. */
const sliceRows = 1000;
const everyMs = 3_600_000;
const dayMs = 86_400_000;

export interface Pruner {
  /** Removes what is too old or too much now. */
  prune(): Promise<void>;
  stop(): Promise<void>;
}

/** Prunes soon after the start and every hour. */
export function createPruner(
  broker: Broker,
  onError: (error: unknown) => void,
  given: Partial<FeedLimits> = {},
): Pruner {
  const limits = { ...defaultFeedLimits, ...given };
  let running: Promise<void> | null = null;

  async function work(): Promise<void> {
    const rule = { before: broker.clock.now() - limits.eventDays * dayMs, rows: limits.eventRows };
    // oxlint-disable-next-line no-await-in-loop -- slices follow one another, with others between them
    while (!broker.stopping && (await broker.writer.write((tx) => pruneSlice(tx, rule, sliceRows))));
  }

  function prune(): Promise<void> {
    running ??= work().finally(() => (running = null));
    return running;
  }

  const timer = setInterval(() => void prune().catch(onError), everyMs).unref();
  prune().catch(onError);
  return {
    prune,
    async stop() {
      clearInterval(timer);
      await running?.catch(() => undefined);
    },
  };
}
