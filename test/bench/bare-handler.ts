// The yardstick: hono and better-sqlite3 with the same row changes as a completed and a leased frame, group commit, and
// no check of anything. Whatever a broker promises beyond that, it pays above this.
import type { Server } from "node:http";
import { join } from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import Database from "better-sqlite3";
import { Hono } from "hono";
import { serveCalls } from "./child.ts";

let server: Server | undefined;
let insertTasks: ((count: number) => void) | undefined;

serveCalls({ start, fill: (count: number) => insertTasks?.(count) }, () => server?.closeAllConnections());

const schema = `
  CREATE TABLE steps (id INTEGER PRIMARY KEY, ready INTEGER NOT NULL, running INTEGER NOT NULL, succeeded INTEGER NOT NULL,
    measured_count INTEGER NOT NULL, measured_seconds REAL NOT NULL) STRICT;
  CREATE TABLE tasks (step_id INTEGER NOT NULL, ordinal INTEGER NOT NULL, rank INTEGER NOT NULL, state TEXT NOT NULL,
    generation INTEGER NOT NULL DEFAULT 1, PRIMARY KEY (step_id, ordinal)) STRICT, WITHOUT ROWID;
  CREATE INDEX tasks_ready ON tasks (step_id, rank) WHERE state = 'ready';
  CREATE TABLE leases (id INTEGER PRIMARY KEY, worker_id INTEGER NOT NULL, step_id INTEGER NOT NULL,
    opened_at INTEGER NOT NULL, closed_at INTEGER, last_seq INTEGER NOT NULL DEFAULT 0) STRICT;
  CREATE UNIQUE INDEX leases_open ON leases (worker_id) WHERE closed_at IS NULL;
  CREATE INDEX leases_step ON leases (step_id);
  CREATE TABLE attempts (id INTEGER PRIMARY KEY, lease_id INTEGER NOT NULL, step_id INTEGER NOT NULL,
    ordinal INTEGER NOT NULL, generation INTEGER NOT NULL, state TEXT NOT NULL, created_at INTEGER NOT NULL,
    started_at INTEGER, ended_at INTEGER, seconds REAL, exit_code INTEGER) STRICT;
  CREATE UNIQUE INDEX attempts_open ON attempts (step_id, ordinal) WHERE ended_at IS NULL;
  CREATE INDEX attempts_task ON attempts (step_id, ordinal);
  CREATE INDEX attempts_lease ON attempts (lease_id);
  CREATE TABLE events (cursor INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, job_id INTEGER, step TEXT,
    first INTEGER, last INTEGER, state TEXT, data TEXT) STRICT;
  CREATE INDEX events_job ON events (job_id, cursor) WHERE job_id IS NOT NULL;
  INSERT INTO steps VALUES (1, 0, 0, 0, 0, 0);`;

function start(folder: string): Promise<number> {
  const db = openFile(folder);
  const write = groupsOf(db);
  const change = changesOf(db);
  insertTasks = (count) => change.fill(count);
  const app = new Hono();
  let workers = 0;
  app.post("/v1/workers", (c) => c.json({ workerId: String(++workers) }, 201));
  app.delete("/v1/workers/:worker", (c) => c.body(null, 204));
  app.post("/v1/workers/:worker/leases", async (c) => {
    const lease = await write(() => change.lease(Number(c.req.param("worker"))));
    return c.json({ lease });
  });
  app.post("/v1/leases/:lease/reports", async (c) => {
    const report = await c.req.json<Report>();
    const next = await write(() => {
      const worker = change.complete(Number(c.req.param("lease")), report);
      return report.next ? change.lease(worker) : null;
    });
    return c.json({ seq: report.seq, next });
  });
  const listening = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false }) as Server;
  server = listening;
  return new Promise((done) => {
    listening.listen(0, "127.0.0.1", () => {
      const address = listening.address();
      done(typeof address === "object" && address ? address.port : 0);
    });
  });
}

interface Report {
  seq: number;
  next: boolean;
  items: { ordinal: number; seconds: number; exitCode: number }[];
}

function openFile(folder: string): Database.Database {
  const db = new Database(join(folder, "bare.db"));
  for (const pragma of [
    "journal_mode = WAL",
    "synchronous = FULL",
    "wal_autocheckpoint = 4000",
    "cache_size = -16000",
  ])
    db.pragma(pragma);
  db.exec(schema);
  return db;
}

