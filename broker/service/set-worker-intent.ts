// What a person asks of a worker: run, pause, or finish and leave. One row; the worker hears of it at once.
import { Problem } from "../contract/problem.ts";
import type { WorkerIntent, WorkerState } from "../contract/states.ts";
import { askedOf, workerStateOf } from "../domain/worker-state.ts";
import { openLeaseOf } from "../store/leases.ts";
import { pausedPools } from "../store/pools.ts";
import { nudge, type Broker } from "./broker.ts";
import { idOf } from "./ids.ts";
import { workerEvent } from "./register-worker.ts";

interface Row {
  name: string;
  pool: string;
  intent: WorkerIntent;
  state: WorkerState;
  endedAt: number | null;
}

/**
 * Sets what is asked of a worker. One that is paused and gone can be told to run, so that it does not come back paused.
 * In a paused pool one that is told to run goes on with its pool.
 * Throws `not-found` when there is no such worker (any more).
 */
export function setWorkerIntent(broker: Broker, id: number, intent: WorkerIntent): Promise<void> {
  return broker.writer.write((tx) => {
    const row = tx.get<Row>(
      "SELECT name, pool, intent, state, ended_at AS endedAt FROM workers WHERE id = ?",
      id,
    );
    const list = "`tally workers` lists those there are.";
    if (!row) throw new Problem("not-found", `There is no worker ${idOf("worker", id)}. ${list}`);
    if (row.endedAt !== null && (row.intent !== "pause" || intent === "drain"))
      throw new Problem("not-found", `The worker ${row.name} has left. ${list}`);
    if (row.intent === intent) return;
    const isHere = row.endedAt === null;
    const asked = askedOf(intent, pausedPools(tx).includes(row.pool));
    tx.run(
      "UPDATE workers SET intent = ?, state = ? WHERE id = ?",
      intent,
      isHere ? workerStateOf(asked, false) : row.state,
      id,
    );
    const state = isHere ? workerStateOf(asked, openLeaseOf(tx, id) !== undefined) : row.state;
    workerEvent(tx, state, { id, name: row.name });
    tx.after(() => {
      const memory = broker.workers.get(id);
      if (memory) {
        memory.intent = asked;
        nudge(memory);
      }
      broker.wake.capacity();
    });
  });
}
