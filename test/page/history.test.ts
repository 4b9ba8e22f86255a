// A history that is not whole any more: events that were forgotten, jobs that a restored database does not know, a list that outgrew the page.
import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, it } from "vitest";
import type { Job } from "../../broker/contract/job.ts";
import { joinWorker, workerAt, type FakeWorker } from "../support/fake-worker.ts";
import { openBroker, type TestBroker } from "../support/start-broker.ts";
import { openDesk, type Desk } from "./desk.ts";
import { render, submitNamed } from "./scenes.ts";

let desk: Desk;
let broker: TestBroker;
let worker: FakeWorker;
let page: Page;
beforeAll(async () => {
  desk = await openDesk();
  broker = desk.broker;
  worker = await joinWorker(broker, { name: "render-07" });
});
beforeEach(async () => {
  page = await desk.context.newPage();
  page.setDefaultTimeout(5000);
});
afterEach(() => page.close());
afterAll(async () => {
  await broker?.stop();
  await desk?.close();
});

const banner = () => page.locator(".banner", { hasText: "The broker does not answer." });
const database = () => join(broker.dataFolder, "tally.db");

/** The same broker at the same address. */
async function startAgain(): Promise<void> {
  const { dataFolder, url } = broker;
  broker = await openBroker({
    dataFolder,
    port: Number(new URL(url).port),
    pageFolder: join(dataFolder, "../page"),
  });
  worker = workerAt(broker, broker.api.as(worker.token), worker.id, worker.token);
}

it("tells what happened to a job as far back as the broker remembers", async () => {
  await submitNamed(broker, "long ago", [{ name: "Render", frames: "1-4" }]);
  await render(broker, worker, 4);
  const { cursor } = await broker.api.ok("listEvents", {});
  const job = await submitNamed(broker, "since then", [{ name: "Render", frames: "1-4" }]);
  await render(broker, worker, 2);
  await broker.stop();
  const file = new Database(database());
  file.prepare("DELETE FROM events WHERE cursor <= ?").run(cursor);
  file.prepare("INSERT INTO meta (key, value) VALUES ('feed.pruned', ?)").run(String(cursor));
  file.close();
  await startAgain();
  await page.goto(`${broker.url}/jobs/${job.number}`);
  const activity = page.getByRole("region", { name: "Activity" });
  await activity.getByText("2 frames done").waitFor();
  await activity.getByText("Submitted").waitFor();
});

it("says of a job and its frames that a restored database does not know them", async () => {
  await broker.stop();
  const backup = join(desk.folder, "backup.db");
  copyFileSync(database(), backup);
  await startAgain();
  const job = await submitNamed(broker, "after the backup", [{ name: "Render", frames: "1-4" }]);
  await page.goto(`${broker.url}/jobs/${job.number}`);
  await page.getByRole("heading", { name: "after the backup" }).waitFor();
  const other = await desk.context.newPage();
  other.setDefaultTimeout(5000);
  await other.goto(`${broker.url}/jobs/${job.number}/Render/1`);
  await other.getByText("Not tried yet").waitFor();
  await broker.stop();
  await banner().waitFor();
  for (const more of ["-wal", "-shm"]) rmSync(database() + more, { force: true });
  copyFileSync(backup, database());
  const file = new Database(database());
  file.prepare("DELETE FROM meta WHERE key = 'feed.epoch'").run();
  file.close();
  await startAgain();
  await banner().waitFor({ state: "hidden" });
  await page.getByText(`There is no job ${job.number}`).waitFor();
  await other.getByText(`There is no job ${job.number}`).waitFor();
  await other.close();
});

it("brings back jobs that the page forgot because so many ended since, when asked for older ones", async () => {
  let tell: (message: unknown) => void = () => undefined;
  await page.routeWebSocket(/v1\/feed/, (socket) => {
    const server = socket.connectToServer();
    server.onMessage((message) => socket.send(message));
    tell = (message) => socket.send(JSON.stringify(message));
  });
  const end = async (name: string) => {
    const job = await submitNamed(broker, name);
    await broker.api.ok("setJobIntent", { params: { job: job.number }, body: { intent: "cancel" } });
    return broker.api.ok("getJob", { params: { job: job.number } });
  };
  // oxlint-disable-next-line no-await-in-loop -- one after the other
  for (let n = 0; n < 202; n++) await end(`week ${n}`);
  const last = await end("the last one");
  await page.goto(`${broker.url}/`);
  await page.getByPlaceholder("Search jobs").fill("the last one");
  const older = page.getByRole("button", { name: "Show older jobs" });
  await older.click();
  await older.waitFor({ state: "detached" });
  const { cursor } = await broker.api.ok("listEvents", {});
  const endedAt = new Date(Date.now() + 60_000).toISOString();
  const events = Array.from({ length: 1000 }, (_, n) => {
    const number = last.number + 1 + n;
    const job: Partial<Job> = { ...last, id: `job_${number}`, number, name: `since then ${n}`, endedAt };
    return {
      cursor,
      at: endedAt,
      kind: "job.changed",
      jobId: job.id,
      jobNumber: number,
      step: null,
      first: null,
      last: null,
      state: "canceled",
      data: null,
      job,
    };
  });
  await page.locator(".job-row").waitFor();
  tell({ v: 1, type: "events", cursor: `x.${cursor}`, events });
  await page.locator(".job-row").waitFor({ state: "detached" });
  await older.click();
  await page.locator(".job-row").waitFor();
});