/** Runs changes at once and answers them together after one COMMIT. */
function groupsOf(db: Database.Database): <T>(change: () => T) => Promise<T> {
  const begin = db.prepare("BEGIN IMMEDIATE");
  const commit = db.prepare("COMMIT");
  let group: (() => void)[] | null = null;
  return <T>(change: () => T) => {
    if (!group) {
      begin.run();
      const answers: (() => void)[] = (group = []);
      setImmediate(() => {
        group = null;
        commit.run();
        for (const answer of answers) answer();
      });
    }
    const value = change();
    const { promise, resolve } = Promise.withResolvers<T>();
    group.push(() => resolve(value));
    return promise;
  };
}

function changesOf(db: Database.Database) {
  const closeLease = db.prepare(
    "UPDATE leases SET closed_at = ?, last_seq = ? WHERE id = ? RETURNING worker_id AS worker",
  );
  const closeAttempt = db.prepare(
    "UPDATE attempts SET state = 'succeeded', started_at = ?, ended_at = ?, seconds = ?, exit_code = ? WHERE lease_id = ?",
  );
  const finishTask = db.prepare("UPDATE tasks SET state = 'succeeded' WHERE step_id = 1 AND ordinal = ?");
  const finished = db.prepare(
    "UPDATE steps SET running = running - 1, succeeded = succeeded + 1, measured_count = measured_count + 1, measured_seconds = measured_seconds + ? WHERE id = 1",
  );
  const started = db.prepare("UPDATE steps SET ready = ready - 1, running = running + 1 WHERE id = 1");
  const event = db.prepare(
    "INSERT INTO events (at, kind, job_id, step, first, last, state, data) VALUES (?, 'task.changed', 1, 'Render', ?, ?, ?, ?)",
  );
  const first = db.prepare(
    "SELECT ordinal FROM tasks WHERE step_id = 1 AND state = 'ready' ORDER BY rank LIMIT 1",
  );
  const openLease = db.prepare("INSERT INTO leases (worker_id, step_id, opened_at) VALUES (?, 1, ?)");
  const takeTask = db.prepare("UPDATE tasks SET state = 'running' WHERE step_id = 1 AND ordinal = ?");
  const openAttempt = db.prepare(
    "INSERT INTO attempts (lease_id, step_id, ordinal, generation, state, created_at) VALUES (?, 1, ?, 1, 'leased', ?)",
  );
  const addTasks = db.prepare(
    `WITH RECURSIVE n (ordinal) AS (SELECT (SELECT coalesce(max(ordinal), 0) + 1 FROM tasks) UNION ALL SELECT ordinal + 1 FROM n LIMIT ?)
     INSERT INTO tasks (step_id, ordinal, rank, state) SELECT 1, ordinal, ordinal, 'ready' FROM n`,
  );
  return {
    fill(count: number): void {
      addTasks.run(count);
      db.prepare("UPDATE steps SET ready = ready + ?").run(count);
    },
    complete(lease: number, { seq, items }: Report): number {
      const now = Date.now();
      const { worker } = closeLease.get(now, seq, lease) as { worker: number };
      for (const { ordinal, seconds, exitCode } of items) {
        closeAttempt.run(now, now, seconds, exitCode, lease);
        finishTask.run(ordinal);
        finished.run(seconds);
        event.run(
          now,
          ordinal,
          ordinal,
          "succeeded",
          JSON.stringify({ worker: `bench-${worker}`, seconds, attempt: lease }),
        );
      }
      return worker;
    },
    lease(worker: number) {
      const now = Date.now();
      const task = first.get() as { ordinal: number } | undefined;
      if (!task) return null;
      const { ordinal } = task;
      const leaseId = Number(openLease.run(worker, now).lastInsertRowid);
      takeTask.run(ordinal);
      const attempt = Number(openAttempt.run(leaseId, ordinal, now).lastInsertRowid);
      started.run();
      event.run(now, ordinal, ordinal, "running", JSON.stringify({ worker: `bench-${worker}` }));
      const parameters = { Frame: { type: "INT", value: String(ordinal) } };
      return {
        leaseId: String(leaseId),
        token: "0123456789abcdef0123456789abcdef",
        jobId: "1",
        jobNumber: 1,
        stepIndex: 0,
        sessionKey: "1",
        termMs: 30_000,
        tasks: [{ ordinal, generation: 1, attemptId: String(attempt), parameters }],
        actionParameters: parameters,
        frameParameter: "Frame",
      };
    },
  };
}
