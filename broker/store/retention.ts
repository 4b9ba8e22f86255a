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

/** The times of a rule as a table of one row, so that each is bound once; NULL compares with nothing. */
const rule = `WITH rule (delivered, undelivered, inputs, job) AS
  (SELECT cast(? AS integer), cast(? AS integer), cast(? AS integer), cast(? AS integer))`;
const valuesOf = (what: Retention) =>
  [what.deliveredBefore, what.undeliveredBefore, what.inputsBefore, what.jobId] as const;

/** Left out because another file was there, and no newer one counts: ours is the only one. */
const isLeftOut = `(f.problem IS NOT NULL AND ${isCurrent})`;
const isHome = `(f.delivered_at < rule.delivered AND NOT ${isLeftOut})`;
/** A result or preview `f` of the job `j` that the rule lets go. */
const mayGo = `(f.cleaned_at IS NULL AND j.ended_at IS NOT NULL AND (rule.job IS NULL OR f.job_id = rule.job)
  AND CASE WHEN f.preview_of IS NOT NULL THEN j.ended_at < rule.inputs
      ELSE ${isHome} OR (f.delivered_at IS NULL OR ${isLeftOut}) AND j.ended_at < rule.undelivered END)`;
const withJob = "JOIN jobs j ON j.id = f.job_id JOIN attempts a ON a.id = f.attempt_id";
const way = `CASE WHEN f.preview_of IS NOT NULL THEN 'previews' WHEN ${isHome} THEN 'results' ELSE 'undelivered' END AS way`;
export type Way = "results" | "undelivered" | "previews";

/** Results of a window, and of one job where it is named. */
const inWindow = (jobId: number | null) =>
  `f.id > ? AND f.id <= ? ${jobId === null ? "" : "AND f.job_id = ?"} AND f.blob_id IS NOT NULL`;
const windowValues = ({ from, to }: Window, jobId: number | null) =>
  jobId === null ? [from, to] : [from, to, jobId];

/** Jobs that are over and still hold input files, after a number; by the files, so that no history is read. */
const holders = `WITH RECURSIVE h (id) AS (
    SELECT min(job_id) FROM job_blobs WHERE job_id > ?
    UNION ALL SELECT (SELECT min(i.job_id) FROM job_blobs i WHERE i.job_id > h.id) FROM h WHERE h.id IS NOT NULL
  ) SELECT j.id FROM h CROSS JOIN jobs j ON j.id = h.id WHERE (j.ended_at < ? OR j.inputs_cleaned_at IS NOT NULL)`;
const oneHolder = `SELECT id FROM jobs WHERE id > ? AND ended_at < ? AND id = ?
  AND EXISTS (SELECT 1 FROM job_blobs i WHERE i.job_id = jobs.id)`;

/** The next job after `after` that is to lose its input files; one that began to lose them goes on whatever `before`. */
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

/** A blob `b` that a job reads; a job that was cleaned only remembers what it had, until that leaves the disk. */
const isInput = `EXISTS (SELECT 1 FROM job_blobs i JOIN jobs h ON h.id = i.job_id
  WHERE i.blob_id = b.id AND h.inputs_cleaned_at IS NULL)`;
const isResult = "EXISTS (SELECT 1 FROM artifacts r WHERE r.blob_id = b.id)";
/** A blob `b` that nothing needs: no job and no result. */
const unneeded = `NOT ${isInput} AND NOT ${isResult}`;
/** A blob `b` of a result that the rule lets stay. */
const stays = `EXISTS (SELECT 1 FROM rule, artifacts f ${withJob} WHERE f.blob_id = b.id AND ${mayGo} IS NOT TRUE)`;
/** Used too lately to leave the disk now; the value null: nothing is. */
const isLater = "b.used_at >= coalesce(?, b.used_at + 1)";

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

