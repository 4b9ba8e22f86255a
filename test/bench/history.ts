// A data folder with a long past, built by SQL through the real schema: jobs whose frames were all done, each with its
// lease, its try and its events.
import { join } from "node:path";
import { jobSettingsSchema } from "../../broker/contract/job.ts";
import { openDatabases } from "../../broker/store/open.ts";
import { root } from "../../scripts/files.ts";
import { frameJob } from "./bench.ts";

const jobs = 10;

/** Fills `folder` with `tasks` finished frames in ten jobs. */
export function fillWithHistory(folder: string, tasks: number): void {
  const databases = openDatabases(folder, join(root, "broker", "store", "migrations"));
  const db = databases.writer;
  db.pragma("synchronous = OFF");
  const each = tasks / jobs;
  const then = Date.now() - 86_400_000;
  const settings = JSON.stringify(jobSettingsSchema.parse({}));
  const requirements = JSON.stringify({ pool: null, blenderSeries: null, amounts: [], attributes: [] });
  const past = db.transaction(() => {
    db.prepare(
      "INSERT INTO tokens (hash, role, name, created_at) VALUES (randomblob(32), 'worker', 'past', ?)",
    ).run(then);
    db.prepare(
      `INSERT INTO workers (name, pool, token_id, state, os_family, agent_version, amounts, attributes, blenders, registered_at, ended_at)
       VALUES ('past', 'local', 1, 'stopped', 'linux', 'bench', '{}', '{}', '[]', ?, ?)`,
    ).run(then, then);
    for (let job = 1; job <= jobs; job++) {
      db.prepare(
        `INSERT INTO jobs (name, owner, priority, intent, state, task_count, labels, settings, parameters, template,
           environments, created_at, started_at, ended_at)
         VALUES ('past', 'past', 50, 'run', 'succeeded', ?, '{}', ?, '{}', ?, '[]', ?, ?, ?)`,
      ).run(each, settings, frameJob(each, "/bin/true").template, then, then, then);
      db.prepare(
        `INSERT INTO steps (job_id, idx, name, task_count, chunking, requirements, session_key, succeeded, measured_count, measured_seconds)
         VALUES (?, 0, 'Render', ?, 'none', ?, ?, ?, ?, 1)`,
      ).run(job, each, requirements, String(job), each, each);
      const first = (job - 1) * each;
      const numbers = `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n LIMIT ${each})`;
      db.exec(
        `${numbers} INSERT INTO tasks (step_id, ordinal, rank, state) SELECT ${job}, i, i, 'succeeded' FROM n;
         ${numbers} INSERT INTO leases (worker_id, step_id, opened_at, closed_at, last_seq) SELECT 1, ${job}, ${then}, ${then}, 1 FROM n;
         ${numbers} INSERT INTO attempts (lease_id, step_id, ordinal, generation, state, created_at, started_at, ended_at, seconds, exit_code, log_from, log_to)
           SELECT ${first} + i + 1, ${job}, i, 1, 'succeeded', ${then}, ${then}, ${then}, 0.01, 0, 0, 0 FROM n;
         ${numbers} INSERT INTO events (at, kind, job_id, step, first, last, state, data)
           SELECT ${then}, 'task.changed', ${job}, 'Render', i, i, 'running', '{"worker":"past"}' FROM n;
         ${numbers} INSERT INTO events (at, kind, job_id, step, first, last, state, data)
           SELECT ${then}, 'task.changed', ${job}, 'Render', i, i, 'succeeded', '{"worker":"past","seconds":0.01,"attempt":"att_' || (${first} + i + 1) || '"}' FROM n;`,
      );
    }
  });
  past();
  db.pragma("wal_checkpoint(TRUNCATE)");
  databases.close();
}
