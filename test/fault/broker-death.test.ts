// The broker itself has a bad day: killed in the middle, started twice, its port taken.
import { createServer } from "node:http";
import { once } from "node:events";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { AddressInfo } from "node:net";
import Database from "better-sqlite3";
import { expect, onTestFinished, test } from "vitest";
import { FolderInUseError } from "../../broker/store/open.ts";
import { PortTakenError, startBroker } from "../../broker/main.ts";
import { brokerProcess, type BrokerProcess } from "../support/broker-process.ts";
import { submission, submit, taskStatesOf, untilState } from "../support/builders.ts";
import { registration, started, succeeded, workerAt, type FakeWorker } from "../support/fake-worker.ts";
import { openBroker, testBroker, testFolder } from "../support/start-broker.ts";

test("a taken port ends with a sentence", async () => {
  const other = createServer();
  other.listen(0, "127.0.0.1");
  await once(other, "listening");
  onTestFinished(() => void other.close());
  const { port } = other.address() as AddressInfo;
  const dataFolder = testFolder();
  const refused = startBroker({ dataFolder, port, launcher: null });
  await expect(refused).rejects.toThrow(PortTakenError);
  await expect(refused).rejects.toThrow(`--port ${port + 1}`);
  // It let go of the folder.
  await (await openBroker({ dataFolder })).stop();
});

test("a second broker on the same data folder ends with a sentence, from another process too", async () => {
  const dataFolder = testFolder();
  const first = await testBroker({ dataFolder });
  await expect(startBroker({ dataFolder, port: 0, launcher: null })).rejects.toThrow(FolderInUseError);
  await expect(brokerProcess(dataFolder)).rejects.toThrow(
    /^Another Tally broker already uses the data folder/,
  );
  await submit(first.api);
  await first.stop();
  const next = await brokerProcess(dataFolder);
  expect((await next.api.ok("listJobs")).items).toHaveLength(1);
});

/** A worker whose token and id outlive the broker's process. */
async function workerOf(at: BrokerProcess, name = "pc"): Promise<FakeWorker> {
  const { token } = await at.api.ok("createToken", { body: { role: "worker", name } });
  const api = at.api.as(token);
  const { workerId } = await api.ok("registerWorker", { body: registration({ name }) });
  return workerAt({ broker: undefined as never }, api, workerId, token);
}

test("killed (SIGKILL) mid-job and restarted: finished frames stay finished, running ones go on, nothing is lost", async () => {
  const dataFolder = testFolder();
  const first = await brokerProcess(dataFolder);
  const { number } = await submit(first.api, [{ frames: "1-6" }]);
  const [one, two] = [await workerOf(first), await workerOf(first, "b")];
  await one.succeed(await one.work());
  const running = await one.work();
  await one.report(running, [started(1)]);
  const unstarted = await two.work();
  const { cursor } = await first.api.ok("listEvents");
  await first.kill();

  const second = await brokerProcess(dataFolder, { leaseTermMs: 60_000 });
  const api = second.api.as(first.api.token);
  expect(await taskStatesOf(api, number)).toEqual([
    "succeeded",
    "running",
    "running",
    "ready",
    "ready",
    "ready",
  ]);
  expect((await api.ok("getJob", { params: { job: number } })).state).toBe("running");
  expect((await api.ok("listEvents")).cursor).toBeGreaterThanOrEqual(cursor);
  const back = (worker: FakeWorker) =>
    workerAt({ broker: undefined as never }, second.api.as(worker.token), worker.id, worker.token);
  const [uno, due] = [back(one), back(two)];
  // The lease goes on where it was, and the one whose answer may have been lost is the same.
  await uno.renew(running);
  await uno.report(running, [succeeded(1)], { done: true });
  expect((await due.work()).lease).toEqual({ ...unstarted.lease, termMs: 60_000 });
  await due.succeed(unstarted);
  for (let held = await uno.lease(); held; held = await uno.lease()) await uno.succeed(held);
  const job = await untilState(api, number, "succeeded");
  expect(job.counts).toMatchObject({ succeeded: 6 });
  const { items } = await api.ok("listAttempts", { params: { job: number } });
  expect(items.map((one) => one.state)).toEqual(Array(6).fill("succeeded"));
});

