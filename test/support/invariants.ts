// What must be true of a broker's rows after every step of a fault run, read in one turn of the loop.
import { expect } from "vitest";
import type { Database } from "better-sqlite3";
import type { TaskCounts } from "../../broker/contract/job.ts";
import type { JobIntent, JobState, WorkerIntent, WorkerState } from "../../broker/contract/states.ts";
import { isOver, rollup } from "../../broker/domain/rollup.ts";
import { askedOf, workerStateOf } from "../../broker/domain/worker-state.ts";
import { eventsAfter, newestCursor } from "../../broker/store/events.ts";
import { pausedPools } from "../../broker/store/pools.ts";
import { rowsOf } from "../../broker/store/tx.ts";

const states = ["blocked", "ready", "running", "succeeded", "failed", "canceled"] as const;

/** What somebody who only ever read events believes. */
interface Believed {
  state: string;
  steps: Map<string, string[]>;
}

export interface Invariants {
  /** Throws when anything is not as it must be. */
  check(db: Database): void;
  /** A job was acknowledged with so many frames: it must never go away. */
  acknowledged(job: number, tasks: number): void;
}

/** A watcher over one run, restarts of the broker included. */
export function createInvariants(): Invariants {
  const jobs = new Map<number, number>();
  const closed = new Map<number, string>();
  const believed = new Map<number, Believed>();
  let cursor = 0;

  function readEvents(db: Database): void {
    expect(newestCursor(db), "cursors never go back").toBeGreaterThanOrEqual(cursor);
    for (const event of eventsAfter(db, cursor, null, 1_000_000)) {
      expect(event.cursor, "cursors grow strictly").toBeGreaterThan(cursor);
      ({ cursor } = event);
      if (event.jobNumber === null) continue;
      if (event.kind === "job.created")
        believed.set(event.jobNumber, newJob(db, event.jobNumber, event.state ?? ""));
      const job = believed.get(event.jobNumber);
      expect(job, `an event of job ${event.jobNumber} before it was there`).toBeDefined();
      if (event.kind === "job.changed" && event.state !== null && job) job.state = event.state;
      if (event.kind !== "task.changed") continue;
      const tasks = job?.steps.get(event.step ?? "") ?? [];
      for (let ordinal = event.first ?? 0; ordinal <= (event.last ?? -1); ordinal++)
        tasks[ordinal] = event.state ?? "";
    }
  }

  return {
    acknowledged: (job, tasks) => jobs.set(job, tasks),
    check(db) {
      for (const [job, tasks] of jobs) {
        const count = db
          .prepare("SELECT count(*) FROM tasks t JOIN steps s ON s.id = t.step_id WHERE s.job_id = ?")
          .pluck()
          .get(job);
        expect(count, `frames of job ${job}`).toBe(tasks);
      }
      checkCounts(db);
      checkAttempts(db);
      checkWorkers(db);
      checkClosed(db, closed);
      readEvents(db);
      for (const [job, belief] of believed) {
        expect({ job, ...plain(belief) }, "events tell what is").toEqual({ job, ...snapshot(db, job) });
      }
    },
  };
}

const plain = (one: Believed) => ({ state: one.state, steps: Object.fromEntries(one.steps) });

function newJob(db: Database, job: number, state: string): Believed {
  const rows = db
    .prepare(
      "SELECT name, task_count AS count, EXISTS (SELECT 1 FROM step_dependencies d WHERE d.step_id = s.id) AS waits FROM steps s WHERE job_id = ?",
    )
    .all(job) as { name: string; count: number; waits: number }[];
  return {
    state,
    steps: new Map(
      rows.map((row) => [row.name, Array<string>(row.count).fill(row.waits ? "blocked" : "ready")]),
    ),
  };
}

function snapshot(db: Database, job: number) {
  const steps: Record<string, string[]> = {};
  const rows = db
    .prepare(
      "SELECT s.name, t.state FROM steps s JOIN tasks t ON t.step_id = s.id WHERE s.job_id = ? ORDER BY s.idx, t.ordinal",
    )
    .all(job) as { name: string; state: string }[];
  for (const row of rows) (steps[row.name] ??= []).push(row.state);
  return { state: db.prepare("SELECT state FROM jobs WHERE id = ?").pluck().get(job), steps };
}

