// Brings finished frames home, and their bytes into the store: home first, because somebody waits for it; then the
// staged file moves into the store. Idempotent at every point, and taken up again at start.
import { createWriteStream } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { isAbsolute, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import type { JobSettings } from "../contract/job.ts";
import { Problem } from "../contract/problem.ts";
import { isCode } from "../domain/error-code.ts";
import { localName, systemOf } from "../domain/shared-roots.ts";
import { bringHome } from "../home/bring-home.ts";
import { hashOf } from "../home/files.ts";
import {
  markAdopted,
  markDelivered,
  markLost,
  markUndelivered,
  pendingArtifacts,
  type PendingArtifact,
} from "../store/artifacts.ts";
import { findBlob, insertBlob } from "../store/blobs.ts";
import { addEvent } from "../store/events.ts";
import type { Tx } from "../store/tx.ts";
import type { Broker } from "./broker.ts";
import { readBlob } from "./read-blob.ts";
import { createStaging } from "./staging.ts";

/** Files brought home at the same time: enough to hide one slow fsync behind another. */
const parallel = 4;
/** Files that could not be brought home are tried again so often, ms. */
const retryMs = 15_000;
const gone = "it is no longer where the worker left it. Render the frame again with `tally requeue`";

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

/** Makes the deliverer of the broker's results. `onError` hears what should never happen. */
export function createDeliverer(broker: Broker, onError: (error: unknown) => void): Deliverer {
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
      const batch = pendingArtifacts(broker.rows, after, 200);
      const queue = batch.filter((artifact) => isHere(broker, artifact));
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
      try {
        // oxlint-disable-next-line no-await-in-loop -- `parallel` of these run side by side
        fine = (await settle(artifact)) && fine;
      } catch (error) {
        fine = false;
        // A store that is full or down is told where somebody asks for it; it is tried again.
        if (!(error instanceof Problem)) onError(error);
      }
    }
    return fine;
  }

  /** Home, then into the store. False when it is to be tried again; throws what the store says. */
  async function settle(artifact: PendingArtifact): Promise<boolean> {
    const { awaitsHome, staged } = artifact;
    if (staged === "") return deliver(artifact);
    if ((await sizeOf(staged)) !== null) {
      const isHome = awaitsHome === 0 || (await deliver(artifact));
      await adopt(artifact);
      return isHome;
    }
    // It went into the store before a crash, or it is lost; what is at home already is found there.
    const isKept = await adopt(artifact);
    return awaitsHome === 0 || (await deliver({ ...artifact, staged: "" }, !isKept));
  }

  /** Home. False when it is to be tried again. One that is lost may be there already; else there is no more to say. */
  async function deliver(artifact: PendingArtifact, isLost = false): Promise<boolean> {
    const { conflict } = JSON.parse(artifact.settings) as JobSettings;
    const { id, bytes, sha256 } = artifact;
    const source =
      artifact.staged === ""
        ? { fetch: (target: string) => fetchTo(broker, sha256, target) }
        : { file: artifact.staged, move: false };
    const name = localName(artifact.name, broker.sharedRoots, systemOf(process.platform));
    const file = { id, name, bytes, sha256, conflict, executable: artifact.executable === 1, source };
    const result = artifact.current === 1 ? await bringHome(file) : { kind: "outdated" as const };
    if (isLost && result.kind !== "delivered") return true;
    if (result.kind === "failed") {
      if (artifact.problem !== result.problem)
        await change(artifact, "failed", { problem: result.problem }, (tx) =>
          markUndelivered(tx, id, result.problem),
        );
      return false;
    }
    const leftOut = {
      delivered: null,
      skipped: `${artifact.name} was there already and was kept, as this job is told to.`,
      outdated: `${artifact.name} was not brought home: a newer one of this frame is done.`,
    }[result.kind];
    const { seconds, worker } = artifact;
    await change(artifact, result.kind, { bytes, seconds, worker }, (tx) =>
      markDelivered(tx, id, artifact.jobId, leftOut),
    );
    return true;
  }

  /** Into the store. False when it is lost; throws when it is to be tried again. */
  async function adopt(artifact: PendingArtifact): Promise<boolean> {
    const { id, staged, sha256, bytes } = artifact;
    const size = await sizeOf(staged);
    // Taken over before a crash that came ahead of the commit.
    const isStored = size === null && (await broker.blobs.head(sha256)) === bytes;
    const harm = isStored ? null : await harmOf(artifact, size);
    if (harm === null) {
      await broker.guard.adding([sha256], async () => {
        if (!isStored) await broker.blobs.adopt(sha256, bytes, staged);
        await broker.writer.write((tx) => markAdopted(tx, id, insertBlob(tx, { sha256, bytes }, true)));
      });
    } else {
      const problem = `${artifact.name} could not be kept: ${harm}.`;
      await change(artifact, "failed", { problem }, (tx) => markLost(tx, id, problem));
      await rm(staged, { force: true });
    }
    await staging.tidy(artifact.leaseId);
    return harm === null;
  }

  /** One change of a result file and the event that tells it. */
  function change(
    artifact: PendingArtifact,
    state: string,
    data: Record<string, unknown>,
    write: (tx: Tx) => void,
  ): Promise<void> {
    return broker.writer.write((tx) => {
      write(tx);
      addEvent(tx, {
        kind: "artifact.delivered",
        jobId: artifact.jobId,
        step: artifact.step,
        first: artifact.ordinal,
        state,
        data: { name: artifact.name, ...data },
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

/** Why a staged file cannot be kept, or null when it is what the worker wrote. */
async function harmOf(
  { staged, bytes, sha256 }: PendingArtifact,
  size: number | null,
): Promise<string | null> {
  if (size === null) return gone;
  if (size !== bytes)
    return `it has ${size} bytes where the worker wrote ${bytes}. Render the frame again with \`tally requeue\``;
  return (await hashOf(staged)) === sha256
    ? null
    : "it has other bytes than the worker wrote. Render the frame again with `tally requeue`";
}

/** Writes a blob of the store to a file. */
async function fetchTo(broker: Broker, sha256: string, target: string): Promise<void> {
  const blob = findBlob(broker.rows, sha256);
  const stream = blob && (await readBlob(broker, blob));
  if (!stream) throw new Error(gone);
  await pipeline(stream, createWriteStream(target, { flags: "wx" }));
}

/** Only files staged below this broker's own folder are its to move; others belong to a folder that was moved away. */
function isHere(broker: Broker, { staged }: PendingArtifact): boolean {
  return staged === "" || (isAbsolute(staged) && staged.startsWith(broker.stagingFolder + sep));
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isCode(error, "ENOENT") || isCode(error, "ENOTDIR")) return null;
    throw error;
  }
}