test("killed while it answers submits: every job that was acknowledged is there, whole", async () => {
  const dataFolder = testFolder();
  const first = await brokerProcess(dataFolder);
  const keys = Array.from({ length: 40 }, () => randomUUID());
  const acknowledged: number[] = [];
  const asked = keys.map(async (key) => {
    const job = await first.api.ok("submitJob", {
      headers: { "idempotency-key": key },
      body: submission([{ frames: "1-3000" }]),
    });
    acknowledged.push(job.number);
    if (acknowledged.length === 5) await first.kill();
  });
  await Promise.allSettled(asked);
  const second = await brokerProcess(dataFolder);
  const { items } = await second.api.ok("listJobs");
  expect(items.map((job) => job.number)).toEqual(expect.arrayContaining(acknowledged));
  for (const job of items) expect(job.counts).toMatchObject({ ready: 3000 });
  // Whoever got no answer asks again with the same key, and nothing is there twice.
  const body = submission([{ frames: "1-3000" }]);
  for (const key of keys) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await second.api.ok("submitJob", { headers: { "idempotency-key": key }, body });
  }
  expect((await second.api.ok("listJobs")).items).toHaveLength(40);
});

test("a job that was half loaded when the broker was killed is gone at the next start, and its key is free", async () => {
  const dataFolder = testFolder();
  const first = await brokerProcess(dataFolder);
  const db = new Database(join(dataFolder, "tally.db"), { readonly: true });
  onTestFinished(() => void db.close());
  const loading = db.prepare(
    "SELECT count(*) FROM tasks t JOIN steps s ON s.id = t.step_id JOIN jobs j ON j.id = s.job_id WHERE j.state = 'loading'",
  );
  const headers = { "idempotency-key": randomUUID() };
  const body = submission([{ frames: "1-100000" }]);
  let answered = false;
  const asked = first.api.ok("submitJob", { headers, body }).then(
    () => (answered = true),
    () => false,
  );
  let seen = 0;
  while (seen === 0 && !answered) {
    seen = loading.pluck().get() as number;
    // oxlint-disable-next-line no-await-in-loop -- lets the request go out
    await new Promise((done) => setImmediate(done));
  }
  await first.kill();
  expect(await asked).toBe(false);
  expect(seen).toBeGreaterThan(0);
  const second = await brokerProcess(dataFolder);
  expect((await second.api.ok("listJobs")).items).toEqual([]);
  for (const table of ["jobs", "steps", "tasks", "idempotency"])
    expect(db.prepare(`SELECT count(*) FROM ${table}`).pluck().get()).toBe(0);
  expect((await second.api.ok("submitJob", { headers, body })).counts).toMatchObject({ ready: 100_000 });
});

test("killed while it cancels 100,000 frames: the next one goes on with it", async () => {
  const dataFolder = testFolder();
  const first = await brokerProcess(dataFolder);
  const { number } = await submit(first.api, [{ frames: "1-100000" }]);
  const { state } = await first.api.ok("setJobIntent", {
    params: { job: number },
    body: { intent: "cancel" },
  });
  await first.kill();
  expect(state).toBe("canceling");
  const second = await brokerProcess(dataFolder);
  const job = await untilState(second.api, number, "canceled");
  expect(job.counts).toMatchObject({ canceled: 100_000, ready: 0 });
});

test("stopped in order, everybody who waits is let go, and the folder is free", async () => {
  const dataFolder = testFolder();
  const broker = await openBroker({ dataFolder });
  const { cursor } = await broker.api.ok("listEvents");
  const waiting = broker.api.raw("listEvents", { query: { after: cursor, waitSeconds: 25 } });
  const [end] = await Promise.allSettled([waiting, broker.stop()]);
  if (end?.status === "fulfilled") expect(end.value.status).toBe(200);
  await (await openBroker({ dataFolder })).stop();
});