/** What results of a window free when all goes that may: each blob at its last result, unless a job reads it. */
export function countResults(
  rows: Rows,
  what: Retention,
  usedBefore: number | null,
  window: Window,
): (Tally & { way: Way; isLater: number })[] {
  return rows.all(
    `${rule} SELECT ${way}, ${isLater} AS isLater, count(*) AS files, sum(b.bytes) AS bytes
     FROM rule, artifacts f ${withJob} JOIN blobs b ON b.id = f.blob_id
     WHERE ${inWindow(what.jobId)} AND ${mayGo} AND b.dropped_at IS NULL AND NOT ${isInput}
       AND NOT EXISTS (SELECT 1 FROM artifacts n WHERE n.blob_id = f.blob_id AND n.id > f.id) AND NOT ${stays}
     GROUP BY 1, 2`,
    ...valuesOf(what),
    usedBefore,
    ...windowValues(window, what.jobId),
  );
}

export interface CountedInput {
  blobId: number;
  bytes: number;
  isLater: number;
  /** It is freed when `holders` lose theirs, and this job is the first of them that has it. */
  goes: number;
}

/** A slice of a job's input files after `after`, and which of them go when `holders` lose theirs and results go by the rule. */
export function countInputs(
  rows: Rows,
  what: Retention,
  usedBefore: number | null,
  list: readonly number[],
  jobId: number,
  after: number,
  limit: number,
): CountedInput[] {
  const isHolder = "o.job_id IN (SELECT value FROM json_each(?))";
  const others = JSON.stringify(list);
  return rows.all(
    `${rule} SELECT i.blob_id AS blobId, b.bytes, ${isLater} AS isLater, b.dropped_at IS NULL
       AND NOT EXISTS (SELECT 1 FROM job_blobs o WHERE o.blob_id = b.id AND o.job_id < i.job_id AND ${isHolder})
       AND NOT EXISTS (SELECT 1 FROM job_blobs o JOIN jobs h ON h.id = o.job_id
                       WHERE o.blob_id = b.id AND h.inputs_cleaned_at IS NULL AND NOT ${isHolder})
       AND (${isInput} OR NOT ${isResult}) AND NOT ${stays} AS goes
     FROM job_blobs i JOIN blobs b ON b.id = i.blob_id WHERE i.job_id = ? AND i.blob_id > ? ORDER BY i.blob_id LIMIT ?`,
    ...valuesOf(what),
    usedBefore,
    others,
    others,
    jobId,
    after,
    limit,
  );
}

/** Blobs that belong to nothing, nor did, and were not used since. */
const orphans = `FROM blobs b WHERE b.id > ? AND b.id <= ? AND b.used_at < ? AND NOT ${isResult}
  AND NOT EXISTS (SELECT 1 FROM job_blobs i WHERE i.blob_id = b.id)`;

export function countOrphans(rows: Rows, usedBefore: number, { from, to }: Window): Tally {
  const sql = `SELECT count(*) AS files, coalesce(sum(b.bytes), 0) AS bytes ${orphans} AND b.dropped_at IS NULL`;
  return rows.get<Tally>(sql, from, to, usedBefore) ?? { files: 0, bytes: 0 };
}

/** Lets the results of a window go; answers the blob of each and how it goes, oldest first. */
export function letResultsGo(tx: Tx, what: Retention, window: Window): { blobId: number; way: Way }[] {
  const slice = tx.all<{ id: number; blobId: number; way: Way }>(
    `${rule} SELECT f.id, f.blob_id AS blobId, ${way} FROM rule, artifacts f ${withJob}
     WHERE ${inWindow(what.jobId)} AND ${mayGo} ORDER BY f.id`,
    ...valuesOf(what),
    ...windowValues(window, what.jobId),
  );
  if (slice.length === 0) return slice;
  const ids = JSON.stringify(slice.map(({ id }) => id));
  tx.run(
    "UPDATE artifacts SET cleaned_at = ?, blob_id = NULL WHERE id IN (SELECT value FROM json_each(?))",
    tx.now,
    ids,
  );
  // The previews of a job go together: none is left to be its picture.
  tx.run(
    `UPDATE jobs SET picture = NULL WHERE picture IS NOT NULL AND id IN
       (SELECT job_id FROM artifacts WHERE preview_of IS NOT NULL AND id IN (SELECT value FROM json_each(?)))`,
    ids,
  );
  return slice;
}

