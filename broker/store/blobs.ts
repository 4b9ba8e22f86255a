// Which bytes are in the store, by hash; uploads in parts that were begun; and the input files of jobs. The table is
// the authority: a row is written once the store has the bytes for good, and removed before they go.
import { randomUUID } from "node:crypto";
import type { BlobRef } from "../contract/blob.ts";
import { ensureMeta } from "./meta.ts";
import type { Rows, Tx } from "./tx.ts";

export interface BlobRow {
  id: number;
  sha256: string;
  bytes: number;
  /** 0: sent in parts, and nobody has read the whole yet. */
  verified: number;
}

/** How old `used_at` may grow before it is written anew, ms: not every question is to be a write. */
const usedWithinMs = 3_600_000;

const hex = (sha256: string) => Buffer.from(sha256, "hex");

/** The blobs of these hashes that are here, by hash. */
export function findBlobs(rows: Rows, sha256s: readonly string[]): Map<string, BlobRow> {
  const found = rows.all<BlobRow>(
    `SELECT b.id, j.value AS sha256, b.bytes, b.verified FROM json_each(?) j JOIN blobs b ON b.sha256 = unhex(j.value)
     WHERE b.dropped_at IS NULL`,
    JSON.stringify(sha256s),
  );
  return new Map(found.map((row) => [row.sha256, row]));
}

/** One blob, if it is here. */
export function findBlob(rows: Rows, sha256: string): BlobRow | undefined {
  return rows.get<BlobRow>(
    "SELECT id, lower(hex(sha256)) AS sha256, bytes, verified FROM blobs WHERE sha256 = ? AND dropped_at IS NULL",
    hex(sha256),
  );
}

/** Places in `sha256s`, from 0, of blobs that are not here. At most 10,000 of them at once. */
export function missingPlaces(rows: Rows, sha256s: readonly string[]): number[] {
  return rows
    .all<{ place: number }>(
      `SELECT j.key AS place FROM json_each(?) j
       WHERE NOT EXISTS (SELECT 1 FROM blobs b WHERE b.sha256 = unhex(j.value) AND b.dropped_at IS NULL)`,
      JSON.stringify(sha256s),
    )
    .map((row) => row.place);
}

/** Which of these hashes are known and were not noted as used within the hour. */
export function staleOf(rows: Rows, sha256s: readonly string[], now: number): string[] {
  return rows
    .all<{ sha256: string }>(
      `SELECT j.value AS sha256 FROM json_each(?) j JOIN blobs b ON b.sha256 = unhex(j.value) WHERE b.used_at < ?`,
      JSON.stringify(sha256s),
      now - usedWithinMs,
    )
    .map((row) => row.sha256);
}

/** Notes that blobs are in use now. */
export function touchBlobs(tx: Tx, sha256s: readonly string[]): void {
  tx.run(
    "UPDATE blobs SET used_at = ? WHERE sha256 IN (SELECT unhex(value) FROM json_each(?))",
    tx.now,
    JSON.stringify(sha256s),
  );
}

/** Writes down that the store has these bytes; returns the row's id. What is known already is noted as used. */
export function insertBlob(tx: Tx, blob: BlobRef, verified: boolean): number {
  const row = tx.get<{ id: number }>(
    `INSERT INTO blobs (sha256, bytes, verified, stored_at, used_at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (sha256) DO UPDATE SET used_at = excluded.used_at, dropped_at = NULL,
       bytes = CASE WHEN dropped_at IS NULL THEN bytes ELSE excluded.bytes END,
       verified = CASE WHEN dropped_at IS NULL THEN max(verified, excluded.verified) ELSE excluded.verified END
     RETURNING id`,
    hex(blob.sha256),
    blob.bytes,
    verified ? 1 : 0,
    tx.now,
    tx.now,
  );
  if (!row) throw new Error("an insert that returns no row");
  return row.id;
}

/** Somebody read the whole: it is what its name says. */
export function markVerified(tx: Tx, sha256: string): void {
  tx.run("UPDATE blobs SET verified = 1 WHERE sha256 = ?", hex(sha256));
}

