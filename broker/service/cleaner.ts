// Looks after retention by itself, every so many hours of wall time, however often the broker is started in between.
import { readMeta, writeMeta } from "../store/meta.ts";
import type { Broker } from "./broker.ts";
import { clean, type RetentionDays } from "./clean.ts";

const cleanedKey = "cleaned_at";
const hourMs = 3_600_000;
/** How often to look whether it is time, ms. */
const lookEveryMs = 10 * 60_000;

export interface Cleaner {
  /** Cleans if it is time. */
  look(): Promise<void>;
  stop(): Promise<void>;
}

/** Cleans every `everyHours` (0: never). `onDone` hears what was removed, `onError` what should not happen. */
export function createCleaner(
  broker: Broker,
  { everyHours, ...days }: RetentionDays & { everyHours: number },
  onDone: (cleaned: Awaited<ReturnType<typeof clean>>) => void,
  onError: (error: unknown) => void,
): Cleaner {
  let running: Promise<void> | null = null;

  async function work(): Promise<void> {
    const now = broker.clock.now();
    const last = readMeta(broker.rows, cleanedKey);
    if (last !== undefined && now - Number(last) < everyHours * hourMs) return;
    // A folder that is new has nothing to clean, and begins to count.
    if (last !== undefined) onDone(await clean(broker, { dryRun: false, strays: true }, days));
    // Cut short: the next start goes on with it.
    if (broker.stopping) return;
    await broker.writer.write((tx) => writeMeta(tx, cleanedKey, String(tx.now)));
  }

  function look(): Promise<void> {
    if (everyHours === 0 || broker.stopping) return Promise.resolve();
    running ??= work()
      .catch(onError)
      .finally(() => {
        running = null;
      });
    return running;
  }

  const timer = setInterval(() => void look(), lookEveryMs).unref();
  void look();
  return {
    look,
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}
