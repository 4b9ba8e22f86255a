// Result files: where the bytes of each are, where it belongs, and the durable fact that it came home.
import type { Rows, Tx } from "./tx.ts";

export interface NewArtifact {
  attemptId: number;
  jobId: number;
  /** Where it lies on this machine, '' for one whose blob is here. */
  staged: string;
  blobId: number | null;
  name: string;
  bytes: number;
  sha256: string;
  executable: boolean;
  /** Of a try that failed or was canceled. */
  partial: boolean;
  /** Who brings it home. */
  home: "broker" | "pull" | "none";
  /** Why its name is outside the folders of its job: nobody puts it there by itself. */
  outside: string | null;
}

export function insertArtifact(tx: Tx, artifact: NewArtifact): void {
  tx.run(
    `INSERT INTO artifacts (attempt_id, job_id, staged, blob_id, name, bytes, sha256, executable, partial, home, outside, problem)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    artifact.attemptId,
    artifact.jobId,
    artifact.staged,
    artifact.blobId,
    artifact.name,
    artifact.bytes,
    artifact.sha256,
    artifact.executable ? 1 : 0,
    artifact.partial ? 1 : 0,
    artifact.home,
    artifact.outside === null ? 0 : 1,
    artifact.outside,
  );
}

/** Files of a try with this hash that have no preview yet. */
export function filesWithoutPreview(
  rows: Rows,
  attemptId: number,
  sha256: string,
): { id: number; name: string }[] {
  return rows.all(
    `SELECT f.id, f.name FROM artifacts f WHERE f.attempt_id = ? AND f.sha256 = ? AND f.preview_of IS NULL
       AND NOT EXISTS (SELECT 1 FROM artifacts p WHERE p.preview_of = f.id) ORDER BY f.id`,
    attemptId,
    sha256,
  );
}

/** A preview of a file: of the same try, under its name; it goes nowhere. */
export function insertPreview(
  tx: Tx,
  fileId: number,
  { blobId, bytes, sha256 }: { blobId: number; bytes: number; sha256: string },
): number {
  return tx.run(
    `INSERT INTO artifacts (attempt_id, job_id, staged, blob_id, name, bytes, sha256, partial, home, preview_of)
     SELECT attempt_id, job_id, '', ?, name, ?, ?, partial, 'none', id FROM artifacts WHERE id = ?`,
    blobId,
    bytes,
    sha256,
    fileId,
  ).id;
}

/** A job's newest picture: of a try that counts, and of its pictures the first. */
export function setJobPicture(tx: Tx, jobId: number, fileId: number, sha256: string): void {
  tx.run(
    `UPDATE jobs SET picture = ? WHERE id = ? AND EXISTS (
       SELECT 1 FROM artifacts f JOIN attempts a ON a.id = f.attempt_id
       WHERE f.id = ? AND f.partial = 0 AND ${isCurrent}
         AND NOT EXISTS (SELECT 1 FROM artifacts p WHERE p.attempt_id = a.id AND p.preview_of < f.id))`,
    sha256,
    jobId,
    fileId,
  );
}

/** True when no newer generation of the frame has won: an old file must not replace a new one. `a` is its attempt. */
export const isCurrent = `NOT EXISTS (SELECT 1 FROM attempts n WHERE n.step_id = a.step_id AND n.ordinal = a.ordinal
  AND n.generation > a.generation AND n.state = 'succeeded')`;

const awaitsHome = "delivered_at IS NULL AND outside = 0 AND home = 'broker' AND cleaned_at IS NULL";
const awaitsStore = "staged <> ''";

export interface PendingArtifact {
  id: number;
  jobId: number;
  leaseId: number;
  /** Where it lies on this machine; '' once its blob is in the store. */
  staged: string;
  name: string;
  bytes: number;
  sha256: string;
  executable: number;
  problem: string | null;
  step: string;
  ordinal: number;
  seconds: number | null;
  worker: string;
  settings: string;
  /** Whether the broker is to bring it home. */
  awaitsHome: number;
  current: number;
}

/** Files that are to be brought home or into the store, oldest first, after `afterId`. */
export function pendingArtifacts(rows: Pick<Rows, "all">, afterId: number, limit: number): PendingArtifact[] {
  return rows.all(
    `SELECT f.id, f.job_id AS jobId, a.lease_id AS leaseId, f.staged, f.name, f.bytes, f.sha256, f.executable, f.problem,
            s.name AS step, a.ordinal, a.seconds, w.name AS worker, j.settings, (${awaitsHome}) AS awaitsHome,
            ${isCurrent} AS current
     FROM (SELECT * FROM (SELECT id FROM artifacts WHERE ${awaitsHome} AND id > ? ORDER BY id LIMIT ?)
           UNION SELECT * FROM (SELECT id FROM artifacts WHERE ${awaitsStore} AND id > ? ORDER BY id LIMIT ?)
           ORDER BY id LIMIT ?) p
       JOIN artifacts f ON f.id = p.id JOIN attempts a ON a.id = f.attempt_id JOIN steps s ON s.id = a.step_id
       JOIN leases l ON l.id = a.lease_id JOIN workers w ON w.id = l.worker_id JOIN jobs j ON j.id = f.job_id
     ORDER BY f.id`,
    afterId,
    limit,
    afterId,
    limit,
    limit,
  );
}

/**
 * Nothing is left to do for the file: it is home, or it was left out for the reason given, and then it does not count.
 * One that was left out may still come home.
 */
export function markDelivered(tx: Tx, artifactId: number, jobId: number, leftOut: string | null): void {
  const marked = tx.run(
    `UPDATE artifacts SET delivered_at = ?, problem = ?
     WHERE id = ? AND (delivered_at IS NULL OR (? IS NULL AND problem IS NOT NULL))`,
    tx.now,
    leftOut,
    artifactId,
    leftOut,
  );
  if (leftOut !== null || marked.changes === 0) return;
  // What a failed try left is no frame that came home, wherever somebody put it; and what a frame that was rendered again
  // brings under the same name took the place of a file that is counted.
  tx.run(
    `UPDATE jobs SET delivered_files = delivered_files + 1
     WHERE id = ? AND EXISTS (SELECT 1 FROM artifacts WHERE id = ? AND partial = 0 AND preview_of IS NULL)
       AND NOT EXISTS (SELECT 1 FROM artifacts f JOIN attempts a ON a.id = f.attempt_id
         JOIN attempts b ON b.step_id = a.step_id AND b.ordinal = a.ordinal JOIN artifacts o ON o.attempt_id = b.id
         WHERE f.id = ? AND o.id <> f.id AND o.name = f.name AND o.partial = 0 AND o.preview_of IS NULL
           AND o.delivered_at IS NOT NULL AND o.problem IS NULL)`,
    jobId,
    artifactId,
    artifactId,
  );
}

/** It could not be brought home, in words; it is tried again. */
export function markUndelivered(tx: Tx, artifactId: number, problem: string): void {
  tx.run("UPDATE artifacts SET problem = ? WHERE id = ?", problem, artifactId);
}

/** Its bytes are in the store now. */
export function markAdopted(tx: Tx, artifactId: number, blobId: number): void {
  tx.run("UPDATE artifacts SET staged = '', blob_id = ? WHERE id = ?", blobId, artifactId);
}

/** Its bytes are gone for good. */
export function markLost(tx: Tx, artifactId: number, problem: string): void {
  tx.run(
    `UPDATE artifacts SET staged = '', cleaned_at = ?, problem = CASE WHEN delivered_at IS NULL THEN ? ELSE problem END
     WHERE id = ?`,
    tx.now,
    problem,
    artifactId,
  );
}

export interface ListedArtifact {
  id: number;
  attemptId: number;
  step: string;
  stepIndex: number;
  ordinal: number;
  generation: number;
  name: string;
  bytes: number;
  sha256: string;
  state: "current" | "replaced" | "partial";
  outside: number;
  executable: number;
  kept: number;
  deliveredAt: number | null;
  problem: string | null;
  previewOf: number | null;
}

/** Files of a job after `after`, in the order in which they came. */
export function listArtifactRows(
  rows: Rows,
  jobId: number,
  filter: {
    after: number;
    limit: number;
    kind: "file" | "preview" | "any";
    state: ListedArtifact["state"] | null;
    step?: string | undefined;
    ordinal?: number | undefined;
    /** Only what is held up by something that somebody must know of. */
    troubled: boolean;
  },
): ListedArtifact[] {
  const { after, limit, step = null, ordinal = null, troubled } = filter;
  const state = `CASE WHEN f.partial = 1 THEN 'partial' WHEN ${isCurrent} THEN 'current' ELSE 'replaced' END`;
  // Of one frame by its tries, in just this order: else the files of a hundred thousand frames are read to find its own.
  const [of, tables] =
    step === null || ordinal === null
      ? ["f", "artifacts f JOIN attempts a ON a.id = f.attempt_id JOIN steps s ON s.id = a.step_id"]
      : [
          "s",
          "steps s CROSS JOIN attempts a ON a.step_id = s.id CROSS JOIN artifacts f ON f.attempt_id = a.id",
        ];
  return rows.all(
    `SELECT f.id, f.attempt_id AS attemptId, s.name AS step, s.idx AS stepIndex, a.ordinal, a.generation, f.name, f.bytes,
            f.sha256, ${state} AS state, f.outside, f.executable, f.delivered_at AS deliveredAt, f.problem, f.preview_of AS previewOf,
            (f.staged <> '' OR (b.id IS NOT NULL AND b.dropped_at IS NULL)) AS kept
     FROM ${tables} LEFT JOIN blobs b ON b.id = f.blob_id
     WHERE ${of}.job_id = cast(? AS integer) AND f.id > cast(? AS integer) AND ${state} = coalesce(?, ${state})
       ${{ file: "AND f.preview_of IS NULL", preview: "AND f.preview_of IS NOT NULL", any: "" }[filter.kind]}
       ${troubled ? "AND f.delivered_at IS NULL AND f.problem IS NOT NULL" : ""}
       ${step === null ? "" : "AND s.name = ?"} ${ordinal === null ? "" : "AND a.ordinal = cast(? AS integer)"}
     ORDER BY f.id LIMIT ?`,
    jobId,
    after,
    filter.state,
    ...(step === null ? [] : [step]),
    ...(ordinal === null ? [] : [ordinal]),
    limit,
  );
}

export interface DeliveredFile {
  id: number;
  step: string;
  ordinal: number;
  name: string;
  bytes: number;
  seconds: number | null;
  worker: string;
  partial: number;
  deliveredAt: number | null;
  problem: string | null;
}

/** One file of a job with what an event tells of it. */
export function deliveredFile(rows: Rows, jobId: number, artifactId: number): DeliveredFile | undefined {
  return rows.get(
    `SELECT f.id, s.name AS step, a.ordinal, f.name, f.bytes, a.seconds, w.name AS worker, f.partial,
            f.delivered_at AS deliveredAt, f.problem
     FROM artifacts f JOIN attempts a ON a.id = f.attempt_id JOIN steps s ON s.id = a.step_id
       JOIN leases l ON l.id = a.lease_id JOIN workers w ON w.id = l.worker_id
     WHERE f.id = ? AND f.job_id = ? AND f.preview_of IS NULL`,
    artifactId,
    jobId,
  );
}

export interface ResultFile {
  id: number;
  step: string;
  ordinal: number;
  name: string;
  bytes: number;
  sha256: string;
  executable: number;
  staged: string;
  blobId: number | null;
  deliveredAt: number | null;
  cleanedAt: number | null;
  problem: string | null;
  /** Whether its blob is in the store. */
  stored: number;
}

/** Results of a job that count, after `after`, in the order in which they came; of some steps alone where they are named. */
export function resultsThatCount(
  rows: Rows,
  jobId: number,
  stepIds: readonly number[] | null,
  after: number,
  limit: number,
): ResultFile[] {
  return rows.all(
    `SELECT f.id, s.name AS step, a.ordinal, f.name, f.bytes, f.sha256, f.executable, f.staged, f.blob_id AS blobId,
            f.delivered_at AS deliveredAt, f.cleaned_at AS cleanedAt, f.problem,
            (b.id IS NOT NULL AND b.dropped_at IS NULL) AS stored
     FROM artifacts f JOIN attempts a ON a.id = f.attempt_id JOIN steps s ON s.id = a.step_id
       LEFT JOIN blobs b ON b.id = f.blob_id
     WHERE f.job_id = cast(? AS integer) AND f.id > cast(? AS integer) AND f.partial = 0 AND f.preview_of IS NULL AND a.state = 'succeeded'
       AND (? IS NULL OR a.step_id IN (SELECT value FROM json_each(?))) AND ${isCurrent}
     ORDER BY f.id LIMIT ?`,
    jobId,
    after,
    stepIds === null ? null : 1,
    JSON.stringify(stepIds ?? []),
    limit,
  );
}

/** Steps that a step depends on, directly or not. */
export function stepsBefore(rows: Rows, stepId: number): number[] {
  return rows
    .all<{ id: number }>(
      `WITH RECURSIVE before (id) AS (SELECT depends_on FROM step_dependencies WHERE step_id = ?
         UNION SELECT d.depends_on FROM step_dependencies d JOIN before ON d.step_id = before.id)
       SELECT id FROM before ORDER BY id`,
      stepId,
    )
    .map((row) => row.id);
}
