// What is shown stays true: in a tab that nobody looks at, while the clock goes on, and after a request that failed.
import { join } from "node:path";
import Database from "better-sqlite3";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import type { Job } from "../../broker/contract/job.ts";
import { untilState } from "../support/builders.ts";
import { joinWorker, succeeded, workerAt, type FakeWorker } from "../support/fake-worker.ts";
import { openBroker, type TestBroker } from "../support/start-broker.ts";
import { openDesk, writeLog, type Desk } from "./desk.ts";
import { begin, render, submitNamed } from "./scenes.ts";

let desk: Desk;
let broker: TestBroker;
/** Both of one test alone: one that fails leaves nothing to the next. */
let worker: FakeWorker;
let page: Page;
let priority = 0;
beforeAll(async () => {
  desk = await openDesk();
  broker = desk.broker;
});
beforeEach(async () => {
  page = await desk.context.newPage();
  page.setDefaultTimeout(5000);
  worker = await joinWorker(broker, { name: `render-${priority}` });
});
afterEach(() => page.close());
afterAll(async () => {
  await broker?.stop();
  await desk?.close();
});

const banner = () => page.locator(".banner", { hasText: "The broker does not answer." });
const view = () => page.locator("#view");
const go = (path: string) => page.goto(broker.url + path);
/** A job that comes before those of the tests before. */
const submit = (name: string, frames: string) =>
  submitNamed(broker, name, [{ name: "Render", frames }], { priority: ++priority });

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

