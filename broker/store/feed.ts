// What the feed reads: jobs, steps and states as small as they can be, in pieces; and the rows in `meta` that say which
// history this is and how far back it goes.
import { randomBytes } from "node:crypto";
import Database from "better-sqlite3";
import type { Job, JobDetail, Step } from "../contract/job.ts";
import { stateLetters } from "../contract/feed-words.ts";
import type { JobIntent, JobState } from "../contract/states.ts";
import { ensureMeta, readMeta, writeMeta } from "./meta.ts";
import type { Reader, Rows, Tx } from "./tx.ts";

/** A read-only connection of the feed's own: its transactions stay open over several turns of the loop. */
export function openSnapshotReader(path: string): Reader {
  const db = new Database(path, { readonly: true });
  db.pragma("query_only = ON");
  db.pragma("cache_size = -4000");
  return db;
}

/** The word for this history: cursors of another one mean nothing here. Made once. */
export function ensureEpoch(tx: Tx): string {
  return ensureMeta(tx, epochKey, () => randomBytes(6).toString("hex"));
}

/** After a restore the same numbers mean other events: every reader begins anew. Takes effect at the next start. */
export function renewEpoch(db: Database.Database): void {
  db.prepare("DELETE FROM meta WHERE key = ?").run(epochKey);
}

const epochKey = "feed.epoch";
const prunedKey = "feed.pruned";

/** The newest cursor whose event may be gone; 0 when none is. Resuming behind it or later is exact. */
export function prunedTo(rows: Rows): number {
  return Number(readMeta(rows, prunedKey) ?? 0);
}

export interface PruneRule {
  /** Events before this time go, ms since 1970. */
  before: number;
  /** Events beyond so many newest ones go. */
  rows: number;
}

/** Removes at most `limit` of the oldest events; true when there may be more. The newest one always stays. */
export function pruneSlice(tx: Tx, rule: PruneRule, limit: number): boolean {
  const newest = tx.get<{ cursor: number | null }>("SELECT max(cursor) AS cursor FROM events")?.cursor ?? 0;
  const oldest = tx.all<{ cursor: number; at: number }>(
    "SELECT cursor, at FROM events ORDER BY cursor LIMIT ?",
    limit,
  );
  let last = 0;
  let count = 0;
  for (const { cursor, at } of oldest) {
    if (cursor === newest || (at >= rule.before && cursor > newest - rule.rows)) break;
    last = cursor;
    count++;
  }
  if (count === 0) return false;
  tx.run("DELETE FROM events WHERE cursor <= ?", last);
  writeMeta(tx, prunedKey, String(last));
  return count === limit;
}

interface JobRow {
  id: number;
  name: string;
  owner: string;
  state: JobState;
  intent: JobIntent;
  intentReason: string | null;
  priority: number;
  labels: string;
  taskCount: number;
  deliveredFiles: number;
  createdAt: number;
  startedAt: number | null;
  endedAt: number | null;
  outputPattern: string | null;
  templateName: string | null;
  picture: string | null;
  blocked: number;
  ready: number;
  running: number;
  succeeded: number;
  failed: number;
  canceled: number;
}

const time = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());

/** One job as lists show it, or undefined when there is none (yet). */
export function readJob(rows: Rows, jobId: number): Job | undefined {
  const row = rows.get<JobRow>(
    `SELECT j.id, j.name, j.owner, j.state, j.intent, j.intent_reason AS intentReason, j.priority, j.labels,
            j.task_count AS taskCount, j.delivered_files AS deliveredFiles, j.created_at AS createdAt,
            j.started_at AS startedAt, j.ended_at AS endedAt, j.output_pattern AS outputPattern,
            j.template_name AS templateName, j.picture, sum(s.blocked) AS blocked, sum(s.ready) AS ready,
            sum(s.running) AS running, sum(s.succeeded) AS succeeded, sum(s.failed) AS failed, sum(s.canceled) AS canceled
     FROM jobs j JOIN steps s ON s.job_id = j.id WHERE j.id = ? AND j.state <> 'loading' GROUP BY j.id`,
    jobId,
  );
  if (!row) return undefined;
  const { id, labels, createdAt, startedAt, endedAt, ...rest } = row;
  const { blocked, ready, running, succeeded, failed, canceled, ...plain } = rest;
  return {
    id: `job_${id}`,
    number: id,
    ...plain,
    labels: JSON.parse(labels) as Record<string, string>,
    counts: { blocked, ready, running, succeeded, failed, canceled },
    createdAt: time(createdAt) as string,
    startedAt: time(startedAt),
    endedAt: time(endedAt),
  };
}

/** Ids of the jobs that are not over, newest first, and of the `ended` that ended last. */
export function shownJobs(rows: Rows, ended: number): number[] {
  // The plus: else SQLite would rather read all there ever were in order than sort the live ones.
  const live = rows.all<{ id: number }>(
    "SELECT id FROM jobs WHERE ended_at IS NULL AND state <> 'loading' ORDER BY +id DESC",
  );
  const over = rows.all<{ id: number }>(
    "SELECT id FROM jobs WHERE ended_at IS NOT NULL ORDER BY ended_at DESC LIMIT ?",
    ended,
  );
  return [...live, ...over].map((row) => row.id);
}

export interface FeedStep extends Step {
  id: number;
}

/** The steps of a job, in order. */
export function readSteps(rows: Rows, jobId: number): FeedStep[] {
  return rows
    .all<
      Omit<FeedStep, "dependsOn" | "counts"> &
        Record<"blocked" | "ready" | "running" | "succeeded" | "failed" | "canceled", number> & {
          dependsOn: string;
        }
    >(
      `SELECT s.id, s.idx AS "index", s.name, s.task_count AS taskCount, s.blocked, s.ready, s.running, s.succeeded,
              s.failed, s.canceled, s.measured_seconds / nullif(s.measured_count, 0) AS meanSeconds,
              (SELECT json_group_array(u.name ORDER BY u.idx) FROM step_dependencies d JOIN steps u ON u.id = d.depends_on
               WHERE d.step_id = s.id) AS dependsOn
       FROM steps s WHERE s.job_id = ? ORDER BY s.idx`,
      jobId,
    )
    .map(({ dependsOn, blocked, ready, running, succeeded, failed, canceled, ...step }) => ({
      ...step,
      dependsOn: JSON.parse(dependsOn) as string[],
      counts: { blocked, ready, running, succeeded, failed, canceled },
    }));
}

/** The values of a job's parameters. */
export function readParameters(rows: Rows, jobId: number): JobDetail["parameters"] {
  const row = rows.get<{ parameters: string }>("SELECT parameters FROM jobs WHERE id = ?", jobId);
  return row ? (JSON.parse(row.parameters) as JobDetail["parameters"]) : {};
}

const letterOf = `CASE state ${Object.entries(stateLetters)
  .map(([state, letter]) => `WHEN '${state}' THEN '${letter}'`)
  .join(" ")} END`;

/** The states of `count` tasks from ordinal `from` on, a letter each; put together inside SQLite, which is far faster than row by row. */
export function readLetters(rows: Rows, stepId: number, from: number, count: number): string {
  const row = rows.get<{ letters: string | null }>(
    `SELECT group_concat(${letterOf}, '' ORDER BY ordinal) AS letters FROM tasks
     WHERE step_id = ? AND ordinal >= ? AND ordinal < ?`,
    stepId,
    from,
    from + count,
  );
  return row?.letters ?? "";
}
