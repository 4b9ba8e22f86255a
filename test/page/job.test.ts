// One job in a real Chromium: progress, time left, failures, actions, what happened.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Job } from "../../broker/contract/job.ts";
import { untilState } from "../support/builders.ts";
import { joinWorker } from "../support/fake-worker.ts";
import { openDesk, type Desk } from "./desk.ts";
import { begin, busyStudio, failOne, render, submitNamed } from "./scenes.ts";

let desk: Desk;
let job: Job;
beforeAll(async () => {
  desk = await openDesk();
  job = await busyStudio(desk.broker);
});
afterAll(() => desk.close());

const figure = (label: string) =>
  desk.page
    .locator(".figure")
    .filter({ has: desk.page.locator("dt", { hasText: new RegExp(`^${label}$`) }) })
    .innerText();

it("tells how far it is, how long it takes still, and on which machines", async () => {
  const { page } = desk;
  await desk.go(`/jobs/${job.number}`);
  await page.getByText("Rendering now").waitFor();
  await expect.poll(() => page.title()).toBe("37% sc020_sh010 beauty – Tally");
  expect(await figure("Done")).toMatch(/37%\s+90 of 241 frames, 2 failed/);
  // 148 frames of some 4.9 s on three machines, and nobody knows of the film yet.
  await expect
    .poll(() => figure("Time left"))
    .toMatch(/[345] min\s+between [2-5] min and [3-6] min, then Encode/);
  expect(await figure("Average frame")).toMatch(/4\.9 s\s+3\.2 s to 58 s/);
  expect(await figure("Machines")).toMatch(/3\s+.*render-01/);
  const bar = page.getByRole("progressbar", { name: "Frames of sc020_sh010 beauty" });
  expect(await bar.getAttribute("aria-valuetext")).toBe("37% done, 2 failed");
  await page.getByText("frame 38 is far slower").waitFor();
  const icon = await page.locator("link[rel=icon]").getAttribute("href");
  expect(icon).toMatch(/^data:image\/png/);
  await page.locator(".flip").waitFor();
  await desk.shots("job");
  await page.setViewportSize({ width: 1440, height: 2700 });
  await page.screenshot({ path: "test-output/page/job-whole.png" });
  await page.setViewportSize({ width: 1440, height: 900 });
});

it("draws the steps and what waits for what", async () => {
  const steps = desk.page.getByRole("region", { name: "Steps" });
  expect(await steps.locator(".step-box").allInnerTexts()).toEqual([
    expect.stringMatching(/^Render\s+90 of 240 frames/),
    expect.stringMatching(/^Encode\s+waits for Render/),
  ]);
  expect(await steps.locator("svg path").count()).toBe(2);
});

it("groups failed frames by reason, leads to each, and tries a group again", async () => {
  const { page, broker } = desk;
  const failures = page.getByRole("region", { name: "Why frames failed" });
  expect(await failures.locator(".failure-why").allInnerTexts()).toEqual([
    "Out of GPU memory: the scene needs more than the 8 GB of this card.",
    "The texture //maps/rock_height.exr is missing.",
  ]);
  expect(await failures.getByRole("link", { name: "83" }).getAttribute("href")).toBe(
    `/jobs/${job.number}/Render/82`,
  );
  await failures.locator(".failure", { hasText: "texture" }).getByRole("button", { name: "Requeue" }).click();
  await page.getByText("1 frame asked for again.").waitFor();
  await page.getByText("Why 1 frame failed").waitFor();
  const { items } = await broker.api.ok("listTasks", {
    params: { job: job.number },
    query: { state: "failed" },
  });
  expect(items.map((task) => task.ordinal)).toEqual([61]);
  await page.getByRole("button", { name: "Requeue 1 failed frame" }).press("Enter");
  await expect.poll(() => failures.count()).toBe(0);
  // The button went with what had failed: the focus stays beside it.
  await page.locator(".job-actions:focus").waitFor();
});

it("lists the newest tries: of which frame, how they went, where and how long", async () => {
  const tries = desk.page.getByRole("region", { name: "Tries" }).locator("li");
  await expect.poll(() => tries.count()).toBe(12);
  const [running, , , done] = await Promise.all([0, 1, 2, 3].map((n) => tries.nth(n).innerText()));
  expect(running).toMatch(/Render \d+ rendering/);
  expect(done).toMatch(/Render \d+ done[^]*render-01 · \d/);
});

