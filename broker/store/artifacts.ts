// Result files: where each lies now, where it belongs, and the durable fact that it came home.
import type { Rows, Tx } from "./tx.ts";

export interface NewArtifact {
  attemptId: number;
  jobId: number;
  staged: string;
  name: string;
  bytes: number;
  /** Why its name is outside the folders of its job: it then stays where it is, for good. */
  outside: string | null;
}

export function insertArtifact(tx: Tx, artifact: NewArtifact): void {
  tx.run(
    "INSERT INTO artifacts (attempt_id, job_id, staged, name, bytes, outside, problem) VALUES (?, ?, ?, ?, ?, ?, ?)",
    artifact.attemptId,
    artifact.jobId,
    artifact.staged,
    artifact.name,
    artifact.bytes,
    artifact.outside === null ? 0 : 1,
    artifact.outside,
  );
}

export interface PendingArtifact {
  id: number;
  jobId: number;
  leaseId: number;
  staged: string;
  name: string;
  bytes: number;
  problem: string | null;
  step: string;
  ordinal: number;
  seconds: number | null;
  worker: string;
  settings: string;
  /** False when a newer generation of the frame already won: an old file must not replace a new one. */
  current: number;
}

/** Files that are to be brought home, oldest first, after `afterId`. */
export function pendingArtifacts(tx: Pick<Rows, "all">, afterId: number, limit: number): PendingArtifact[] {
  return tx.all(
    `SELECT f.id, f.job_id AS jobId, a.lease_id AS leaseId, f.staged, f.name, f.bytes, f.problem, s.name AS step, a.ordinal,
            a.seconds, w.name AS worker, j.settings,
            NOT EXISTS (SELECT 1 FROM attempts n WHERE n.step_id = a.step_id AND n.ordinal = a.ordinal
                          AND n.generation > a.generation AND n.state = 'succeeded') AS current
     FROM artifacts f JOIN attempts a ON a.id = f.attempt_id JOIN steps s ON s.id = a.step_id
       JOIN leases l ON l.id = a.lease_id JOIN workers w ON w.id = l.worker_id JOIN jobs j ON j.id = f.job_id
     WHERE f.delivered_at IS NULL AND f.outside = 0 AND f.id > ? ORDER BY f.id LIMIT ?`,
    afterId,
    limit,
  );
}

/** Nothing is left to do for the file: it is home, or it was left out for the reason given, and then it does not count. */
export function markDelivered(tx: Tx, artifactId: number, jobId: number, leftOut: string | null): void {
  tx.run("UPDATE artifacts SET delivered_at = ?, problem = ? WHERE id = ?", tx.now, leftOut, artifactId);
  if (leftOut === null) tx.run("UPDATE jobs SET delivered_files = delivered_files + 1 WHERE id = ?", jobId);
}

/** It could not be brought home, in words; it is tried again. */
export function markUndelivered(tx: Tx, artifactId: number, problem: string): void {
  tx.run("UPDATE artifacts SET problem = ? WHERE id = ?", problem, artifactId);
}
