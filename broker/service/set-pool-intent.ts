// What a person asks of a whole pool: run, or pause. It holds for whoever is in it and whoever comes, until it is taken back.
import { Problem } from "../contract/problem.ts";
import type { PoolIntent } from "../contract/states.ts";
import { askedOf, workerStateOf } from "../domain/worker-state.ts";
import { addEvent } from "../store/events.ts";
import { openLeaseOf } from "../store/leases.ts";
import { setPoolPaused } from "../store/pools.ts";
import type { Tx } from "../store/tx.ts";
import { nudge, type Broker } from "./broker.ts";
import { workerEvent } from "./register-worker.ts";

/**
 * Pauses a pool or lets it go on. Workers that are paused by themselves, or that finish and leave, stay as they are.
 * Throws `not-found` for a pool that is not in the configuration and in which no worker ever was.
 */
export function setPoolIntent(broker: Broker, pool: string, intent: PoolIntent): Promise<void> {
  return broker.writer.write((tx) => {
    refuseUnknown(broker, tx, pool);
    const isPaused = intent === "pause";
    if (!setPoolPaused(tx, pool, isPaused)) return;
    addEvent(tx, { kind: "pool.changed", data: { pool, intent } });
    const asked = askedOf("run", isPaused);
    const here = tx.all<{ id: number; name: string }>(
      "UPDATE workers SET state = ? WHERE pool = ? AND ended_at IS NULL AND intent = 'run' RETURNING id, name",
      workerStateOf(asked, false),
      pool,
    );
    for (const worker of here)
      workerEvent(tx, workerStateOf(asked, openLeaseOf(tx, worker.id) !== undefined), worker);
    tx.after(() => {
      for (const { id } of here) {
        const memory = broker.workers.get(id);
        if (!memory) continue;
        memory.intent = asked;
        nudge(memory);
      }
      broker.wake.capacity();
    });
  });
}

/** A name that was misspelt would be paused for ever, and nobody would see it. */
function refuseUnknown(broker: Broker, tx: Tx, pool: string): void {
  if (broker.pools.has(pool)) return;
  if (tx.get("SELECT 1 FROM workers WHERE pool = ? LIMIT 1", pool)) return;
  const joined = tx.all<{ pool: string }>(
    "SELECT DISTINCT pool FROM workers WHERE ended_at IS NULL ORDER BY pool",
  );
  const known = new Set([...broker.pools.keys(), ...joined.map((row) => row.pool)]);
  throw new Problem(
    "not-found",
    `There is no pool "${pool}". There are: ${[...known].join(", ") || "none"}.`,
  );
}
