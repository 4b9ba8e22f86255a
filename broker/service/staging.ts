// The folders in which workers on this machine stage results: one a lease, removed once the lease is closed and
// nothing in it waits to be brought home.
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Broker } from "./broker.ts";
import { idOf, numberOf } from "./ids.ts";

export interface Staging {
  /** Removes the folder of one lease if it is no longer needed. Never throws. */
  tidy(leaseId: number): Promise<void>;
  /** Looks at every folder there is; for start. */
  tidyAll(): Promise<void>;
}

/** Tidies the staging folder of `broker`. */
export function createStaging(broker: Broker, onError: (error: unknown) => void): Staging {
  const select = broker.reader.prepare(
    `SELECT (SELECT count(*) FROM artifacts f JOIN attempts a ON a.id = f.attempt_id
             WHERE a.lease_id = l.id AND f.delivered_at IS NULL) + (l.closed_at IS NULL) AS busy
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

  return {
    tidy,
    async tidyAll() {
      for (const name of await readdir(broker.stagingFolder)) {
        const leaseId = numberOf("lease", name);
        // oxlint-disable-next-line no-await-in-loop -- at start, with nothing to hurry for
        if (leaseId !== undefined) await tidy(leaseId);
      }
    },
  };
}
