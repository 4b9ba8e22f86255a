// Workers as people see them: their rows, and what the broker remembers of the ones that are alive.
import type { WorkerNow } from "../contract/feed.ts";
import type { AttemptState } from "../contract/states.ts";
import type { Worker } from "../contract/worker.ts";
import { workerStateOf } from "../domain/worker-state.ts";
import type { ReadDatabase } from "../store/read-jobs.ts";
import { getWorkerRow, listWorkerRows } from "../store/read-tasks.ts";
import type { Rows } from "../store/tx.ts";
import type { Broker, WorkerMemory } from "./broker.ts";
import { idOf } from "./ids.ts";

/** The live workers and paused ones that are away, or with `all` also the newest that are gone. */
export function describeWorkers(broker: Broker, rows: Rows, db: ReadDatabase, all: boolean): Worker[] {
  return listWorkerRows(db, all).map((row) => describe(broker, rows, row));
}

/** One worker by its number, live or gone. */
export function describeWorker(broker: Broker, rows: Rows, db: ReadDatabase, id: number): Worker | undefined {
  const row = getWorkerRow(db, id);
  return row && describe(broker, rows, row);
}

function describe(broker: Broker, rows: Rows, row: ReturnType<typeof listWorkerRows>[number]): Worker {
  const memory = row.endedAt === null ? broker.workers.get(row.id) : undefined;
  const now = memory && workerNow(rows, memory);
  return {
    id: idOf("worker", row.id),
    name: row.name,
    pool: row.pool,
    state: now?.state ?? row.state,
    intent: row.intent,
    osFamily: row.osFamily,
    blenders: row.blenders,
    amounts: row.amounts,
    attributes: row.attributes,
    jobNumber: now?.jobNumber ?? null,
    step: now?.step ?? null,
    ordinals: now?.ordinals ?? [],
    progress: now?.progress ?? null,
    registeredAt: new Date(row.registeredAt).toISOString(),
    lastSeenAt: now?.lastSeenAt ?? new Date(row.endedAt ?? row.registeredAt).toISOString(),
  };
}

/** What a live worker does at this moment. */
export function workerNow(rows: Rows, memory: WorkerMemory): WorkerNow {
  return workOf(rows, memory).now;
}

/** The same, and which of its frames are begun: the others wait for their turn. */
export function workOf(rows: Rows, memory: WorkerMemory): { now: WorkerNow; begun: number[] } {
  const { lease, intent, progress } = memory;
  const tasks = lease
    ? rows.all<{ ordinal: number; state: AttemptState; step: string }>(
        "SELECT a.ordinal, a.state, s.name AS step FROM attempts a JOIN steps s ON s.id = a.step_id WHERE a.lease_id = ? AND a.ended_at IS NULL ORDER BY a.id",
        lease.id,
      )
    : [];
  // What was last heard may be about a frame that is done since: that says nothing about the one in work.
  const isOfNow = progress !== null && tasks.some(({ ordinal }) => ordinal === progress.ordinal);
  const now = {
    id: idOf("worker", memory.id),
    state: workerStateOf(intent, lease !== null),
    jobNumber: lease?.jobId ?? null,
    step: tasks[0]?.step ?? null,
    ordinals: tasks.map((task) => task.ordinal),
    progress: isOfNow ? progress.percent : null,
    lastSeenAt: new Date(memory.lastSeenMs).toISOString(),
  };
  return { now, begun: tasks.filter(({ state }) => state === "started").map(({ ordinal }) => ordinal) };
}
