// Which bytes nobody needs any more, counted and let go slice by slice. Rows go before bytes.
import { isCurrent } from "./artifacts.ts";
import type { Rows, Tx } from "./tx.ts";

export interface Tally {
  files: number;
  bytes: number;
}

/** What is to go. Times are wall time in ms; null: nothing of that kind. */
export interface Retention {
  /** Results that came home before. */
  deliveredBefore: number | null;
  /** Results that never came home, of jobs that ended before. */
  undeliveredBefore: number | null;
  /** Input files and previews of jobs that ended before. */
  inputsBefore: number | null;
  /** This job alone. */
  jobId: number | null;
}

/** Results of jobs that are over, whose bytes are in the store: of a window, and of one job where it is named. */
const results = (
  ofJob: string,
) => `FROM artifacts f JOIN jobs j ON j.id = f.job_id JOIN attempts a ON a.id = f.attempt_id
  WHERE f.id > ? AND f.id <= ? ${ofJob}
    AND f.blob_id IS NOT NULL AND f.cleaned_at IS NULL AND j.ended_at IS NOT NULL`;
/** Left out because another file was there, and no newer one counts: ours is the only one. */
const isLeftOut = `(f.problem IS NOT NULL AND ${isCurrent})`;
const kinds = {
  delivered: `f.preview_of IS NULL AND f.delivered_at < ? AND NOT ${isLeftOut}`,
  undelivered: `f.preview_of IS NULL AND (f.delivered_at IS NULL OR ${isLeftOut}) AND j.ended_at < ?`,
  preview: "f.preview_of IS NOT NULL AND j.ended_at < ?",
};

/** The rest of a statement about results that may go, and its values. */
function resultsThatMayGo(
  kind: keyof typeof kinds,
  before: number,
  jobId: number | null,
  { from, to }: Window,
): [sql: string, values: number[]] {
  return jobId === null
    ? [`${results("")} AND ${kinds[kind]}`, [from, to, before]]
    : [`${results("AND f.job_id = ?")} AND ${kinds[kind]}`, [from, to, jobId, before]];
}

/** Jobs that are over and still hold input files, after a number; by the files, so that no history is read. */
const holders = `WITH RECURSIVE h (id) AS (
    SELECT min(job_id) FROM job_blobs WHERE job_id > ?
    UNION ALL SELECT (SELECT min(i.job_id) FROM job_blobs i WHERE i.job_id > h.id) FROM h WHERE h.id IS NOT NULL
  ) SELECT j.id FROM h CROSS JOIN jobs j ON j.id = h.id WHERE j.ended_at < ?`;
const oneHolder = `SELECT id FROM jobs WHERE id > ? AND ended_at < ? AND id = ?
  AND EXISTS (SELECT 1 FROM job_blobs i WHERE i.job_id = jobs.id)`;

/** The next job after `after` that is to lose its input files. */
export function nextHolder(
  rows: Rows,
  after: number,
  before: number,
  jobId: number | null,
): number | undefined {
  const job =
    jobId === null
      ? rows.get<{ id: number }>(`${holders} LIMIT 1`, after, before)
      : rows.get<{ id: number }>(oneHolder, after, before, jobId);
  return job?.id;
}

/** A blob `b` that nothing needs: no job and no result. */
const unneeded = `NOT EXISTS (SELECT 1 FROM job_blobs i WHERE i.blob_id = b.id)
  AND NOT EXISTS (SELECT 1 FROM artifacts f WHERE f.blob_id = b.id)`;

const tally = "count(*) AS files, coalesce(sum(bytes), 0) AS bytes";
const none: Tally = { files: 0, bytes: 0 };

/** Rows after `from` up to `to`, so that no look takes long however many there are. */
export interface Window {
  from: number;
  to: number;
}

/** The newest id of a table that is cleaned window by window. */
export function newestId(rows: Rows, table: "artifacts" | "blobs"): number {
  return rows.get<{ id: number | null }>(`SELECT max(id) AS id FROM ${table}`)?.id ?? 0;
}

/** The `limit`-th result of a job after `after`, or its last; null where there is none. */
export function endOfSlice(rows: Rows, jobId: number, after: number, limit: number): number | null {
  const row = rows.get<{ id: number | null }>(
    "SELECT max(id) AS id FROM (SELECT id FROM artifacts WHERE job_id = ? AND id > ? ORDER BY id LIMIT ?)",
    jobId,
    after,
    limit,
  );
  return row?.id ?? null;
}

/** Results of one kind that may go. */
export function countResults(
  rows: Rows,
  kind: keyof typeof kinds,
  before: number,
  jobId: number | null,
  window: Window,
): Tally {
  const [sql, values] = resultsThatMayGo(kind, before, jobId, window);
  return rows.get<Tally>(`SELECT ${tally} FROM (SELECT f.bytes ${sql})`, ...values) ?? none;
}

export interface CountedInput {
  blobId: number;
  bytes: number;
  /** Nothing but `holders` needs it, and this job is the first of them that has it. */
  goes: number;
}

