// `tally watch` on bad lines and beside brokers that go away: each frame is told once, and what cannot be mended is said in
// a sentence.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "../e2e/agent-support.ts";
import { createDesk, type Desk } from "../e2e/cli-support.ts";
import { eventsSince, submit, templateOf } from "../support/builders.ts";
import { joinWorker, workerAt, type FakeWorker } from "../support/fake-worker.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { startHoldingProxy } from "../support/holding-proxy.ts";
import { openBroker, testBroker, testFolder } from "../support/start-broker.ts";
import { startProxy } from "../support/tcp-proxy.ts";
import { finish, follows, frames, told, watch } from "../support/watching.ts";

let desk: Desk;
beforeAll(async () => {
  desk = await createDesk();
});
afterAll(() => desk.close());

test("a line that is cut again and again: every finished frame is told once, in words and as JSON", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api, [{ frames: "1-40" }]);
  const { cursor: from } = await broker.api.ok("listEvents");
  const proxy = await startProxy(broker.url);
  const lines = watch(desk, proxy.url, broker.adminToken);
  const json = watch(desk, proxy.url, broker.adminToken, "--json", String(number));
  await lines.printed(/0 of 40 frames done/);
  await follows(json, broker, number);
  const worker = await joinWorker(broker);
  for (let frame = 1; frame <= 40; frame++) {
    // oxlint-disable no-await-in-loop -- frame after frame
    if (frame % 3 === 0) proxy.cut();
    if (frame % 7 === 0) proxy.hold();
    await finish(worker, 1);
    if (frame % 7 === 1) {
      proxy.cut();
      proxy.release();
    }
    if (frame % 10 === 0) {
      proxy.release();
      await lines.printed(new RegExp(`^frame ${frame}/40`, "m"));
    }
    // oxlint-enable no-await-in-loop
  }
  const ended = await lines.ended;
  expect(told(ended.out)).toEqual(frames(1, 40));
  expect(ended.code).toBe(0);
  const { out, code } = await json.ended;
  expect(code).toBe(0);
  const said = out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { kind: string; cursor?: number; job?: unknown });
  expect(said.at(-1)).toMatchObject({ kind: "end", job: { state: "succeeded" } });
  const heard = said.filter(({ cursor }) => cursor !== undefined);
  const kept = (await eventsSince(broker.api, from)).filter(({ jobNumber }) => jobNumber === number);
  // It began some time after `from`, and heard everything from then on, as the broker keeps it.
  expect(heard.length).toBeGreaterThanOrEqual(80);
  expect(heard).toEqual(kept.slice(-heard.length));
});

test("a broker that comes back at another port, with another token: the frames go on where they were", async () => {
  const dataFolder = testFolder();
  const first = await openBroker({ dataFolder });
  const { number } = await submit(first.api, [{ frames: "1-6" }]);
  const watching = desk.start("watch", "--data", dataFolder, String(number));
  await watching.printed(/0 of 6 frames done/);
  const worker = await joinWorker(first);
  await finish(worker, 2);
  await watching.printed(/frame 2\/6/);
  await first.stop();
  await watching.printed(new RegExp(`The broker at ${first.url} does not answer; waiting for it`));
  const db = new Database(join(dataFolder, "tally.db"));
  db.prepare("UPDATE tokens SET revoked_at = 1 WHERE role = 'admin'").run();
  db.close();
  const second = await testBroker({ dataFolder });
  expect(second.adminToken).not.toBe(first.adminToken);
  expect(second.url).not.toBe(first.url);
  const again = await joinWorker(second, { name: "that PC" });
  await finish(again, 4);
  const { out, code } = await watching.ended;
  expect(told(out)).toEqual(frames(1, 6));
  expect(out.match(/\[this PC\]$/gm)).toHaveLength(2);
  expect(out.match(/\[that PC\]$/gm)).toHaveLength(4);
  expect(out).toContain("The broker is back.\n");
  expect(out).toMatch(/Job 1 is done: 6 frames/);
  expect(code).toBe(0);
});

test("a token that is revoked ends it with a sentence and 1", async () => {
  const broker = await testBroker({ feed: { tickMs: 50 } });
  await submit(broker.api);
  const made = await broker.api.ok("createToken", { body: { role: "viewer", name: "guest" } });
  const watching = watch(desk, broker.url, made.token);
  await watching.printed(/0 of 3 frames done/);
  await broker.api.ok("revokeToken", { params: { token: made.id } });
  const { code, err } = await watching.ended;
  expect(err).toBe(
    "This token is not valid any more. Job 1 goes on. Ask for another token, and give it with --token or TALLY_TOKEN.\n",
  );
  expect(code).toBe(1);
});

test("a proxy that lets no WebSocket through: a sentence and 3 instead of silence, for watch and for pull", async () => {
  const broker = await testBroker();
  await submit(broker.api);
  const proxy = await startFaultProxy(broker.url);
  proxy.onRequest(({ path }) =>
    path.startsWith("/v1/feed") ? { answer: { status: 502, body: "Bad gateway" } } : undefined,
  );
  const target = ["--broker", proxy.url, "--token", broker.adminToken];
  for (const command of [["watch"], ["pull", "--follow"]]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const { code, err } = await desk.tally(...command, ...target);
    expect(err).toBe(
      `The broker at ${proxy.url} answers, but a job is followed through a WebSocket, and none can be opened (Unexpected server response: 502). A proxy on the way must let WebSockets through. Job 1 goes on; look at it with: tally show 1\n`,
    );
    expect(code).toBe(3);
  }
  await proxy.close();
});