/** Notes that a job is losing its input files, so that it is not rendered again. */
export function markInputsCleaned(tx: Tx, jobId: number): void {
  tx.run("UPDATE jobs SET inputs_cleaned_at = coalesce(inputs_cleaned_at, ?) WHERE id = ?", tx.now, jobId);
}

/** Lets a slice of a cleaned job's input files after `after` go: forgets what others need, answers all of them. */
export function letInputsGo(tx: Tx, jobId: number, after: number, limit: number): number[] {
  const ids = tx
    .all<{ blobId: number }>(
      "SELECT blob_id AS blobId FROM job_blobs WHERE job_id = ? AND blob_id > ? ORDER BY blob_id LIMIT ?",
      jobId,
      after,
      limit,
    )
    .map(({ blobId }) => blobId);
  tx.run(
    `DELETE FROM job_blobs WHERE job_id = ? AND blob_id IN
       (SELECT b.id FROM blobs b WHERE b.id IN (SELECT value FROM json_each(?)) AND (${isInput} OR ${isResult}))`,
    jobId,
    JSON.stringify(ids),
  );
  return ids;
}

export interface Unneeded {
  id: number;
  sha256: string;
  bytes: number;
  isLater: number;
  /** Its bytes are in the store: not so where a reader found others in their place. */
  isHere: number;
}
const blobColumns = `b.id, lower(hex(b.sha256)) AS sha256, b.bytes, ${isLater} AS isLater, b.dropped_at IS NULL AS isHere`;

/** Of these blobs, those that nothing needs. */
export function unneededOf(rows: Rows, ids: readonly number[], usedBefore: number | null): Unneeded[] {
  return rows.all(
    `SELECT ${blobColumns} FROM blobs b WHERE b.id IN (SELECT value FROM json_each(?)) AND ${unneeded}`,
    usedBefore,
    JSON.stringify(ids),
  );
}

/** Blobs of a window that belong to nothing and were not used since. */
export function orphansIn(rows: Rows, usedBefore: number, { from, to }: Window): Unneeded[] {
  return rows.all(`SELECT ${blobColumns} ${orphans}`, null, from, to, usedBefore);
}

/** What an earlier cleaning let go of a job's results and left on the disk for a day; of a window, by their contents. */
export function leftoversIn(rows: Rows, jobId: number, { from, to }: Window): (Unneeded & { way: Way })[] {
  return rows.all(
    `SELECT ${blobColumns}, CASE WHEN f.preview_of IS NOT NULL THEN 'previews'
              WHEN f.delivered_at IS NULL THEN 'undelivered' ELSE 'results' END AS way, max(f.id)
     FROM artifacts f JOIN blobs b ON b.sha256 = unhex(f.sha256)
     WHERE f.job_id = ? AND f.id > ? AND f.id <= ? AND f.blob_id IS NULL AND f.cleaned_at IS NOT NULL AND ${unneeded}
       AND NOT EXISTS (SELECT 1 FROM job_blobs i WHERE i.blob_id = b.id AND i.job_id = f.job_id)
     GROUP BY b.id`,
    null,
    jobId,
    from,
    to,
  );
}

/** Removes the rows of those blobs that nothing needs even now. */
export function deleteUnneeded(
  tx: Tx,
  ids: readonly number[],
  usedBefore: number | null,
): Pick<Unneeded, "id" | "sha256" | "bytes" | "isHere">[] {
  const free = tx.all<Unneeded>(
    `SELECT ${blobColumns} FROM blobs b WHERE b.id IN (SELECT value FROM json_each(?)) AND NOT ${isLater} AND ${unneeded}`,
    usedBefore,
    JSON.stringify(ids),
    usedBefore,
  );
  const list = JSON.stringify(free.map(({ id }) => id));
  tx.run("DELETE FROM job_blobs WHERE blob_id IN (SELECT value FROM json_each(?))", list);
  tx.run("DELETE FROM blobs WHERE id IN (SELECT value FROM json_each(?))", list);
  return free;
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
