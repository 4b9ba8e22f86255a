// Data folders with a past, built by SQL through the real schema: jobs whose frames were all done, each with its lease,
// its try and its events; and paused jobs whose frames ended in every which way.
import { join } from "node:path";
import type { Database } from "better-sqlite3";
import { jobSettingsSchema } from "../../broker/contract/job.ts";
import { openDatabases } from "../../broker/store/open.ts";
import { root } from "../../scripts/files.ts";
import { frameJob } from "./bench.ts";

const jobs = 10;

/** A data folder that is open to be filled, with one worker of the past. */
function withPast(folder: string, fill: (db: Database, past: number) => void): void {
  const databases = openDatabases(folder, join(root, "broker", "store", "migrations"));
  const db = databases.writer;
  db.pragma("synchronous = OFF");
  const past = Date.now() - 86_400_000;
  const filled = db.transaction(() => {
    db.prepare(
      "INSERT INTO tokens (hash, role, name, created_at) VALUES (randomblob(32), 'worker', 'past', ?)",
    ).run(past);
    db.prepare(
      `INSERT INTO workers (name, pool, token_id, state, os_family, agent_version, amounts, attributes, blenders, registered_at, ended_at)
       VALUES ('past', 'local', 1, 'stopped', 'linux', 'bench', '{}', '{}', '[]', ?, ?)`,
    ).run(past, past);
    fill(db, past);
  });
  filled();
  db.pragma("wal_checkpoint(TRUNCATE)");
  databases.close();
}

/** Adds job number `job` with one step of `tasks` tasks, without the tasks. */
function addJob(
  db: Database,
  {
    job,
    tasks,
    past,
    intent,
    state,
  }: Record<"job" | "tasks" | "past", number> & Record<"intent" | "state", string>,
): void {
  const settings = JSON.stringify(jobSettingsSchema.parse({}));
  const requirements = JSON.stringify({ pool: null, blenderSeries: null, amounts: [], attributes: [] });
  db.prepare(
    `INSERT INTO jobs (name, owner, priority, intent, state, task_count, labels, settings, parameters, template,
       environments, created_at, started_at, ended_at)
     VALUES ('past', 'past', 50, ?, ?, ?, '{}', ?, '{}', ?, '[]', ?, ?, ?)`,
  ).run(
    intent,
    state,
    tasks,
    settings,
    frameJob(tasks, "/bin/true").template,
    past,
    past,
    state === "succeeded" ? past : null,
  );
  db.prepare(
    `INSERT INTO steps (job_id, idx, name, task_count, chunking, requirements, session_key)
     VALUES (?, 0, 'Render', ?, 'none', ?, ?)`,
  ).run(job, tasks, requirements, String(job));
}

const numbers = (count: number) =>
  `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n LIMIT ${count})`;

/** Fills `folder` with `tasks` finished frames in ten jobs. */
export function fillWithHistory(folder: string, tasks: number): void {
  const each = tasks / jobs;
  withPast(folder, (db, past) => {
    for (let job = 1; job <= jobs; job++) {
      addJob(db, { job, tasks: each, past, intent: "run", state: "succeeded" });
      db.prepare("UPDATE steps SET succeeded = ?, measured_count = ?, measured_seconds = 1 WHERE id = ?").run(
        each,
        each,
        job,
      );
      const first = (job - 1) * each;
      db.exec(
        `${numbers(each)} INSERT INTO tasks (step_id, ordinal, rank, state) SELECT ${job}, i, i, 'succeeded' FROM n;
         ${numbers(each)} INSERT INTO leases (worker_id, step_id, opened_at, closed_at, last_seq) SELECT 1, ${job}, ${past}, ${past}, 1 FROM n;
         ${numbers(each)} INSERT INTO attempts (lease_id, step_id, ordinal, generation, state, created_at, started_at, ended_at, seconds, exit_code, log_from, log_to)
           SELECT ${first} + i + 1, ${job}, i, 1, 'succeeded', ${past}, ${past}, ${past}, 0.01, 0, 0, 0 FROM n;
         ${numbers(each)} INSERT INTO events (at, kind, job_id, step, first, last, state, data)
           SELECT ${past}, 'task.changed', ${job}, 'Render', i, i, 'running', '{"worker":"past"}' FROM n;
         ${numbers(each)} INSERT INTO events (at, kind, job_id, step, first, last, state, data)
           SELECT ${past}, 'task.changed', ${job}, 'Render', i, i, 'succeeded', '{"worker":"past","seconds":0.01,"attempt":"att_' || (${first} + i + 1) || '"}' FROM n;`,
      );
    }
  });
}

/** Some number below four for each frame, as if drawn by lot, and the same every time. */
const lot = "((i * 2654435761 % 4294967296) / 65536 % 4)";

/**
 * Fills `folder` with `count` paused jobs of `tasks` frames each: done, failed, canceled and waiting ones without any
 * order, so that hardly two neighbors are alike. A quarter failed, for a hundred different reasons.
 */
export function fillWithMixed(folder: string, count: number, tasks: number): void {
  withPast(folder, (db, past) => {
    for (let job = 1; job <= count; job++) {
      addJob(db, { job, tasks, past, intent: "pause", state: "paused" });
      db.exec(
        `${numbers(tasks)} INSERT INTO tasks (step_id, ordinal, rank, state)
           SELECT ${job}, i, i, CASE ${lot} WHEN 0 THEN 'succeeded' WHEN 1 THEN 'failed' WHEN 2 THEN 'canceled' ELSE 'ready' END FROM n;
         INSERT INTO leases (worker_id, step_id, opened_at, closed_at, last_seq) VALUES (1, ${job}, ${past}, ${past}, 1);
         INSERT INTO attempts (lease_id, step_id, ordinal, generation, state, created_at, started_at, ended_at, seconds, exit_code, log_from, log_to, reason)
           SELECT ${job}, ${job}, ordinal, 1, state, ${past}, ${past}, ${past}, 0.01, 0, 0, 0,
             CASE state WHEN 'failed' THEN 'The texture rock_' || (ordinal % 100) || '.exr is missing.' END
           FROM tasks WHERE step_id = ${job} AND state IN ('succeeded', 'failed');
         UPDATE steps SET (succeeded, failed, canceled, ready) = (SELECT sum(state = 'succeeded'), sum(state = 'failed'),
           sum(state = 'canceled'), sum(state = 'ready') FROM tasks WHERE step_id = ${job}) WHERE id = ${job};
         UPDATE jobs SET failed_tasks = (SELECT failed FROM steps WHERE id = ${job}) WHERE id = ${job};
         INSERT INTO events (at, kind, job_id, state) VALUES (${past}, 'job.created', ${job}, 'paused');`,
      );
    }
  });
}