test("a pause is said once, though the frame in work is finished first; and so is going on", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api, [{ frames: "1-2" }]);
  const watching = watch(desk, broker.url, broker.adminToken);
  await watching.printed(/0 of 2 frames done/);
  const worker = await joinWorker(broker);
  const held = await worker.work();
  const set = (intent: "pause" | "run") =>
    broker.api.ok("setJobIntent", { params: { job: number }, body: { intent } });
  await set("pause");
  await watching.printed(/Job 1 is paused once the frame in work is done\. Go on: tally resume 1\n/);
  await worker.succeed(held);
  await watching.printed(/^frame 1/m);
  await set("run");
  await watching.printed(/Job 1 goes on\.\n/);
  await set("pause");
  await watching.printed(/Job 1 is paused\. Go on: tally resume 1\n/);
  await set("run");
  await finish(worker, 1);
  const { out } = await watching.ended;
  expect(out.match(/is paused/g)).toHaveLength(2);
  expect(out.match(/goes on\./g)).toHaveLength(2);
});

test("who watches a job again is told what happens from then on, not once more what another reader heard", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api, [{ frames: "1-3" }]);
  const first = watch(desk, broker.url, broker.adminToken);
  await first.printed(/0 of 3 frames done/);
  const worker = await joinWorker(broker);
  await finish(worker, 1);
  for (const intent of ["pause", "run"] as const)
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await broker.api.ok("setJobIntent", { params: { job: number }, body: { intent } });
  await finish(worker, 2);
  expect(told((await first.ended).out)).toEqual([1, 2, 3]);
  expect(told((await watch(desk, broker.url, broker.adminToken).ended).out)).toEqual([]);
  await broker.api.ok("requeueTasks", { params: { job: number }, body: { frames: "2" } });
  const again = watch(desk, broker.url, broker.adminToken);
  await again.printed(/2 of 3 frames done/);
  await finish(worker, 1);
  const { out } = await again.ended;
  expect(told(out)).toEqual([2]);
  expect(out).not.toMatch(/paused|goes on/);
});

test("too many who follow: it is said, and once there is room it goes on", async () => {
  const broker = await testBroker({ feed: { maxReaders: 1 } });
  await submit(broker.api);
  const first = watch(desk, broker.url, broker.adminToken);
  await first.printed(/0 of 3 frames done/);
  const second = watch(desk, broker.url, broker.adminToken);
  await second.printed(/lets nobody more follow just now: There are too many readers\. Come back later\./);
  first.signal("SIGINT");
  await first.ended;
  await second.printed(/The broker is back\./);
  await finish(await joinWorker(broker), 3);
  const { out, code } = await second.ended;
  expect(told(out)).toEqual([1, 2, 3]);
  expect(code).toBe(0);
});

test("Ctrl-C ends it at once, also while the broker is silent about what it was asked", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api);
  for (const command of [["watch"], ["pull", "--follow"], ["pull"]]) {
    // oxlint-disable no-await-in-loop -- one after the other
    let asked = 0;
    // The job is asked for before anything is followed; then again, and that time there is no answer.
    const proxy = await startHoldingProxy(
      broker.url,
      ({ method, url }) => method === "GET" && url === `/v1/jobs/${number}` && ++asked > 1,
    );
    const target = ["--broker", proxy.url, "--token", broker.adminToken];
    const running = desk.start(...command, String(number), ...target);
    await proxy.held;
    running.signal("SIGINT");
    expect((await running.ended).code, command.join(" ")).toBe(130);
    await proxy.stop();
    // oxlint-enable no-await-in-loop
  }
});

test("a second Ctrl-C ends a submit whose answer does not come, and nobody says that nothing was submitted", async () => {
  const broker = await testBroker();
  writeFileSync(join(desk.folder, "hangs.json"), templateOf([{}]));
  const proxy = await startHoldingProxy(
    broker.url,
    ({ method, url }) => method === "POST" && url === "/v1/jobs",
  );
  const submitting = desk.start("submit", "hangs.json", "--broker", proxy.url, "--token", broker.adminToken);
  await proxy.held;
  let isOver = false;
  void submitting.ended.then(() => (isOver = true));
  // Two that come together are one to a process.
  await until("it ends", () => {
    submitting.signal("SIGINT");
    return isOver;
  });
  const { code, err } = await submitting.ended;
  expect(code).toBe(130);
  expect(err).not.toContain("nothing was submitted");
  await proxy.stop();
});

test("pull --follow outlives a broker that restarts, and says so", async () => {
  const dataFolder = testFolder();
  const first = await openBroker({ dataFolder });
  const home = testFolder();
  const { number } = await submit(first.api, [{ frames: "1-2" }], {
    home: "pull",
    outputFolders: [home],
  });
  const pulling = desk.start("pull", "--follow", "--data", dataFolder, String(number));
  const worker = await joinWorker(first);
  const bring = async (one: FakeWorker, name: string) => {
    const held = await one.work();
    await one.succeed(held, { files: [await one.upload(held, name, join(home, name))] });
  };
  await bring(worker, "1.png");
  await until("the first file is home", () => existsSync(join(home, "1.png")));
  await first.stop();
  await pulling.printed(/does not answer; waiting for it/);
  const second = await testBroker({ dataFolder });
  await bring(workerAt(second, second.api.as(worker.token), worker.id, worker.token), "2.png");
  const { out, code } = await pulling.ended;
  expect(out).toMatch(/Job 1: 2 files/);
  expect(code).toBe(0);
});
