// Brings finished frames home: from the folder of their lease to where a local render would have written them, by a
// temporary name and a rename. Idempotent, and taken up again at start, so that no half file is ever seen.
import { sep } from "node:path";
import { rm } from "node:fs/promises";
import type { JobSettings } from "../contract/job.ts";
import {
  markDelivered,
  markUndelivered,
  pendingArtifacts,
  type PendingArtifact,
} from "../store/artifacts.ts";
import { addEvent } from "../store/events.ts";
import { rowsOf } from "../store/tx.ts";
import type { Broker } from "./broker.ts";
import { bringHome } from "./bring-home.ts";
import { createStaging } from "./staging.ts";

/** Files brought home at the same time: enough to hide one slow fsync behind another. */
const parallel = 4;
/** Files that could not be brought home are tried again so often, ms. */
const retryMs = 15_000;

export interface Deliverer {
  /** A lease ended: its folder goes unless something in it still waits. */
  leaseClosed: (leaseId: number) => void;
  /** Removes the folders of leases that ended while no broker ran. */
  tidyAll(): Promise<void>;
  /** Looks for files to bring home; asking again while it goes on is fine. */
  wake: () => void;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
  stop(): Promise<void>;
}

/** Makes the deliverer of the local staging folder. `onError` hears what should never happen. */
export function createDeliverer(broker: Broker, onError: (error: unknown) => void): Deliverer {
  const rows = rowsOf(broker.reader);
  const staging = createStaging(broker, onError);
  let running: Promise<void> | null = null;
  let again = false;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  async function work(): Promise<void> {
    let failed = false;
    let after = 0;
    do {
      again = false;
      const batch = pendingArtifacts(rows, after, 200);
      const queue = batch.filter((artifact) => isInStaging(broker, artifact));
      // oxlint-disable-next-line no-await-in-loop -- one batch after another bounds memory
      const results = await Promise.all(Array.from({ length: parallel }, () => drain(queue)));
      failed ||= results.includes(false);
      if (batch.length === 200) {
        after = batch.at(-1)?.id ?? after;
        again = true;
      } else if (again) {
        after = 0;
      }
    } while (again && !stopped);
    if (failed && !stopped) timer = setTimeout(wake, retryMs).unref();
  }

  async function drain(queue: PendingArtifact[]): Promise<boolean> {
    let fine = true;
    for (let artifact = queue.shift(); artifact && !stopped; artifact = queue.shift()) {
      // oxlint-disable-next-line no-await-in-loop -- `parallel` of these run side by side
      fine = (await deliver(artifact)) && fine;
    }
    return fine;
  }

  async function deliver(artifact: PendingArtifact): Promise<boolean> {
    try {
      const { conflict } = JSON.parse(artifact.settings) as JobSettings;
      const result =
        artifact.current === 1 ? await bringHome({ ...artifact, conflict }) : { kind: "outdated" as const };
      if (result.kind === "failed") {
        if (artifact.problem !== result.problem) await tell(artifact, result.problem);
        return false;
      }
      const leftOut = {
        delivered: null,
        skipped: `${artifact.name} was there already and was kept, as this job is told to.`,
        outdated: `${artifact.name} was not brought home: a newer one of this frame is done.`,
      }[result.kind];
      await broker.writer.write((tx) => {
        markDelivered(tx, artifact.id, artifact.jobId, leftOut);
        const { jobId, step, ordinal: first, name, bytes, seconds, worker } = artifact;
        addEvent(tx, {
          kind: "artifact.delivered",
          jobId,
          step,
          first,
          state: result.kind,
          data: { name, bytes, seconds, worker },
        });
      });
      await rm(artifact.staged, { force: true });
      await staging.tidy(artifact.leaseId);
      return true;
    } catch (error) {
      onError(error);
      return false;
    }
  }

  function tell(artifact: PendingArtifact, problem: string): Promise<void> {
    return broker.writer.write((tx) => {
      markUndelivered(tx, artifact.id, problem);
      addEvent(tx, {
        kind: "artifact.delivered",
        jobId: artifact.jobId,
        step: artifact.step,
        first: artifact.ordinal,
        state: "failed",
        data: { name: artifact.name, problem },
      });
    });
  }

  function wake(): void {
    if (stopped) return;
    clearTimeout(timer);
    if (running) {
      again = true;
      return;
    }
    running = work()
      .catch(onError)
      .finally(() => {
        running = null;
        if (again) wake();
      });
  }

  return {
    wake,
    leaseClosed: (leaseId) => staging.leaseClosed(leaseId),
    tidyAll: () => staging.tidyAll(),
    idle: async () => {
      while (running) await running;
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

/** Only files staged on this machine can be moved. */
function isInStaging(broker: Broker, artifact: PendingArtifact): boolean {
  return artifact.staged.startsWith(broker.stagingFolder + sep);
}