it("pauses, resumes, changes the priority, and says so in its activity", async () => {
  const { page, broker } = desk;
  const state = page.locator(".job-title > .chip");
  await page.getByRole("button", { name: "Pause" }).press("Enter");
  await expect.poll(() => state.innerText()).toBe("pausing");
  // The same key pressed again takes it back: the focus stays where it was.
  await page.getByRole("button", { name: "Resume" }).waitFor();
  await page.keyboard.press("Enter");
  await expect.poll(() => state.innerText()).toBe("running");
  await page.getByRole("button", { name: "More for this job" }).press("Enter");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Priority" });
  await dialog.getByRole("slider").fill("80");
  const exact = dialog.getByRole("spinbutton");
  expect(await exact.inputValue()).toBe("80");
  await desk.shots("job-priority");
  await exact.fill("101");
  await exact.press("Enter");
  expect(await dialog.isVisible()).toBe(true);
  await exact.fill("85");
  expect(await dialog.getByRole("slider").inputValue()).toBe("85");
  await exact.press("Enter");
  await page.getByText("priority 85").waitFor();
  expect((await broker.api.ok("getJob", { params: { job: job.number } })).priority).toBe(85);
  const activity = page.getByRole("region", { name: "Activity" });
  await activity.getByText("Priority is 85 now").waitFor();
  await activity.getByText("The job is pausing").waitFor();
  await activity.getByRole("link", { name: "Frame 83 failed (render-02)" }).waitFor();
});

it("asks before it cancels, says what is lost, and shows what was done", async () => {
  const { page, broker } = desk;
  const menu = page.getByRole("button", { name: "More for this job" });
  await menu.click();
  await page.getByRole("menuitem", { name: "Cancel job…" }).click();
  const dialog = page.getByRole("dialog", { name: "Cancel sc020_sh010 beauty?" });
  expect(await dialog.innerText()).toContain("What 3 running frames did so far is lost.");
  await desk.shots("job-cancel");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  expect((await broker.api.ok("getJob", { params: { job: job.number } })).intent).toBe("run");
  await menu.click();
  await page.getByRole("menuitem", { name: "Cancel job…" }).click();
  await dialog.getByRole("button", { name: "Cancel job" }).click();
  await expect.poll(() => page.title()).toMatch(/^(stopping|canceled) sc020/);
  await page
    .getByText(/90 of 241 frames/)
    .first()
    .waitFor();
});

it("asks of nothing that is not there, and offers nothing to cancel of what is over", async () => {
  const { page, broker } = desk;
  const worker = await joinWorker(broker, { name: "alone" });
  const alone = await submitNamed(broker, "one frame", [{ frames: "1" }], { priority: 95 });
  const held = await begin(worker);
  await desk.go(`/jobs/${alone.number}`);
  await page.locator(".job-title > .chip", { hasText: "running" }).waitFor();
  const menu = page.getByRole("button", { name: "More for this job" });
  await menu.click();
  await page.getByRole("menuitem", { name: "Cancel job…" }).click();
  const dialog = page.getByRole("dialog", { name: "Cancel one frame?" });
  expect(await dialog.getByRole("paragraph").innerText()).toBe(
    "What 1 running frame did so far is lost. It can be requeued later.",
  );
  await page.keyboard.press("Escape");
  await worker.succeed(held);
  await page.locator(".job-title > .chip", { hasText: "done" }).waitFor();
  await menu.click();
  expect(await page.getByRole("menuitem", { name: "Cancel job…" }).isDisabled()).toBe(true);
  await page.keyboard.press("Escape");
  await worker.leave();
});

it("shows why a job stopped, and brings its frames back", async () => {
  const { page, broker } = desk;
  const [broken] = (await broker.api.ok("listJobs", { query: { state: "failed" } })).items;
  await desk.go(`/jobs/${broken?.number}`);
  await page.locator(".failure").first().waitFor();
  expect(await page.locator(".job-why").innerText()).toBe(
    "3 frames failed, which is as many as this job allows.",
  );
  await desk.shots("job-failed");
  await page.getByRole("button", { name: "Requeue 5 frames" }).click();
  await page.getByText("5 frames asked for again.").waitFor();
  await expect.poll(() => page.locator(".job-why").count()).toBe(0);
});

