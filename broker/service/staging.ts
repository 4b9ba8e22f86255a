// The folders in which workers on this machine stage results: one a lease, removed once the lease is closed and
// nothing in it waits for the store.
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Broker } from "./broker.ts";
import { idOf, numberOf } from "./ids.ts";

export interface Staging {
  /** Removes the folder of one lease if it is no longer needed. Never throws. */
  tidy(leaseId: number): Promise<void>;
  /** Tidies after a lease that closed. Leases that close together cost one look at the folder. */
  leaseClosed(leaseId: number): void;
  /** Looks at every folder there is; for start. */
  tidyAll(): Promise<void>;
}

/** Tidies the staging folder of `broker`. */
export function createStaging(broker: Broker, onError: (error: unknown) => void): Staging {
  const select = broker.reader.prepare(
    `SELECT (SELECT count(*) FROM artifacts f JOIN attempts a ON a.id = f.attempt_id
             WHERE a.lease_id = l.id AND f.staged <> '') + (l.closed_at IS NULL) AS busy
     FROM leases l WHERE l.id = ?`,
  );

  async function tidy(leaseId: number): Promise<void> {
    try {
      const row = select.get(leaseId) as { busy: number } | undefined;
      if (row && row.busy > 0) return;
      await rm(join(broker.stagingFolder, idOf("lease", leaseId)), { recursive: true, force: true });
    } catch (error) {
      onError(error);
    }
  }

  const closed = new Set<string>();
  let looking = false;

  async function look(): Promise<void> {
    looking = true;
    while (closed.size > 0) {
      const names = [...closed];
      closed.clear();
      // Most leases have no folder here: their worker is elsewhere, or made no file.
      // oxlint-disable-next-line no-await-in-loop -- what closes meanwhile waits for the next look
      const present = new Set(await readdir(broker.stagingFolder));
      // oxlint-disable-next-line no-await-in-loop
      await Promise.all(
        names.filter((name) => present.has(name)).map((name) => tidy(numberOf("lease", name) ?? 0)),
      );
    }
  }

  return {
    tidy,
    leaseClosed(leaseId) {
      closed.add(idOf("lease", leaseId));
      if (looking) return;
      look()
        .catch(onError)
        .finally(() => {
          looking = false;
        });
    },
    async tidyAll() {
      for (const name of await readdir(broker.stagingFolder)) {
        const leaseId = numberOf("lease", name);
        // oxlint-disable-next-line no-await-in-loop -- at start, with nothing to hurry for
        if (leaseId !== undefined) await tidy(leaseId);
      }
    },
  };
}