it("a tab goes on hearing what happens after somebody turned to another one", async () => {
  const job = await submit("in the back", "1-4");
  await go("/");
  const row = page.locator(".job-row", { hasText: "in the back" });
  await row.waitFor();
  await render(broker, worker, 1);
  await row.getByText("1 of 4 frames").waitFor();
  // As a browser does it: what was to be done with the next painted frame waits until the tab is seen again.
  await page.evaluate(() => {
    globalThis.requestAnimationFrame = () => 0;
  });
  await render(broker, worker, 1);
  await page.evaluate(async (number) => {
    for (;;) {
      // oxlint-disable no-await-in-loop -- until the page could have heard of it too
      const answer = await fetch(`/v1/jobs/${number}`);
      if (((await answer.json()) as Job).counts.succeeded === 2) break;
      // oxlint-enable no-await-in-loop
    }
    Object.defineProperty(document, "hidden", { get: () => true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, job.number);
  await row.getByText("2 of 4 frames").waitFor();
  await render(broker, worker, 2);
  await row.getByText("4 of 4 frames").waitFor();
});

it("the list tells how long a job has been running, also while nothing happens to it", async () => {
  await page.clock.install();
  const job = await submit("long frames", "1");
  const held = await begin(worker);
  await go("/");
  const took = page.locator(".job-row", { hasText: "long frames" }).locator(".job-took");
  await expect.poll(() => took.innerText()).toMatch(/^\d\.\d s$/);
  await page.clock.runFor("02:00");
  await expect.poll(() => took.innerText()).toMatch(/^[12] min/);
  await page.clock.resume();
  await worker.report(held, [succeeded(0, 3)], { done: true });
  await untilState(broker.api, job.number, "succeeded");
});

it("what could not be fetched while the broker was away comes by itself when it is back", async () => {
  const job = await submit("steps through", "1-3");
  await go(`/jobs/${job.number}/Render/0`);
  await page.getByRole("heading", { name: "Frame 1" }).waitFor();
  await broker.stop();
  await banner().waitFor();
  await page.getByRole("button", { name: "Frame after" }).click();
  await view().getByText("The broker does not answer.").waitFor();
  await startAgain();
  await page.getByText("Not tried yet: it waits for a worker.").waitFor();
  await page.getByRole("heading", { name: "Frame 2" }).waitFor();

  await broker.stop();
  await banner().waitFor();
  await page.getByRole("link", { name: "Workers" }).click();
  await view()
    .getByText(/^\d+ workers?, 0 at work$/)
    .waitFor();
  await startAgain();
  await view().getByText("this machine").waitFor();

  await page.getByRole("link", { name: "Submit" }).click();
  await page.getByRole("button", { name: /^blender-film/ }).waitFor();
  await broker.stop();
  await banner().waitFor();
  await page.getByRole("button", { name: /^blender-film/ }).click();
  await view().getByText("The broker does not answer.").waitFor();
  await startAgain();
  await page.locator(".submit-form").waitFor();
  await broker.api.ok("setJobIntent", { params: { job: job.number }, body: { intent: "cancel" } });
});

it("a picture that did not come is not called gone, and comes when the broker is back", async () => {
  const job = await submit("pictures", "1-2");
  await render(broker, worker, 2, () => 1, 2);
  await page.route("**/v1/blobs/downloads", (route) => route.abort());
  await go(`/jobs/${job.number}/Render/0`);
  await view().getByText("The picture did not come").waitFor();
  await go(`/jobs/${job.number}/play`);
  await view().getByText("its picture did not come").waitFor();
  await page.unroute("**/v1/blobs/downloads");
  await broker.stop();
  await banner().waitFor();
  await startAgain();
  await page.locator("[data-shown=picture]").waitFor();
  await page.goBack();
  await page.locator(".shot-view img").waitFor();

  await page.route("**/v1/blobs/downloads", (route) => route.abort());
  const refused = page.waitForEvent("requestfailed");
  await go("/");
  await refused;
  await page.unroute("**/v1/blobs/downloads");
  await broker.stop();
  await banner().waitFor();
  await startAgain();
  await page.locator(".job-row", { hasText: "pictures" }).locator("img").waitFor();
});

it("a log whose last lines did not come is not asked for without end, and comes when the broker is back", async () => {
  const job = await submit("broken log", "1");
  const held = await begin(worker);
  let length = await writeLog(worker, held, "first line\n");
  await go(`/jobs/${job.number}/Render/0`);
  await page.getByText("first line").waitFor();
  let asked = 0;
  await page.route("**/v1/attempts/*/log?*", (route) => {
    asked += 1;
    return route.abort();
  });
  length = await writeLog(worker, held, "second line\n", length);
  await page.getByText("The rest of the log did not come").waitFor();
  // As long as a loop without end would take for hundreds.
  await page.evaluate(
    () =>
      new Promise((done) => {
        let turns = 0;
        const turn = () => (++turns === 60 ? done(null) : requestAnimationFrame(turn));
        turn();
      }),
  );
  expect(asked).toBeLessThan(5);
  await page.unroute("**/v1/attempts/*/log?*");
  await broker.stop();
  await banner().waitFor();
  await startAgain();
  await page.getByText("second line").waitFor();
  await worker.report(held, [{ type: "succeeded", ordinal: 0, logOffset: length, seconds: 1, files: [] }], {
    done: true,
  });
});

it("a search looks through what was written while it went on", async () => {
  const job = await submit("searched", "1");
  const held = await begin(worker);
  let length = await writeLog(worker, held, "needle 1\n");
  await go(`/jobs/${job.number}/Render/0`);
  await page.getByText("needle 1").waitFor();
  // The first piece that is searched is held back until more was written.
  let release: () => void = () => undefined;
  const isWritten = new Promise<void>((done) => (release = done));
  await page.route("**/v1/attempts/*/log?from=0&*", async (route) => {
    await isWritten;
    await route.continue();
  });
  await page.getByLabel("Find in the log").fill("needle");
  await page.waitForRequest("**/v1/attempts/*/log?from=0&*");
  length = await writeLog(worker, held, "needle 2\n", length);
  await page.getByText("needle 2").waitFor();
  await worker.report(held, [{ type: "succeeded", ordinal: 0, logOffset: length, seconds: 1, files: [] }], {
    done: true,
  });
  await untilState(broker.api, job.number, "succeeded");
  await page.getByRole("button", { name: "To the end" }).waitFor();
  release();
  await expect.poll(() => page.locator(".log-count").innerText()).toBe("line 1 of 2");
  await page.unroute("**/v1/attempts/*/log?from=0&*");
});

it("after a database was restored, what happened to a job is told of the restored one alone", async () => {
  const job = await submit("restored", "1-4");
  await render(broker, worker, 2);
  await go(`/jobs/${job.number}`);
  const activity = page.getByRole("region", { name: "Activity" });
  await activity.getByText("2 frames done").waitFor();
  await broker.stop();
  await banner().waitFor();
  const database = new Database(join(broker.dataFolder, "tally.db"));
  database.prepare("DELETE FROM meta WHERE key = 'feed.epoch'").run();
  database.close();
  // The history is held back until the feed told something more.
  let release: () => void = () => undefined;
  const isTold = new Promise<void>((done) => (release = done));
  await page.route("**/v1/events*", async (route) => {
    await isTold;
    await route.continue();
  });
  await startAgain();
  await page.waitForRequest("**/v1/events*");
  await render(broker, worker, 1);
  await page.getByText("3 of 4 frames").waitFor();
  release();
  await activity.getByText("3 frames done").waitFor();
  expect(await activity.locator("li").allInnerTexts()).toEqual([
    expect.stringMatching(/^3 frames done/),
    expect.stringMatching(/^The job is running/),
    expect.stringMatching(/^Submitted/),
  ]);
});

it("older jobs are shown when asked for, and after a database was restored those of the restored one", async () => {
  const end = async (name: string) => {
    const job = await submitNamed(broker, name);
    await broker.api.ok("setJobIntent", { params: { job: job.number }, body: { intent: "cancel" } });
  };
  await end("long ago");
  // oxlint-disable-next-line no-await-in-loop -- one after the other
  for (let n = 0; n < 201; n++) await end(`since then ${n}`);
  await go("/");
  await page.getByPlaceholder("Search jobs").fill("long ago");
  const older = page.getByRole("button", { name: "Show older jobs" });
  await older.click();
  const name = page.locator(".job-name b");
  await name.getByText("long ago", { exact: true }).waitFor();
  // Chosen by its number, which may be another job's in that history.
  await page.getByRole("checkbox", { name: /long ago$/ }).click();
  await page.getByRole("toolbar").waitFor();
  await broker.stop();
  await banner().waitFor();
  const database = new Database(join(broker.dataFolder, "tally.db"));
  database.prepare("DELETE FROM meta WHERE key = 'feed.epoch'").run();
  database.prepare("UPDATE jobs SET name = 'long ago, as it was backed up' WHERE name = 'long ago'").run();
  database.close();
  await startAgain();
  await banner().waitFor({ state: "hidden" });
  await name.getByText("long ago", { exact: true }).waitFor({ state: "detached" });
  await older.click();
  await name.getByText("long ago, as it was backed up").waitFor();
  expect(await page.getByRole("toolbar").count()).toBe(0);
});

it.each([
  ["ahead", 3],
  ["behind", -3],
])("on a desk whose clock is hours %s, a job that was sent now was sent now", async (word, hours) => {
  const name = `clock ${word}`;
  await submit(name, "1-2");
  await page.clock.install({ time: Date.now() + hours * 3_600_000 });
  await go("/");
  const row = page.locator(".job-row", { hasText: name });
  await expect.poll(() => row.innerText()).toContain("submitted just now");
  await begin(worker);
  await row.locator(".job-took").waitFor();
  // It counts anew every ten seconds: neither hours, nor nothing.
  await page.clock.runFor(11_000);
  await expect.poll(() => row.locator(".job-took").innerText()).toMatch(/^\d\d s$/);
});
