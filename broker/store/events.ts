// Events: immutable rows written in the transaction of the change they tell, and read back by cursor.
import type { Database } from "better-sqlite3";
import type { Event } from "../contract/attempt.ts";
import type { Tx } from "./tx.ts";

export interface NewEvent {
  kind: Event["kind"];
  jobId?: number;
  step?: string;
  first?: number;
  last?: number;
  state?: string;
  data?: Record<string, unknown>;
}

/** Writes one event; it becomes visible with the COMMIT of its transaction. */
export function addEvent(tx: Tx, event: NewEvent): void {
  tx.run(
    "INSERT INTO events (at, kind, job_id, step, first, last, state, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    tx.now,
    event.kind,
    event.jobId ?? null,
    event.step ?? null,
    event.first ?? null,
    event.last ?? event.first ?? null,
    event.state ?? null,
    event.data ? JSON.stringify(event.data) : null,
  );
}

interface EventRow {
  cursor: number;
  at: number;
  kind: Event["kind"];
  job_id: number | null;
  step: string | null;
  first: number | null;
  last: number | null;
  state: string | null;
  data: string | null;
}

/** The newest cursor, 0 when nothing ever happened. */
export function newestCursor(db: Database): number {
  return (
    (db.prepare("SELECT max(cursor) AS cursor FROM events").get() as { cursor: number | null }).cursor ?? 0
  );
}

/** At most `limit` events after `cursor`, of one job or of all. */
export function eventsAfter(db: Database, cursor: number, jobId: number | null, limit: number): Event[] {
  const rows = (
    jobId === null
      ? db.prepare("SELECT * FROM events WHERE cursor > ? ORDER BY cursor LIMIT ?").all(cursor, limit)
      : db
          .prepare("SELECT * FROM events WHERE job_id = ? AND cursor > ? ORDER BY cursor LIMIT ?")
          .all(jobId, cursor, limit)
  ) as EventRow[];
  return rows.map((row) => ({
    cursor: row.cursor,
    at: new Date(row.at).toISOString(),
    kind: row.kind,
    jobId: row.job_id === null ? null : `job_${row.job_id}`,
    jobNumber: row.job_id,
    step: row.step,
    first: row.first,
    last: row.last,
    state: row.state,
    data: row.data === null ? null : (JSON.parse(row.data) as Record<string, unknown>),
  }));
}
