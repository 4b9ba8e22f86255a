// The flip-book in a real Chromium: it plays what is there, shows holes, and takes up what comes while it plays.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { submission } from "../support/builders.ts";
import { joinWorker, type FakeWorker, type Held } from "../support/fake-worker.ts";
import { openDesk, uploadBytes, type Desk } from "./desk.ts";
import { testCard } from "./png.ts";

let desk: Desk;
let worker: FakeWorker;
let number: number;
const frames = 24;
beforeAll(async () => {
  desk = await openDesk();
  worker = await joinWorker(desk.broker, { name: "render-07" });
  const settings = { name: "Turning", maxRetries: 0, outputFolders: ["/nowhere"], home: "pull" as const };
  const job = await desk.broker.api.ok("submitJob", {
    headers: { "idempotency-key": randomUUID() },
    body: submission([{ name: "Render", frames: `101-${100 + frames}` }], settings),
  });
  number = job.number;
});
afterAll(() => desk?.close());

/** Renders the next frame with a picture, and one more of another output. */
async function render(): Promise<void> {
  const held = await worker.work();
  const ordinal = held.lease.tasks[0]?.ordinal ?? 0;
  const name = String(101 + ordinal).padStart(4, "0");
  const files = await Promise.all([
    uploadBytes(desk.broker, testCard(ordinal / frames, 640, 360), `/nowhere/beauty_${name}.png`),
    uploadBytes(desk.broker, testCard(1 - ordinal / frames, 320, 180), `/nowhere/depth.${name}.png`),
  ]);
  await close(held, {
    type: "succeeded",
    ordinal,
    logOffset: 0,
    seconds: 1,
    files: ordinal < 20 ? files : files.slice(0, 1),
  });
}
const close = (held: Held, item: Parameters<FakeWorker["report"]>[1][number]) =>
  worker.report(held, [{ type: "started", ordinal: item.ordinal, logOffset: 0 }, item], { done: true });
const stage = (name: string) => desk.page.locator(".flip-stage").getAttribute(name);

it("says that there is nothing to play yet, then shows the first picture by itself", async () => {
  await desk.go(`/jobs/${number}/play`);
  await desk.page.getByText("No picture to play yet").waitFor();
  await render();
  await expect.poll(() => stage("data-shown"), { timeout: 5000 }).toBe("picture");
  await desk.page.getByText("beauty_0101.png").waitFor();
});

it("shows failed and waiting frames as holes, and scrubs by keyboard", async () => {
  const { page } = desk;
  await render();
  const held = await worker.work();
  const reason = "It did not render.";
  await close(held, {
    type: "failed",
    ordinal: 2,
    logOffset: 0,
    seconds: 1,
    failureClass: "task",
    reason,
    files: [],
  });
  for (let n = 0; n < 9; n++) {
    // oxlint-disable-next-line no-await-in-loop -- one worker
    await render();
  }
  await page.locator(".flip-frame", { hasText: `11 of ${frames} frames` }).waitFor();
  // Nobody touched it: it shows what came last.
  await expect.poll(() => stage("data-frame")).toBe("11");
  await expect.poll(() => stage("data-shown")).toBe("picture");
  await page.locator(".flip").focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await page.locator(".flip-hole", { hasText: "failed" }).waitFor();
  expect(await page.locator(".flip-hole strong").innerText()).toBe("Frame 103");
  await desk.shots("flipbook-hole");
  await page.keyboard.press("End");
  await page.locator(".flip-hole", { hasText: "waits for a worker" }).waitFor();
  const intend = (intent: "run" | "pause") =>
    desk.broker.api.ok("setJobIntent", { params: { job: number }, body: { intent } });
  await intend("pause");
  await page.locator(".flip-hole", { hasText: "waits: its job is paused" }).waitFor();
  await intend("run");
  await page.locator(".flip-hole", { hasText: "waits for a worker" }).waitFor();
  await page.getByLabel("Frame", { exact: true }).fill("5");
  await expect.poll(() => stage("data-shown")).toBe("picture");
  expect(await stage("data-frame")).toBe("5");
  await desk.shots("flipbook");
});

