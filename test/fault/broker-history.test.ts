// No call may become slower because much was rendered before: every statement is looked up, none reads all there ever was.
import Database from "better-sqlite3";
import { randomUUID } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import { createSweeper } from "../../broker/service/sweep.ts";
import { submission, submit, untilState } from "../support/builders.ts";
import { joinWorker, started } from "../support/fake-worker.ts";
import { openReader } from "../support/feed-reader.ts";
import { testBroker } from "../support/start-broker.ts";

/** Scans that cannot grow with history, and why. */
const fine: RegExp[] = [
  // Rows that are made up on the spot, and lists of a few.
  /^SCAN (n|CONSTANT ROW|\d+ CONSTANT ROWS?)$/,
  // Partial indexes: only what is live or still to do is in them.
  /USING (COVERING )?INDEX (workers_live|workers_paused|launches_open|jobs_live|jobs_output|artifacts_pending)\b/,
  // Tokens are made by hand or by launches, and listed for an admin alone.
  /^SCAN tokens$/,
  // One pass over the steps of the job's own plan.
  /^SCAN sqlite_master/,
];

/** Newest first and at most a page: jobs, and workers that are gone. */
const isPage = (sql: string, detail: string) =>
  /^SCAN (jobs|workers)$/.test(detail) && /limit \?$/i.test(sql);

test("no call's cost grows with history: nothing reads all frames, tries or events", async () => {
  const broker = await testBroker();
  const { api } = broker;
  const seen = new Set<string>();
  const prepare = Reflect.get(Database.prototype, "prepare") as (
    this: Database.Database,
    sql: string,
  ) => Database.Statement;
  Database.prototype.prepare = function (this: Database.Database, sql: string) {
    seen.add(sql);
    return prepare.call(this, sql);
  } as never;
  onTestFinished(() => {
    Database.prototype.prepare = prepare as never;
  });

  const chain = [
    { name: "sim", frames: "1-4", chunk: 2 },
    { name: "render", frames: "1-4", dependsOn: ["sim"] },
  ];
  const { number } = await submit(api, chain, {
    outputPattern: "/x/####.png",
    maxFailedTasks: 1,
    maxRetries: 1,
  });
  await submit(api, [{ frames: "1-9", chunk: 3, targetSeconds: 9 }], {
    outputPattern: "/x/####.png",
    allowSharedOutput: true,
  });
  const worker = await joinWorker(broker);
  await worker.succeed(await worker.work());
  const held = await worker.work();
  await worker.report(held, [started(held.lease.tasks[0]?.ordinal ?? 0)]);
  await worker.renew(held);
  await worker.orders();
  await worker.fail(held);
  for (let next = await worker.lease(); next; next = await worker.lease()) await worker.fail(next);
  await untilState(api, number, "failed");
  await api.ok("requeueTasks", { params: { job: number }, body: { failedOnly: true } });
  await api.ok("setJobPriority", { params: { job: number }, body: { priority: 60 } });
  for (const intent of ["pause", "run", "cancel"])
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await api.ok("setJobIntent", { params: { job: number }, body: { intent } });
  const params = { job: number };
  const reads = [
    api.ok("listJobs"),
    api.ok("listJobs", { query: { owner: "x" } }),
    api.ok("listJobs", { query: { state: "running" } }),
    api.ok("getJob", { params }),
    api.ok("listTasks", { params, query: { after: "0-1", state: "ready" } }),
    api.ok("listAttempts", { params, query: { after: "9" } }),
    api.ok("listAttempts", { params, query: { ordinal: 1, step: "sim" } }),
    api.ok("listArtifacts", { params }),
    api.ok("listArtifacts", { params, query: { step: "sim", ordinal: 1, kind: "any" } }),
    api.ok("listWorkers", { query: { all: true } }),
    api.ok("listEvents", { query: { after: 3, job: number } }),
    api.ok("listEvents", { query: { after: 3 } }),
    api.ok("planJob", { body: submission() }),
    api.ok("listTokens"),
    api.raw("readLog", { params: { attempt: "att_1" } }),
  ];
  await Promise.all(reads);
  await api.problem("submitJob", "invalid", { headers: { "idempotency-key": randomUUID() }, body: {} });
  await openReader(broker, `jobs,workers,job:${number},log:att_1`).next("tick");
  await createSweeper(broker.broker).sweep();
  await worker.leave();

  const { reader } = broker.broker;
  expect(seen.size).toBeGreaterThan(40);
  const scans = [...seen].flatMap((sql) => {
    if (!/^\s*(select|insert|update|delete|with)\b/i.test(sql)) return [];
    const plan = prepare.call(reader, `EXPLAIN QUERY PLAN ${sql}`);
    const holes = Array(sql.split("?").length - 1).fill(null);
    return (plan.all(...holes) as { detail: string }[])
      .map(({ detail }) => detail)
      .filter((detail) => detail.startsWith("SCAN") && !fine.some((one) => one.test(detail)))
      .filter((detail) => !isPage(sql, detail))
      .map((detail) => `${detail}: ${sql}`);
  });
  expect(scans).toEqual([]);
  // A worker that asks for work is not to wait for a whole step to be read: a large one costs 15 ms a lease.
  const forWork = [...seen].filter((sql) => /FROM tasks\b[^;]*state = 'ready'/.test(sql));
  expect(forWork.length).toBeGreaterThan(2);
  const whole = forWork.filter((sql) =>
    (
      prepare.call(reader, `EXPLAIN QUERY PLAN ${sql}`).all(...Array(sql.split("?").length - 1).fill(1)) as {
        detail: string;
      }[]
    ).some(({ detail }) => detail.endsWith("USING PRIMARY KEY (step_id=?)")),
  );
  expect(whole).toEqual([]);
  // One frame of many: the files of the others are not read to find its own.
  const ofFrame = [...seen].filter((sql) => /\bartifacts f\b[^;]*a\.ordinal = cast/.test(sql));
  expect(ofFrame).toHaveLength(1);
  for (const sql of ofFrame) {
    const plan = prepare
      .call(reader, `EXPLAIN QUERY PLAN ${sql}`)
      .all(...Array(sql.split("?").length - 1).fill(1));
    expect(JSON.stringify(plan)).toContain("SEARCH f USING INDEX artifacts_attempt");
  }
  // The newest tries of a job: a page of them is not made by sorting all there were.
  const newest = [...seen].filter(
    (sql) => /order by[^;]*"attempts"."id" desc limit/.test(sql) && !sql.includes('"ordinal" = ?'),
  );
  expect(newest.length).toBeGreaterThan(0);
  for (const sql of newest) {
    const plan = prepare
      .call(reader, `EXPLAIN QUERY PLAN ${sql}`)
      .all(...Array(sql.split("?").length - 1).fill(1));
    expect(JSON.stringify(plan), sql).not.toContain("TEMP B-TREE");
  }
  // A person or a state that few jobs have: the others are not read to find them.
  const plans = [...seen]
    .filter((sql) => /from "jobs" where .*"(owner|state)" = \?/.test(sql))
    .map((sql) => prepare.call(reader, `EXPLAIN QUERY PLAN ${sql}`).all("", "", 1) as { detail: string }[]);
  expect(plans.map((plan) => plan.map(({ detail }) => detail))).toEqual([
    [expect.stringContaining("SEARCH jobs USING INDEX jobs_owner")],
    [expect.stringContaining("SEARCH jobs USING INDEX jobs_state")],
  ]);
});