/** A slice of a job's input files after `after`, and which of them go when `holders` lose theirs. */
export function countInputs(
  rows: Rows,
  holders: readonly number[],
  jobId: number,
  after: number,
  limit: number,
): CountedInput[] {
  return rows.all(
    `SELECT i.blob_id AS blobId, b.bytes,
            NOT EXISTS (SELECT 1 FROM job_blobs o WHERE o.blob_id = i.blob_id AND o.job_id < i.job_id)
            AND NOT EXISTS (SELECT 1 FROM job_blobs o WHERE o.blob_id = i.blob_id
                              AND o.job_id NOT IN (SELECT value FROM json_each(?)))
            AND NOT EXISTS (SELECT 1 FROM artifacts f WHERE f.blob_id = i.blob_id) AS goes
     FROM job_blobs i JOIN blobs b ON b.id = i.blob_id WHERE i.job_id = ? AND i.blob_id > ? ORDER BY i.blob_id LIMIT ?`,
    JSON.stringify(holders),
    jobId,
    after,
    limit,
  );
}

/** Blobs that belong to nothing and were not used since. */
export function countOrphans(rows: Rows, usedBefore: number, { from, to }: Window): Tally {
  return (
    rows.get<Tally>(
      `SELECT ${tally} FROM blobs b WHERE b.id > ? AND b.id <= ? AND b.used_at < ? AND ${unneeded}`,
      from,
      to,
      usedBefore,
    ) ?? none
  );
}

interface Let {
  blobId: number;
  bytes: number;
}

/** Lets the results of a window go; answers their blobs and sizes. */
export function letResultsGo(
  tx: Tx,
  kind: keyof typeof kinds,
  before: number,
  jobId: number | null,
  window: Window,
): Let[] {
  const [sql, values] = resultsThatMayGo(kind, before, jobId, window);
  const slice = tx.all<Let & { id: number }>(`SELECT f.id, f.blob_id AS blobId, f.bytes ${sql}`, ...values);
  if (slice.length === 0) return slice;
  tx.run(
    "UPDATE artifacts SET cleaned_at = ?, blob_id = NULL WHERE id IN (SELECT value FROM json_each(?))",
    tx.now,
    JSON.stringify(slice.map(({ id }) => id)),
  );
  return slice;
}

/** Notes that a job is losing its input files, so that it is not rendered again. */
export function markInputsCleaned(tx: Tx, jobId: number): void {
  tx.run("UPDATE jobs SET inputs_cleaned_at = coalesce(inputs_cleaned_at, ?) WHERE id = ?", tx.now, jobId);
}

/** Lets a slice of a job's input files go; answers their blobs. */
export function letInputsGo(tx: Tx, jobId: number, limit: number): number[] {
  const slice = tx.all<{ blobId: number }>(
    "SELECT blob_id AS blobId FROM job_blobs WHERE job_id = ? LIMIT ?",
    jobId,
    limit,
  );
  tx.run(
    "DELETE FROM job_blobs WHERE job_id = ? AND blob_id IN (SELECT value FROM json_each(?))",
    jobId,
    JSON.stringify(slice.map(({ blobId }) => blobId)),
  );
  return slice.map(({ blobId }) => blobId);
}

export interface Unneeded {
  id: number;
  sha256: string;
  bytes: number;
}
const blobColumns = "b.id, lower(hex(b.sha256)) AS sha256, b.bytes";

/** Of these blobs, those that nothing needs and (unless null) that were not used since. */
export function unneededOf(rows: Rows, ids: readonly number[], usedBefore: number | null): Unneeded[] {
  return rows.all(
    `SELECT ${blobColumns} FROM blobs b WHERE b.id IN (SELECT value FROM json_each(?))
       AND b.used_at < coalesce(?, b.used_at + 1) AND ${unneeded}`,
    JSON.stringify(ids),
    usedBefore,
  );
}

/** Blobs of a window that nothing needs and that were not used since. */
export function orphansIn(rows: Rows, usedBefore: number, { from, to }: Window): Unneeded[] {
  return rows.all(
    `SELECT ${blobColumns} FROM blobs b WHERE b.id > ? AND b.id <= ? AND b.used_at < ? AND ${unneeded}`,
    from,
    to,
    usedBefore,
  );
}

/** Removes the rows of those blobs that nothing needs even now. */
export function deleteUnneeded(
  tx: Tx,
  ids: readonly number[],
  usedBefore: number | null,
): Pick<Unneeded, "sha256" | "bytes">[] {
  return tx.all(
    `DELETE FROM blobs AS b WHERE b.id IN (SELECT value FROM json_each(?)) AND b.used_at < coalesce(?, b.used_at + 1)
       AND ${unneeded} RETURNING lower(hex(sha256)) AS sha256, bytes`,
    JSON.stringify(ids),
    usedBefore,
  );
}

/** Forgets an upload unless somebody went on with it since; false then. */
export function deleteStaleUpload(tx: Tx, id: number, before: number): boolean {
  return tx.run("DELETE FROM uploads WHERE id = ? AND used_at < ?", id, before).changes === 1;
}

/** The store's own words for all uploads in parts that are known. */
export function uploadReferences(rows: Rows): Set<string> {
  const all = rows.all<{ reference: string }>("SELECT reference FROM uploads");
  return new Set(all.map(({ reference }) => reference));
}

/** Uploads in parts that nobody went on with since, at most `limit`; those whose blob is here are not counted. */
export function staleUploads(
  rows: Rows,
  before: number,
  limit: number,
): { id: number; sha256: string; bytes: number; reference: string; isLeft: number }[] {
  return rows.all(
    `SELECT u.id, lower(hex(u.sha256)) AS sha256, u.bytes, u.reference,
            NOT EXISTS (SELECT 1 FROM blobs b WHERE b.sha256 = u.sha256) AS isLeft
     FROM uploads u WHERE u.used_at < ? ORDER BY u.id LIMIT ?`,
    before,
    limit,
  );
}
