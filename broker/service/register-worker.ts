// Workers come and go: an agent registers, leaves, or is found dead by its launcher.
import type { RegisterWorker } from "../contract/worker.ts";
import type { WorkerIntent, WorkerState } from "../contract/states.ts";
import { askedOf, workerStateOf } from "../domain/worker-state.ts";
import { addEvent } from "../store/events.ts";
import { openLeaseOf } from "../store/leases.ts";
import { pausedPools } from "../store/pools.ts";
import type { Tx } from "../store/tx.ts";
import { nudge, type Broker, type WorkerMemory } from "./broker.ts";
import { findGone, type IsGone } from "./claim-name.ts";
import { closeLease } from "./close-lease.ts";
import { idOf, numberOf } from "./ids.ts";

/**
 * Makes a worker of an agent; returns its id. A name that a live worker has gets a number: "vm", "vm 2", "vm 3". Where a
 * person paused the last one of that name, or the whole pool, this one is paused too. Throws `busy` when the agent hangs up (`signal`).
 */
export async function registerWorker(
  broker: Broker,
  tokenId: number,
  body: RegisterWorker,
  signal: AbortSignal,
): Promise<number> {
  const isGone = await findGone(broker, tokenId, body, signal);
  return broker.writer.write((tx) => {
    const launch = body.launchId === undefined ? null : (numberOf("launch", body.launchId) ?? null);
    const known =
      launch === null
        ? undefined
        : tx.get<Launch>("SELECT id, pool FROM launches WHERE id = ? AND token_id = ?", launch, tokenId);
    const name = freeName(broker, tx, body.name, isGone);
    const intent = takePause(tx, body.pool, name) ? "pause" : "run";
    const asked = askedOf(intent, pausedPools(tx).includes(body.pool));
    const state = workerStateOf(asked, false);
    const { id } = tx.run(
      `INSERT INTO workers (name, pool, token_id, launch_id, intent, state, os_family, agent_version, amounts, attributes, blenders, registered_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      name,
      body.pool,
      tokenId,
      known?.id ?? null,
      intent,
      state,
      body.osFamily,
      body.agentVersion,
      JSON.stringify(body.amounts),
      JSON.stringify(body.attributes),
      JSON.stringify(body.blenders),
      tx.now,
    );
    workerEvent(tx, state, { id, name });
    tx.after(() =>
      broker.workers.set(id, remember(broker, { id, tokenId, intent: asked }, known, { ...body, name })),
    );
    return id;
  });
}

interface Launch {
  id: number;
  pool: string;
}

/** People name workers by name, to pause one for example: no two live ones share theirs. */
function freeName(broker: Broker, tx: Tx, wanted: string, isGone: IsGone): string {
  for (let count = 1; ; count++) {
    const name = count === 1 ? wanted : `${wanted} ${count}`;
    const live = tx.get<{ id: number }>(
      "SELECT id FROM workers WHERE name = ? AND ended_at IS NULL LIMIT 1",
      name,
    );
    if (!live) return name;
    const memory = broker.workers.get(live.id);
    // Its agent, or its machine, ended without a word and began anew before it was missed: a pause must not end that way.
    if (memory && isGone(memory)) {
      const reason = "The worker's own process began anew while it rendered. The frame is tried again.";
      endWorker(broker, tx, memory, "lost", { kind: "lost", reason });
      return name;
    }
  }
}

/** Whether a person paused the last worker of this name, and nobody resumed it since. Then the pause is the next one's. */
function takePause(tx: Tx, pool: string, name: string): boolean {
  const gone = tx.all<{ id: number; state: WorkerState }>(
    "UPDATE workers SET intent = 'run' WHERE pool = ? AND name = ? AND intent = 'pause' AND ended_at IS NOT NULL RETURNING id, state",
    pool,
    name,
  );
  for (const { id, state } of gone) workerEvent(tx, state, { id, name });
  return gone.length > 0;
}

/** Tells that a worker changed. */
export function workerEvent(tx: Tx, state: WorkerState, { id, name }: { id: number; name: string }): void {
  addEvent(tx, { kind: "worker.changed", state, data: { worker: idOf("worker", id), name } });
}

function remember(
  broker: Broker,
  { id, tokenId, intent }: Pick<WorkerMemory, "id" | "tokenId" | "intent">,
  launch: Launch | undefined,
  body: RegisterWorker,
): WorkerMemory {
  return {
    id,
    name: body.name,
    tokenId,
    launchId: launch?.id ?? null,
    capabilities: {
      ownMachine: launch !== undefined && broker.pools.get(launch.pool)?.kind === "local",
      amounts: body.amounts,
      attributes: body.attributes,
      pool: body.pool,
      blenders: body.blenders,
    },
    intent,
    matches: new Map(),
    warm: null,
    lease: null,
    version: 1,
    waiting: new Set(),
    lastSeenMs: broker.clock.now(),
    signs: 0,
    silent: false,
    progress: null,
  };
}

/** Reads the live workers and their open leases at start; every open lease gets one full term. */
export function recallWorkers(broker: Broker): Promise<void> {
  return broker.writer.write((tx) => {
    const rows = tx.all<Record<string, never>>(
      `SELECT w.*, l.pool AS launch_pool FROM workers w LEFT JOIN launches l ON l.id = w.launch_id
       WHERE w.ended_at IS NULL`,
    ) as unknown as {
      id: number;
      name: string;
      pool: string;
      token_id: number;
      launch_id: number | null;
      launch_pool: string | null;
      intent: WorkerIntent;
      os_family: RegisterWorker["osFamily"];
      agent_version: string;
      amounts: string;
      attributes: string;
      blenders: string;
    }[];
    const paused = pausedPools(tx);
    const memories = rows.map((row) => {
      const launch = row.launch_id === null ? undefined : { id: row.launch_id, pool: row.launch_pool ?? "" };
      const intent = askedOf(row.intent, paused.includes(row.pool));
      return remember(broker, { id: row.id, tokenId: row.token_id, intent }, launch, {
        name: row.name,
        pool: row.pool,
        agentVersion: row.agent_version,
        osFamily: row.os_family,
        amounts: JSON.parse(row.amounts) as RegisterWorker["amounts"],
        attributes: JSON.parse(row.attributes) as RegisterWorker["attributes"],
        blenders: JSON.parse(row.blenders) as RegisterWorker["blenders"],
      });
    });
    const leases = tx.all<{ id: number; workerId: number; stepId: number; jobId: number }>(
      `SELECT l.id, l.worker_id AS workerId, l.step_id AS stepId, s.job_id AS jobId
       FROM leases l JOIN steps s ON s.id = l.step_id WHERE l.closed_at IS NULL`,
    );
    tx.after(() => {
      for (const memory of memories) broker.workers.set(memory.id, memory);
      const until = broker.clock.monotonic() + broker.limits.leaseTermMs;
      for (const { id, workerId, stepId, jobId } of leases) {
        broker.deadlines.set(id, until);
        const worker = broker.workers.get(workerId);
        if (worker) worker.lease = { id, stepId, jobId };
      }
    });
  });
}

/** A worker goes away by itself: what it held goes back at once. */
export function leaveWorker(broker: Broker, worker: WorkerMemory): Promise<void> {
  return broker.writer.write((tx) => endWorker(broker, tx, worker, "stopped", { kind: "released" }));
}

/** A launcher saw the process of a worker end: its lease closes at once, without waiting for the term. */
export function launchEnded(broker: Broker, launchId: number, words: string): Promise<void> {
  return broker.writer.write((tx) => {
    tx.run(
      "UPDATE launches SET ended_at = ?, reason = ? WHERE id = ? AND ended_at IS NULL",
      tx.now,
      words,
      launchId,
    );
    tx.run(
      "UPDATE tokens SET revoked_at = ? WHERE id = (SELECT token_id FROM launches WHERE id = ?)",
      tx.now,
      launchId,
    );
    tx.after(() => broker.revocations++);
    for (const worker of broker.workers.values()) {
      if (worker.launchId !== launchId) continue;
      endWorker(broker, tx, worker, "lost", {
        kind: "lost",
        reason: `The worker's own process ended while it rendered (${words}). The frame is tried again.`,
      });
    }
  });
}

/** Ends a worker; its open lease closes as `end` says. */
export function endWorker(
  broker: Broker,
  tx: Tx,
  worker: WorkerMemory,
  state: "stopped" | "lost",
  end: { kind: "released" } | { kind: "lost"; reason: string },
): void {
  const lease = openLeaseOf(tx, worker.id);
  if (lease) closeLease(broker, tx, lease, worker.name, end);
  const ended = tx.run(
    "UPDATE workers SET state = ?, ended_at = ? WHERE id = ? AND ended_at IS NULL",
    state,
    tx.now,
    worker.id,
  );
  if (ended.changes === 0) return;
  workerEvent(tx, state, worker);
  tx.after(() => {
    broker.workers.delete(worker.id);
    nudge(worker);
    broker.wake.capacity();
  });
}