/** The bytes are not what the name says, or not there: the blob is no longer here. */
export function dropBlob(tx: Tx, sha256: string): void {
  tx.run("UPDATE blobs SET dropped_at = ?, verified = 0 WHERE sha256 = ?", tx.now, hex(sha256));
}

/** Of these hashes, those that a job reads or made: what its workers may fetch. */
export function blobsOfJob(rows: Rows, jobId: number, sha256s: readonly string[]): Set<string> {
  // By the blob, not by the job (the plus): a job may have made a hundred thousand files.
  const found = rows.all<{ sha256: string }>(
    `SELECT j.value AS sha256 FROM json_each(?) j JOIN blobs b ON b.sha256 = unhex(j.value)
     WHERE EXISTS (SELECT 1 FROM job_blobs i WHERE i.job_id = ? AND i.blob_id = b.id)
        OR EXISTS (SELECT 1 FROM artifacts f WHERE f.blob_id = b.id AND +f.job_id = ?)`,
    JSON.stringify(sha256s),
    jobId,
    jobId,
  );
  return new Set(found.map((row) => row.sha256));
}

/** Writes down input files of a job; returns how many of the hashes were here. All different, at most some thousands. */
export function insertJobBlobs(tx: Tx, jobId: number, sha256s: readonly string[]): number {
  return tx.run(
    `INSERT INTO job_blobs (job_id, blob_id) SELECT ?, b.id FROM json_each(?) j JOIN blobs b ON b.sha256 = unhex(j.value)
     WHERE b.dropped_at IS NULL`,
    jobId,
    JSON.stringify(sha256s),
  ).changes;
}

export interface UploadRow {
  id: number;
  sha256: string;
  bytes: number;
  partBytes: number;
  /** The store's own word for it. */
  reference: string;
}
const uploadColumns = "id, lower(hex(sha256)) AS sha256, bytes, part_bytes AS partBytes, reference";

/** An upload in parts by its number. */
export function findUpload(rows: Rows, id: number): UploadRow | undefined {
  return rows.get(`SELECT ${uploadColumns} FROM uploads WHERE id = ?`, id);
}

/** The upload in parts of a hash, if one was begun. */
export function findUploadOf(rows: Rows, sha256: string): UploadRow | undefined {
  return rows.get(`SELECT ${uploadColumns} FROM uploads WHERE sha256 = ?`, hex(sha256));
}

/** Writes down an upload that was begun, in place of an older one of the same hash; returns its number. */
export function insertUpload(tx: Tx, upload: Omit<UploadRow, "id">): number {
  tx.run("DELETE FROM uploads WHERE sha256 = ?", hex(upload.sha256));
  return tx.run(
    "INSERT INTO uploads (sha256, bytes, part_bytes, reference, used_at) VALUES (?, ?, ?, ?, ?)",
    hex(upload.sha256),
    upload.bytes,
    upload.partBytes,
    upload.reference,
    tx.now,
  ).id;
}

/** Notes that somebody still sends parts. */
export function touchUpload(tx: Tx, id: number): void {
  tx.run("UPDATE uploads SET used_at = ? WHERE id = ?", tx.now, id);
}

export function deleteUpload(tx: Tx, id: number): void {
  tx.run("DELETE FROM uploads WHERE id = ?", id);
}

/** How many blobs are here, and how large they are together. */
export function countBlobs(rows: Rows): { blobs: number; bytes: number } {
  const row = rows.get<{ blobs: number; bytes: number }>(
    "SELECT count(*) AS blobs, coalesce(sum(bytes), 0) AS bytes FROM blobs WHERE dropped_at IS NULL",
  );
  return row ?? { blobs: 0, bytes: 0 };
}

/** The name by which this data folder owns its store: made once, kept by a restore. */
export function storeOwner(tx: Tx): string {
  return ensureMeta(tx, "storage.owner", randomUUID);
}