it("asks before done frames are rendered again", async () => {
  const { page, broker } = desk;
  const worker = await joinWorker(broker, { name: "late" });
  const done = await submitNamed(broker, "all again", [{ frames: "1-3" }], { priority: 99 });
  await render(broker, worker, 3);
  await untilState(broker.api, done.number, "succeeded");
  await desk.go(`/jobs/${done.number}`);
  await page.getByRole("button", { name: "More for this job" }).click();
  await page.getByRole("menuitem", { name: "Render all frames again…" }).click();
  const dialog = page.getByRole("dialog", { name: "Render all frames again?" });
  expect(await dialog.innerText()).toContain("3 frames that are done will be rendered anew.");
  await dialog.getByRole("button", { name: "Render all again" }).click();
  await page.getByText("3 frames asked for again.").waitFor();
  await expect.poll(() => figure("Done")).toMatch(/^Done\s+0%/);
  await worker.leave();
});

it("opens its menu inside of a phone's window, wherever its button is", async () => {
  const { page, broker } = desk;
  const worker = await joinWorker(broker, { name: "failing" });
  const many = await submitNamed(broker, "phone", [{ frames: "1-24", chunk: 12 }], {
    priority: 100,
    maxRetries: 0,
    maxFailedTasks: 100,
  });
  await worker.fail(await worker.work(), "No camera.");
  const held = await worker.work();
  await page.setViewportSize({ width: 390, height: 844 });
  await desk.go(`/jobs/${many.number}`);
  await page.getByRole("button", { name: "Requeue 12 failed frames" }).waitFor();
  for (const width of [390, 360, 320]) {
    // oxlint-disable no-await-in-loop -- one window
    await page.setViewportSize({ width, height: 844 });
    await page.getByRole("button", { name: "More for this job" }).click();
    const box = await page.getByRole("menu").boundingBox();
    expect(box?.x).toBeGreaterThanOrEqual(0);
    expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(width);
    await page.keyboard.press("Escape");
    // oxlint-enable no-await-in-loop
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  await worker.succeed(held);
  await worker.leave();
});

it("shows first what a job has of its own, and what is as its template has it to who asks", async () => {
  const { page, broker } = desk;
  const parameters = page.getByRole("region", { name: "Parameters" });
  const named = await broker.api.ok("submitJob", {
    headers: { "idempotency-key": randomUUID() },
    body: {
      templateName: "generic-sample",
      parameters: { Frames: "1-12" },
      settings: { name: "named", home: "pull", paused: true },
    },
  });
  await desk.go(`/jobs/${named.number}`);
  const names = () => parameters.locator(".pairs:not(details *) dt").allInnerTexts();
  await expect.poll(names).toEqual(["Frames", "Tries again", "Stops after", "Files go home by"]);
  const more = parameters.locator("summary");
  expect(await more.innerText()).toMatch(/^\d+ more as the template has them$/);
  expect(await parameters.locator("details dt").first().isVisible()).toBe(false);
  await more.click();
  expect(await parameters.locator("details dt").first().isVisible()).toBe(true);
  await desk.shots("job-parameters");
});

it("says of a job that is done which files are not home, and why", async () => {
  const { page, broker } = desk;
  const far = await submitNamed(broker, "Far", [{ name: "Render", frames: "1-2" }], {
    outputFolders: ["/elsewhere"],
    priority: 100,
  });
  const worker = await joinWorker(broker, { name: "render-11" });
  await render(broker, worker, 2, () => 1, 2);
  await worker.leave();
  await desk.go(`/jobs/${far.number}`);
  const note = page.getByRole("note");
  await note.getByText("2 files are not home.").waitFor();
  expect(await note.innerText()).toContain("0001.png is outside the folders that this job may write to.");
  expect(await note.innerText()).toContain(`tally pull ${far.number} --to FOLDER`);
  await desk.shots("job-not-home");
});

it("keeps HTML of reasons and names as text", async () => {
  const { page, broker } = desk;
  const worker = await joinWorker(broker, { name: "<b>w</b>" });
  const evil = await submitNamed(broker, "<h1>name</h1>", [{ frames: "1-2" }], {
    priority: 100,
    maxRetries: 0,
  });
  await failOne(worker, '<img src=x onerror="alert(1)"> "quoted" & more');
  await desk.go(`/jobs/${evil.number}`);
  await page.getByRole("heading", { name: "<h1>name</h1>" }).waitFor();
  expect(await page.locator(".failure-why").innerText()).toBe(
    '<img src=x onerror="alert(1)"> "quoted" & more',
  );
  await page.getByText("(<b>w</b>)").waitFor();
  expect(await page.locator("#view img").count()).toBe(0);
  await broker.api.ok("setJobIntent", { params: { job: evil.number }, body: { intent: "cancel" } });
  await worker.leave();
});

it("says that there is no such job", async () => {
  await desk.go("/jobs/4711");
  await desk.page.getByText("There is no job 4711").waitFor();
  // The browser itself notes the 404, and the socket that was refused.
  expect(desk.complaints.splice(0).filter((one) => !/404|WebSocket/.test(one))).toEqual([]);
});

it("tells the end of a job by a notice, where somebody asked for it, and leads to the job", async () => {
  const { page, broker, context } = desk;
  await context.grantPermissions(["notifications"], { origin: broker.url });
  // Where a notice goes is the system's affair: what the page hands over is kept.
  await page.addInitScript(() => {
    const given: { title: string; body: string; click: () => void }[] = [];
    Object.assign(globalThis, { given });
    class Kept extends EventTarget {
      static permission = "granted";
      static requestPermission = () => Promise.resolve("granted");
      constructor(title: string, { body }: { body: string }) {
        super();
        given.push({ title, body, click: () => this.dispatchEvent(new Event("click")) });
      }
    }
    Object.assign(globalThis, { Notification: Kept });
  });
  await desk.go("/workers");
  await page.getByRole("button", { name: "Tell me when a job ends" }).click();
  await page.getByText("You are told when a job ends").waitFor();
  const worker = await joinWorker(broker, { name: "notified" });
  const told = await submitNamed(broker, "to be told", [{ frames: "1-2" }], { priority: 100 });
  await page.locator(".brand-light.is-live").waitFor();
  const given = () =>
    page.evaluate(() =>
      (globalThis as unknown as { given: { title: string; body: string }[] }).given.map(
        ({ title, body }) => `${title} ${body}`,
      ),
    );
  await render(broker, worker, 1);
  await expect
    .poll(async () => (await broker.api.ok("getJob", { params: { job: told.number } })).counts.succeeded)
    .toBe(1);
  await desk.page.getByRole("link", { name: "Jobs" }).click();
  await page.locator(".job-row", { hasText: "to be told" }).getByText("1 of 2 frames").waitFor();
  await render(broker, worker, 1);
  await expect.poll(given).toEqual(["to be told is done 2 of 2 frames done."]);
  await page.evaluate(() => (globalThis as unknown as { given: { click: () => void }[] }).given[0]?.click());
  await page.waitForURL(`**/jobs/${told.number}`);
});

it("hides the bell where a page cannot give notices, as on a phone", async () => {
  const { broker, context, complaints } = desk;
  complaints.length = 0;
  for (const permission of ["default", "granted"]) {
    // oxlint-disable no-await-in-loop -- one page after the other
    const phone = await context.newPage();
    phone.on("pageerror", (error) => complaints.push(String(error)));
    await phone.addInitScript((is) => {
      localStorage.setItem("tally-notices", "on");
      const given = { count: 0 };
      Object.assign(globalThis, {
        given,
        Notification: class {
          static permission = is;
          static requestPermission(): Promise<string> {
            return Promise.resolve(is);
          }
          constructor() {
            given.count += 1;
            throw new TypeError("Illegal constructor.");
          }
        },
      });
    }, permission);
    await phone.clock.install();
    await phone.goto(`${broker.url}/workers`);
    await phone.locator(".brand-light.is-live").waitFor();
    const bell = phone.getByRole("button", { name: "Tell me when a job ends" });
    expect(await bell.count()).toBe(permission === "granted" ? 1 : 0);
    // Where it is found out only with the first notice, that is no error.
    const worker = await joinWorker(broker, { name: permission });
    await phone.getByRole("link", { name: "Jobs" }).click();
    const name = `untold ${permission}`;
    const row = phone.locator(".job-row", { hasText: name });
    await submitNamed(broker, name, [{ frames: "1" }], { priority: 100 });
    await row.waitFor();
    // A job that ends before the page looked at it once is no news.
    await phone.clock.runFor(1000);
    await render(broker, worker, 1);
    await row.getByText("done", { exact: true }).waitFor();
    await phone.clock.runFor(1000);
    await expect
      .poll(() => phone.evaluate(() => (globalThis as unknown as { given: { count: number } }).given.count))
      .toBe(1);
    await phone.getByRole("link", { name: "Workers" }).click();
    await expect.poll(() => bell.count()).toBe(0);
    await worker.leave();
    await phone.close();
    // oxlint-enable no-await-in-loop
  }
  expect(complaints).toEqual([]);
});