/** Counts add up, and a job is what its rollup says. */
function checkCounts(db: Database): void {
  const sums = states.map((state) => `sum(t.state = '${state}') AS ${state}`).join(", ");
  const real = db.prepare(`SELECT t.step_id AS id, ${sums} FROM tasks t GROUP BY t.step_id ORDER BY 1`).all();
  expect(db.prepare(`SELECT id, ${states.join(", ")} FROM steps ORDER BY id`).all(), "counts add up").toEqual(
    real,
  );
  const sumsOfSteps = states.map((state) => `sum(s.${state}) AS ${state}`).join(", ");
  const rows = db
    .prepare(
      `SELECT j.id, j.state, j.intent, j.ended_at AS endedAt, ${sumsOfSteps} FROM jobs j JOIN steps s ON s.job_id = j.id GROUP BY j.id`,
    )
    .all() as (TaskCounts & { id: number; state: JobState; intent: JobIntent; endedAt: number | null })[];
  for (const { id, state, intent, endedAt, ...counts } of rows) {
    expect({ id, state }, JSON.stringify({ intent, ...counts })).toEqual({
      id,
      state: rollup(intent, counts, state === "loading"),
    });
    expect(endedAt !== null).toBe(isOver(state));
  }
}

/** One open attempt per running task and none elsewhere; a task succeeds once in a generation. */
function checkAttempts(db: Database): void {
  const none = (why: string, sql: string) => expect(db.prepare(sql).all(), why).toEqual([]);
  const open =
    "SELECT 1 FROM attempts a WHERE a.step_id = t.step_id AND a.ordinal = t.ordinal AND a.ended_at IS NULL";
  none(
    "a running task has one open attempt of its generation",
    `SELECT * FROM tasks t WHERE (state = 'running') <> EXISTS (${open} AND a.generation = t.generation)`,
  );
  none(
    "an open attempt is of an open lease",
    "SELECT * FROM attempts a JOIN leases l ON l.id = a.lease_id WHERE a.ended_at IS NULL AND l.closed_at IS NOT NULL",
  );
  none(
    "an open lease is of a live worker",
    "SELECT * FROM leases l JOIN workers w ON w.id = l.worker_id WHERE l.closed_at IS NULL AND w.ended_at IS NOT NULL",
  );
  none(
    "a task succeeds once in a generation",
    "SELECT step_id, ordinal, generation FROM attempts WHERE state = 'succeeded' GROUP BY 1, 2, 3 HAVING count(*) > 1",
  );
  none(
    "a succeeded task has the attempt that did it",
    `SELECT * FROM tasks t WHERE (state = 'succeeded') <> EXISTS (SELECT 1 FROM attempts a
       WHERE a.step_id = t.step_id AND a.ordinal = t.ordinal AND a.generation = t.generation AND a.state = 'succeeded')`,
  );
}

/** A worker's row says what is asked of it, by itself or with its pool. */
function checkWorkers(db: Database): void {
  const paused = pausedPools(rowsOf(db));
  const rows = db.prepare("SELECT id, pool, intent, state FROM workers WHERE ended_at IS NULL").all() as {
    id: number;
    pool: string;
    intent: WorkerIntent;
    state: WorkerState;
  }[];
  for (const { id, pool, intent, state } of rows)
    expect({ id, state }, intent).toEqual({
      id,
      state: workerStateOf(askedOf(intent, paused.includes(pool)), false),
    });
}

/** A closed attempt never changes. */
function checkClosed(db: Database, closed: Map<number, string>): void {
  const rows = db.prepare("SELECT * FROM attempts WHERE ended_at IS NOT NULL").all() as { id: number }[];
  const now = new Map(rows.map((row) => [row.id, JSON.stringify(row)]));
  for (const [id, row] of closed) expect(now.get(id), "a closed attempt never changes").toBe(row);
  for (const [id, row] of now) closed.set(id, row);
}

/** Nothing waits behind a step that is done, and nothing runs or is ready behind one that is not. */
export function isSettled(db: Database): boolean {
  const open =
    "EXISTS (SELECT 1 FROM step_dependencies d JOIN steps u ON u.id = d.depends_on WHERE d.step_id = s.id AND u.succeeded < u.task_count)";
  return (
    db
      .prepare(
        `SELECT 1 FROM steps s JOIN jobs j ON j.id = s.job_id WHERE CASE WHEN j.intent IN ('cancel', 'stop')
           THEN j.ended_at IS NULL AND s.ready + s.blocked > 0
           ELSE (s.blocked > 0 AND NOT ${open}) OR (s.ready + s.running > 0 AND ${open}) END LIMIT 1`,
      )
      .get() === undefined
  );
}
