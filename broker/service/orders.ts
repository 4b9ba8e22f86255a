// Orders for a worker: derived from what is true now, never queued. A worker keeps one request open and hears at once.
import type { Order } from "../contract/worker.ts";
import { heardOf, type Broker, type Orders, type WorkerMemory } from "./broker.ts";
import { idOf } from "./ids.ts";
import { canRun } from "./offer.ts";

/** What a worker should do now. */
export function currentOrders(broker: Broker, worker: WorkerMemory): Order[] {
  const orders: Order[] = [];
  // A broker that stops takes its own agents along; joined workers wait for it to come back.
  const leaves = broker.stopping && worker.launchId !== null;
  if (worker.intent === "drain" || leaves) orders.push({ kind: "drain" });
  else if (worker.intent === "pause") orders.push({ kind: "pause" });
  const { lease } = worker;
  if (lease) {
    const leaseId = idOf("lease", lease.id);
    const row = broker.reader
      .prepare(
        `SELECT j.intent, j.priority, (SELECT count(*) FROM attempts a WHERE a.lease_id = ? AND a.ended_at IS NULL) AS open
         FROM jobs j WHERE j.id = ?`,
      )
      .get(lease.id, lease.jobId) as { intent: string; priority: number; open: number } | undefined;
    if (row?.intent === "cancel")
      orders.push({ kind: "stop-lease", leaseId, reason: "The job was canceled." });
    else if (row && row.open === 0)
      orders.push({ kind: "stop-lease", leaseId, reason: "These frames were asked for anew." });
    else if (
      row &&
      (row.intent === "pause" ||
        row.intent === "stop" ||
        worker.intent !== "run" ||
        outranked(broker, worker, row.priority))
    ) {
      orders.push({ kind: "finish-frame", leaseId });
    }
  } else if (orders.length === 0 && best(broker, worker)) {
    orders.push({ kind: "lease-available" });
  }
  return orders;
}

/** A higher priority takes effect after the current frame. */
function outranked(broker: Broker, worker: WorkerMemory, priority: number): boolean {
  return (best(broker, worker)?.priority ?? -1) > priority;
}

function best(broker: Broker, worker: WorkerMemory) {
  return broker.candidates.choose({
    matches: (requirement) => canRun(worker, requirement),
    shareOf: (owner) => broker.shares.of(owner, broker.clock.now()),
    warm: null,
    monotonicMs: broker.clock.monotonic(),
    except: new Set(),
  });
}

/** Answers when the orders are newer than `after`, or after `waitMs`. `after` from another broker's life counts as old. */
export async function waitForOrders(
  broker: Broker,
  worker: WorkerMemory,
  after: number,
  waitMs: number,
  signal: AbortSignal,
): Promise<Orders> {
  heardOf(broker, worker);
  if (after === worker.version) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, waitMs);
    worker.waiting.add(resolve);
    signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    clearTimeout(timer);
    worker.waiting.delete(resolve);
  }
  return { version: worker.version, orders: currentOrders(broker, worker) };
}
