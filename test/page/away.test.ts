// The page while its broker is away: it says so, comes back by itself, and shows the truth.
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterAll, beforeAll, expect, it } from "vitest";
import { untilState } from "../support/builders.ts";
import { openBroker, type TestBroker } from "../support/start-broker.ts";
import { joinWorker, workerAt } from "../support/fake-worker.ts";
import { startProxy } from "../support/tcp-proxy.ts";
import { openDesk, type Desk } from "./desk.ts";
import { begin, render, submitNamed } from "./scenes.ts";

let desk: Desk;
let broker: TestBroker;
beforeAll(async () => {
  desk = await openDesk();
  broker = desk.broker;
});
afterAll(async () => {
  await broker.stop();
  await desk.close();
});

const banner = () => desk.page.locator(".banner", { hasText: "The broker does not answer." });

it("a broker that restarts while the page is open: the page says so, comes back, shows the truth without reload", async () => {
  const { page } = desk;
  const job = await submitNamed(broker, "over the restart", [{ frames: "1-8" }]);
  const worker = await joinWorker(broker, { name: "stays" });
  await render(broker, worker, 2);
  await desk.go(`/jobs/${job.number}`);
  await page.getByText("2 of 8 frames").waitFor();
  await page.evaluate(() => (document.body.dataset["before"] = "the restart"));
  const { dataFolder, url } = broker;
  await broker.stop();
  await banner().waitFor();
  await desk.shots("away");
  // What a question asks for cannot be done, and that is said there: what lies behind is neither seen nor read out.
  await page.getByRole("button", { name: "More for this job" }).click();
  await page.getByRole("menuitem", { name: "Cancel job…" }).click();
  const dialog = page.getByRole("dialog", { name: "Cancel over the restart?" });
  await dialog.getByRole("button", { name: "Cancel job" }).click();
  await dialog.getByRole("alert").getByText("The broker does not answer.").waitFor();
  await desk.shots("away-dialog");
  await dialog.getByRole("button", { name: "Keep it" }).click();
  // What a click asks for neither.
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("The broker does not answer. If it was stopped, start it: tally serve").waitFor();

  broker = await openBroker({
    dataFolder,
    port: Number(new URL(url).port),
    pageFolder: join(dataFolder, "../page"),
  });
  const again = workerAt(broker, broker.api.as(worker.token), worker.id, worker.token);
  await render(broker, again, 3);
  await banner().waitFor({ state: "hidden" });
  await page.getByText("5 of 8 frames").waitFor();
  // That it did not answer is not true any more.
  await expect.poll(() => page.locator(".note").count()).toBe(0);
  await render(broker, again, 3);
  await untilState(broker.api, job.number, "succeeded");
  await expect.poll(() => page.title()).toBe("done over the restart – Tally");
  expect(await page.evaluate(() => document.body.dataset["before"])).toBe("the restart");
  // The browser notes each socket that was refused.
  expect(desk.complaints.splice(0).filter((one) => !/ERR_CONNECTION_REFUSED|WebSocket/.test(one))).toEqual(
    [],
  );
});

it("a laptop that sleeps an hour while the page is open: the page notices, comes back, shows the truth without reload", async () => {
  const { page } = desk;
  const line = await startProxy(broker.url);
  await desk.context.addCookies([{ name: "tally", value: broker.adminToken, url: line.url }]);
  await page.clock.install();
  await page.goto(`${line.url}/`);
  const job = await submitNamed(broker, "while it slept", [{ frames: "1-2" }], { priority: 100 });
  const row = page.locator(".job-row", { hasText: "while it slept" });
  await row.getByText("waiting").waitFor();
  // Asleep: nothing arrives, and the sockets look as if they were alive.
  line.hold();
  const worker = await joinWorker(broker, { name: "awake" });
  await render(broker, worker, 2);
  await untilState(broker.api, job.number, "succeeded");
  expect(await row.innerText()).toContain("waiting");
  const held = line.count();
  await page.clock.fastForward("01:00:00");
  await banner().waitFor();
  line.release();
  await page.clock.runFor(11_000);
  await row.getByText("done", { exact: true }).waitFor();
  await banner().waitFor({ state: "hidden" });
  expect(held).toBeGreaterThan(0);
});

it("while the broker is away nothing counts on and nothing moves: nobody knows whether it runs", async () => {
  const { page } = desk;
  const line = await startProxy(broker.url);
  await desk.context.addCookies([{ name: "tally", value: broker.adminToken, url: line.url }]);
  const job = await submitNamed(broker, "lost line", [{ frames: "1-8" }], { priority: 100 });
  const worker = await joinWorker(broker, { name: "unheard" });
  await render(broker, worker, 2, () => 60);
  await begin(worker, 0);
  await page.goto(`${line.url}/jobs/${job.number}`);
  const left = page.locator(".figure", { hasText: "Time left" });
  await page.locator(".legend .mark.is-running").waitFor();
  await left
    .getByText(/[0-9] min/)
    .first()
    .waitFor();
  const moving = () =>
    page.evaluate(() => document.getAnimations().filter((one) => one.playState === "running").length);
  const lights = () =>
    page.locator(".grid-canvas").evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
  expect(await moving()).toBeGreaterThan(0);
  line.hold();
  await page.clock.fastForward("05:00");
  await banner().waitFor();
  await page.clock.runFor(2000);
  const before = [await left.innerText(), await lights()];
  await page.clock.fastForward("01:00");
  await page.clock.runFor(2300);
  expect([await left.innerText(), await lights()]).toEqual(before);
  expect(await moving()).toBe(0);
  line.release();
  await page.clock.runFor(11_000);
  await banner().waitFor({ state: "hidden" });
  await expect.poll(moving).toBeGreaterThan(0);
  await broker.api.ok("setJobIntent", { params: { job: job.number }, body: { intent: "cancel" } });
});

it("a database restored from a backup while the page is open: what is shown is the restored one", async () => {
  const { page } = desk;
  await page.clock.resume();
  await desk.go("/");
  await page.locator(".job-row", { hasText: "while it slept" }).waitFor();
  const { dataFolder, url } = broker;
  await broker.stop();
  await banner().waitFor();
  const database = new Database(join(dataFolder, "tally.db"));
  database.prepare("DELETE FROM meta WHERE key = 'feed.epoch'").run();
  database.close();
  broker = await openBroker({
    dataFolder,
    port: Number(new URL(url).port),
    pageFolder: join(dataFolder, "../page"),
  });
  await submitNamed(broker, "after the restore");
  await page.locator(".job-row", { hasText: "after the restore" }).waitFor();
  await banner().waitFor({ state: "hidden" });
  expect(await page.locator(".job-row").count()).toBe(4);
});
