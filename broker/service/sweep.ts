// Expires leases whose worker fell silent. The memory of deadlines is the authority between starts; after a start or a
// jump of the clock every open lease gets one full term before the first sweep.
import { getLease } from "../store/leases.ts";
import type { Broker } from "./broker.ts";
import { closeLease } from "./close-lease.ts";
import { endWorker } from "./register-worker.ts";
import { idOf } from "./ids.ts";

/** How often to sweep, ms. */
export const sweepEveryMs = 1000;
/** A gap between two sweeps, or between wall and monotonic time, that means the machine slept. */
const jumpMs = 5000;

export interface Sweeper {
  /** One sweep; resolves when its changes are durable. Returns how many leases expired. */
  sweep(): Promise<number>;
}

/** Makes the sweeper; call `sweep` every `sweepEveryMs`. */
export function createSweeper(broker: Broker): Sweeper {
  let wall = broker.clock.now();
  let monotonic = broker.clock.monotonic();

  function jumped(): boolean {
    const nextWall = broker.clock.now();
    const nextMonotonic = broker.clock.monotonic();
    const slept =
      Math.abs(nextWall - wall - (nextMonotonic - monotonic)) > jumpMs ||
      nextMonotonic - monotonic > sweepEveryMs + jumpMs;
    wall = nextWall;
    monotonic = nextMonotonic;
    return slept;
  }

  return {
    async sweep() {
      if (jumped()) {
        for (const id of broker.deadlines.keys())
          broker.deadlines.set(id, monotonic + broker.limits.leaseTermMs);
        for (const worker of broker.workers.values()) worker.lastSeenMs = wall;
        return 0;
      }
      const expired = [...broker.deadlines].filter(([, until]) => until <= monotonic).map(([id]) => id);
      await Promise.all(expired.map((id) => expire(broker, id)));
      await Promise.all(
        [...broker.workers.values()]
          .filter((worker) => isSilent(broker, worker.lastSeenMs, worker))
          .map((worker) => lose(broker, worker)),
      );
      return expired.length;
    },
  };
}

function isSilent(
  broker: Broker,
  lastSeenMs: number,
  worker: { lease: unknown; waiting: ReadonlySet<unknown> },
): boolean {
  return (
    worker.lease === null &&
    worker.waiting.size === 0 &&
    broker.clock.now() - lastSeenMs > broker.limits.workerSilenceMs
  );
}

function expire(broker: Broker, leaseId: number): Promise<void> {
  return broker.writer.write((tx) => {
    const lease = getLease(tx, leaseId);
    if (!lease || lease.closedAt !== null) return tx.after(() => broker.deadlines.delete(leaseId));
    // Renewed while this sweep was on its way.
    if ((broker.deadlines.get(leaseId) ?? 0) > broker.clock.monotonic()) return;
    const worker = broker.workers.get(lease.workerId);
    const name = worker?.name ?? idOf("worker", lease.workerId);
    const reason = `The worker ${name} was not heard of for ${Math.round(broker.limits.leaseTermMs / 1000)} seconds. The frame is given to another, or tried again when the worker is back.`;
    closeLease(broker, tx, lease, name, { kind: "lost", reason });
    tx.after(() => {
      if (worker) worker.silent = true;
      broker.wake.capacity();
    });
  });
}

function lose(broker: Broker, worker: Parameters<typeof endWorker>[2]): Promise<void> {
  return broker.writer.write((tx) =>
    endWorker(broker, tx, worker, "lost", { kind: "lost", reason: "The worker went silent." }),
  );
}
