// The files that a report names become result files of their try: staged on this machine, or uploaded before.
import { isAbsolute, normalize, sep } from "node:path";
import { Problem } from "../contract/problem.ts";
import type { ReportFile } from "../contract/worker.ts";
import { localName, systemOf } from "../domain/shared-roots.ts";
import { insertArtifact } from "../store/artifacts.ts";
import { findBlob } from "../store/blobs.ts";
import type { StepFacts } from "../store/jobs.ts";
import type { OpenAttempt } from "../store/leases.ts";
import type { Tx } from "../store/tx.ts";
import type { Broker } from "./broker.ts";
import { idOf } from "./ids.ts";
import { writeCheck } from "./outputs.ts";

/**
 * Writes down the files of one try. Throws `invalid` for one that is not in the folder of its lease, `missing-blobs` for
 * one that was not uploaded.
 */
export function takeFiles(
  broker: Broker,
  tx: Tx,
  facts: StepFacts,
  leaseId: number,
  attempt: OpenAttempt,
  files: readonly ReportFile[],
  partial: boolean,
): void {
  if (files.length === 0) return;
  const planned = broker.plans.of(facts.jobId);
  const folder = `${broker.stagingFolder}${sep}${idOf("lease", leaseId)}${sep}`;
  const mayWrite = writeCheck(planned, broker.sharedRoots);
  for (const file of files) {
    const { name, bytes, sha256, executable = false } = file;
    if (name.includes("\0")) throw new Problem("invalid", "A file's name has a NUL in it.");
    const outside = mayWrite(name)
      ? null
      : `${name} is outside the folders that this job may write to. The broker keeps the file.`;
    insertArtifact(tx, {
      attemptId: attempt.id,
      jobId: facts.jobId,
      ...placeOf(tx, folder, file),
      name,
      bytes,
      sha256,
      executable,
      partial,
      home: partial ? "none" : homeOf(broker, planned.settings.home, name),
      outside,
    });
  }
  tx.after(() => broker.wake.deliveries());
}

/** Who brings it home: the broker only what has a place on its machine. */
function homeOf(broker: Broker, home: "broker" | "pull", name: string): "broker" | "pull" {
  const local = localName(name, broker.sharedRoots, systemOf(process.platform));
  return home === "broker" && isAbsolute(local) ? "broker" : "pull";
}

function placeOf(tx: Tx, folder: string, file: ReportFile): { staged: string; blobId: number | null } {
  const { path, sha256, bytes } = file;
  if (path === undefined) {
    const blob = findBlob(tx, sha256);
    if (blob?.bytes === bytes) return { staged: "", blobId: blob.id };
    throw new Problem("missing-blobs", `The file ${file.name} is not here yet. Upload it and report again.`);
  }
  if (isAbsolute(path) && normalize(path) === path && path.startsWith(folder) && !path.includes("\0"))
    return { staged: path, blobId: null };
  throw new Problem("invalid", `The file ${path} is not in the folder of this lease.`);
}
