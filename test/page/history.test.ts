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

