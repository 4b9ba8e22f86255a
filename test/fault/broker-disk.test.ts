// The broker's own disk is full: it says so, acknowledges nothing that it could not keep, and goes on by itself.
import { spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { createApi } from "../support/api.ts";
import { createSettler } from "../../broker/service/settle.ts";
import { submission, submit, until } from "../support/builders.ts";
import { joinWorker, registration, workerAt } from "../support/fake-worker.ts";
import { testBroker, testFolder } from "../support/start-broker.ts";

test("the disk of the data folder is full: no job is half there, what was acknowledged stays, and with space it goes on (Linux only)", async (context) => {
  const namespace = ["-rm", "--"];
  if (spawnSync("unshare", [...namespace, "true"]).status !== 0) context.skip();
  const program = join(import.meta.dirname, "../support/small-disk-broker.ts");
  const child = spawn("unshare", [...namespace, process.execPath, program, testFolder()], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const gone = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await gone;
  });
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, "line")) as [string];
  const { url, adminToken } = JSON.parse(line) as { url: string; adminToken: string };
  const api = createApi(url, adminToken);

  const worker = await api.ok("createToken", { body: { role: "worker", name: "pc" } });
  const workerApi = api.as(worker.token);
  const { workerId } = await workerApi.ok("registerWorker", { body: registration() });
  const pc = workerAt({ broker: undefined as never }, workerApi, workerId, worker.token);
  await submit(api, [{ frames: "1-3" }]);
  const held = await pc.work();

  const body = submission([{ frames: "1-20000" }]);
  const kept = [1];
  let refused: string | undefined;
  while (refused === undefined) {
    const key = randomUUID();
    // oxlint-disable-next-line no-await-in-loop -- one after the other, until it is full
    const answer = await api.raw("submitJob", { headers: { "idempotency-key": key }, body });
    if (answer.status === 201) kept.push((answer.body as { number: number }).number);
    else {
      expect(answer.body).toMatchObject({ code: "storage-full", status: 507 });
      refused = key;
    }
  }
  expect(kept.length).toBeGreaterThan(1);
  const listed = async () =>
    (await api.ok("listJobs")).items.map((job) => job.number).toSorted((a, b) => a - b);
  expect(await listed()).toEqual(kept);

  const large = once(lines, "line");
  child.stdin.write("more\n");
  await large;
  // The same key again: what was refused is taken now, whole, and once.
  const job = await api.ok("submitJob", { headers: { "idempotency-key": refused }, body });
  expect(job.counts).toMatchObject({ ready: 20_000 });
  expect(await listed()).toEqual([...kept, job.number]);
  await pc.succeed(held);
  expect((await api.ok("getJob", { params: { job: 1 } })).counts).toMatchObject({ succeeded: 1, ready: 2 });
});

test("the disk is full when a step is done: the frames behind it get their turn once there is space", async () => {
  const running = await testBroker();
  const { api, broker } = running;
  const steps = [
    { name: "sim", frames: "1" },
    { name: "render", frames: "1-20000", dependsOn: ["sim"] },
  ];
  const { number } = await submit(api, steps);
  const worker = await joinWorker(running);
  const held = await worker.work();
  const trouble = Promise.withResolvers<unknown>();
  broker.wake.settle = createSettler(broker, trouble.resolve, 20).settle;
  const pages = (limit: number) =>
    broker.writer.write((tx) => tx.get(`PRAGMA max_page_count = ${limit}`) as unknown);
  // SQLite takes no limit below what there is: from here on the file cannot grow.
  await pages(1);
  await worker.succeed(held);
  expect(await trouble.promise).toMatchObject({ code: "storage-full" });
  expect((await api.ok("getJob", { params: { job: number } })).counts.blocked).toBeGreaterThan(0);
  await pages(1_000_000);
  const job = await until(api, async () => {
    const now = await api.ok("getJob", { params: { job: number } });
    return now.counts.blocked === 0 ? now : undefined;
  });
  expect(job.counts).toMatchObject({ succeeded: 1, ready: 20_000 });
});