it("plays at the rate that was chosen, goes around, and takes up frames that finish meanwhile", async () => {
  const { page } = desk;
  await page.getByLabel("Frames per second").selectOption("60");
  await page.locator(".flip").focus();
  await page.keyboard.press("Home");
  // Watched inside the page: how long six times around take, from the first picture to the last of them, 12 frames each.
  const { ms, shown, last, badges } = await page.evaluate<{
    ms: number;
    shown: string[];
    last: number;
    badges: string[];
  }>(`new Promise((done) => {
    const stage = document.querySelector(".flip-stage");
    const shown = new Set();
    const badges = new Set();
    let last = 0;
    let before = 0;
    let turns = 0;
    const began = performance.now();
    new MutationObserver((_, observer) => {
      const index = Number(stage.dataset.frame);
      if (document.querySelector(".flip-play").ariaLabel === "Stop") {
        last = Math.max(last, index);
        shown.add(stage.dataset.shown);
        const badge = stage.querySelector(".flip-hole.is-small");
        if (badge) badges.add(badge.innerText.replace(/\\s+/g, " "));
      }
      if (index < before && ++turns === 6) {
        observer.disconnect();
        done({ ms: performance.now() - began, shown: [...shown], last, badges: [...badges] });
      }
      before = index;
    }).observe(stage, { attributes: true, attributeFilter: ["data-frame", "data-shown"] });
    document.querySelector(".flip-play").click();
  })`);
  // However many of them this machine can paint, time is kept.
  expect(ms).toBeGreaterThan(1100);
  expect(ms).toBeLessThan(1600);
  // What waits behind the last picture is not played, and over the one that failed the picture before stays.
  expect(last).toBe(11);
  expect(shown).toContain("held");
  expect(shown).not.toContain("hole");
  expect(badges).toEqual(["Frame 103 failed"]);
  await page.screenshot({ path: "test-output/page/flipbook-playing.png" });
  while ((await desk.broker.api.ok("getJob", { params: { job: number } })).counts.ready > 0) {
    // oxlint-disable-next-line no-await-in-loop -- one worker
    await render();
  }
  await page.locator(".flip-frame", { hasText: `${frames - 1} of ${frames} frames` }).waitFor();
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByRole("button", { name: "Loop" }).click();
  await page.locator(".flip").focus();
  await page.keyboard.press("End");
  await expect.poll(() => stage("data-shown")).toBe("picture");
  // At the end, without a loop, playing begins anew, and ends there again.
  await page.keyboard.press("Space");
  await expect.poll(() => page.getByRole("button", { name: "Play" }).count(), { timeout: 5000 }).toBe(1);
  expect(await stage("data-frame")).toBe(String(frames - 1));
});

it("plays in the job's own view too, and opens larger from there", async () => {
  const { page } = desk;
  await desk.go(`/jobs/${number}`);
  await expect.poll(() => stage("data-shown")).toBe("picture");
  await page.getByRole("link", { name: "Larger" }).click();
  await page.waitForURL(`**/jobs/${number}/play`);
  await expect.poll(() => stage("data-shown")).toBe("picture");
});

it("lets one choose another output, and opens the frame that is shown", async () => {
  const { page } = desk;
  await page.getByLabel("Which pictures").selectOption({ label: "depth.####.png" });
  await page.getByText(`19 of ${frames} frames`).waitFor();
  await page.locator(".flip-name").click();
  await page.waitForURL(`**/jobs/${number}/Render/0`);
  await page.locator(".shot-view img").waitFor();
  expect(await page.locator(".shot-thumb").count()).toBe(2);
  expect(await page.locator(".files li").count()).toBe(2);
});

it("had nothing that the browser complained about", () => {
  expect(desk.complaints).toEqual([]);
});
