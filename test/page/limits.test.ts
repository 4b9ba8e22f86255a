// More than one answer of the broker holds: files of one frame, tries of one frame.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { joinWorker, started, succeeded, type FakeWorker } from "../support/fake-worker.ts";
import { openDesk, uploadBytes, type Desk } from "./desk.ts";
import { testCard } from "./png.ts";
import { submitNamed } from "./scenes.ts";

let desk: Desk;
let worker: FakeWorker;
beforeAll(async () => {
  desk = await openDesk();
  worker = await joinWorker(desk.broker, { name: "render-07" });
});
afterAll(() => desk?.close());

it("shows every file of a task that made very many, such as a simulation, and its picture behind them", async () => {
  const { page, broker } = desk;
  const job = await submitNamed(broker, "Simulated", [{ name: "Simulate", frames: "1" }]);
  const held = await worker.work();
  const cache = await uploadBytes(broker, new TextEncoder().encode("points"), "");
  const caches = Array.from({ length: 1000 }, (_, n) => ({ ...cache, name: `/shots/sim.${n + 1}.bgeo.sc` }));
  const picture = await uploadBytes(broker, testCard(0), "/shots/sim.png");
  await worker.report(held, [started(0), succeeded(0, 1, [...caches, picture])], { done: true });
  await desk.go(`/jobs/${job.number}/Simulate/0`);
  await page.locator(".shot-view img").waitFor();
  expect(await page.locator(".files li").count()).toBe(1001);
});

it("asks for a frame and its files a few times a second while they come home, however many there are", async () => {
  const { page, broker } = desk;
  const home = join(desk.folder, "home");
  mkdirSync(home);
  const settings = { home: "broker" as const, outputFolders: [home] };
  const job = await submitNamed(broker, "Coming home", [{ name: "Simulate", frames: "1" }], settings);
  const held = await worker.work();
  const cache = await uploadBytes(broker, new TextEncoder().encode("points"), "");
  const files = Array.from({ length: 400 }, (_, n) => ({ ...cache, name: join(home, `sim.${n + 1}.vdb`) }));
  await desk.go(`/jobs/${job.number}/Simulate/0`);
  await page.locator(".frame-line .chip", { hasText: "about to start" }).waitFor();
  const asked = { tasks: 0, attempts: 0, artifacts: 0 };
  page.on("request", (request) => {
    const what = new URL(request.url()).pathname.split("/").at(-1) as keyof typeof asked;
    if (what in asked) asked[what] += 1;
  });
  const began = performance.now();
  await worker.report(held, [started(0), succeeded(0, 1, files)], { done: true });
  const isHome = page.locator(".files-place", { hasText: "home: " });
  await expect.poll(() => isHome.count(), { timeout: 30_000 }).toBe(400);
  const seconds = (performance.now() - began) / 1000;
  // One at once, and one more as it may end.
  expect(Math.max(...Object.values(asked)), JSON.stringify(asked)).toBeLessThanOrEqual(2 + seconds / 0.3);
});

it("counts the tries of a frame that was tried very often", async () => {
  const { page, broker } = desk;
  const job = await submitNamed(broker, "Tried", [{ name: "Render", frames: "1" }]);
  for (let n = 0; n < 101; n++) {
    // oxlint-disable no-await-in-loop -- one try after the other
    const held = await worker.work();
    await worker.report(held, [started(0), { type: "released", ordinal: 0, logOffset: 0 }], { done: true });
    // oxlint-enable no-await-in-loop
  }
  await desk.go(`/jobs/${job.number}/Render/0`);
  await page.getByText("Try 101", { exact: true }).waitFor();
});
