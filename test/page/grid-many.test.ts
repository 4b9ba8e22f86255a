// Grids of very many frames in a real Chromium: all of them at once, and small lights painted one by one.
import { afterAll, beforeAll, expect, it } from "vitest";
import { joinWorker, started, succeeded } from "../support/fake-worker.ts";
import { openDesk, type Desk } from "./desk.ts";
import { submitNamed } from "./scenes.ts";

let desk: Desk;
beforeAll(async () => {
  desk = await openDesk();
});
afterAll(() => desk?.close());

it("shows a hundred thousand frames at once, and stays quick while they change", async () => {
  const { page, broker } = desk;
  const large = await submitNamed(
    broker,
    "sim_ocean cache",
    [{ name: "Sim", frames: "1-100000", chunk: 1000 }],
    { priority: 100, maxRetries: 0, maxFailedTasks: 1000 },
  );
  const fast = await joinWorker(broker, { name: "fast 2" });
  for (let chunk = 0; chunk < 41; chunk++) {
    // oxlint-disable no-await-in-loop -- one worker
    const held = await fast.work();
    const items = held.lease.tasks.flatMap(({ ordinal }) =>
      (ordinal * 31) % 977 === 5
        ? [
            started(ordinal),
            {
              type: "failed" as const,
              ordinal,
              logOffset: 0,
              seconds: 1,
              failureClass: "task" as const,
              reason: "No water.",
            },
          ]
        : [started(ordinal), succeeded(ordinal, 0.2)],
    );
    await fast.report(held, items.slice(0, 1000));
    await fast.report(held, items.slice(1000), { done: true });
    // oxlint-enable no-await-in-loop
  }
  await desk.go("/");
  await page.getByText("sim_ocean cache").waitFor();
  await page.evaluate(async (path) => {
    history.pushState(null, "", path);
    dispatchEvent(new PopStateEvent("popstate"));
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- this is what waiting is
      await new Promise((frame) => requestAnimationFrame(frame));
      const canvas = document.querySelector<HTMLCanvasElement>(".grid-canvas");
      const pen = canvas?.getContext("2d");
      if (canvas && pen && canvas.width > 500 && (pen.getImageData(300, 5, 4, 4).data[3] ?? 0) > 0) return;
    }
  }, `/jobs/${large.number}`);
  await desk.shots("job-large");
  const held = await fast.work();
  const heap = await page.evaluate(
    () => (performance as unknown as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize,
  );
  expect(heap / 1_048_576).toBeLessThan(150);
  await fast.report(
    held,
    held.lease.tasks.slice(0, 400).map(({ ordinal }) => started(ordinal)),
  );
  await fast.report(
    held,
    held.lease.tasks.map(({ ordinal }) => succeeded(ordinal, 0.2)),
    { done: true },
  );
  expect(desk.complaints).toEqual([]);
  // The next one is not to wait behind it.
  await broker.api.ok("setJobIntent", { params: { job: large.number }, body: { intent: "cancel" } });
});

it("paints small lights one by one as it paints all of them", async () => {
  const { page, broker } = desk;
  const failing = 5;
  const many = await submitNamed(broker, "many", [{ frames: "1-5000", chunk: 200 }], {
    priority: 100,
    maxRetries: 0,
    maxFailedTasks: 1000,
  });
  const fast = await joinWorker(broker, { name: "fast 3" });
  await desk.go(`/jobs/${many.number}`);
  await page.locator(".grid-canvas").waitFor();
  const image = () =>
    page.evaluate(async () => {
      await new Promise((frame) => requestAnimationFrame(() => requestAnimationFrame(frame)));
      return document.querySelector<HTMLCanvasElement>(".grid-canvas")?.toDataURL() ?? "";
    });
  const empty = await image();
  const moves = async () => (await image()) !== (await image());
  const held = await fast.work();
  await page.getByText("200 next").waitFor();
  // What only waits for its turn stands still.
  const next = await image();
  expect(next).not.toBe(empty);
  expect(await moves()).toBe(false);
  await fast.report(held, [started(0), started(1)]);
  await expect.poll(moves).toBe(true);
  expect(await page.locator(".legend").innerText()).toMatch(/2\s+running\s+198\s+next/);
  await page.screenshot({ path: "test-output/page/job-many.png" });
  await fast.report(
    held,
    held.lease.tasks.map(({ ordinal }) =>
      ordinal % failing === 0
        ? { type: "failed", ordinal, logOffset: 0, seconds: 0.2, failureClass: "task", reason: "No water." }
        : succeeded(ordinal, 0.2),
    ),
    { done: true },
  );
  await fast.leave();
  await page.getByText("40 failed").first().waitFor();
  await expect.poll(moves).toBe(false);
  const painted = await image();
  expect(painted).not.toBe(empty);
  await page.locator(".grid-scroll").focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Shift+ArrowRight");
  await page.getByText("2 frames selected").waitFor();
  await page.keyboard.press("Shift+ArrowDown");
  expect(await image()).not.toBe(painted);
  await page.screenshot({ path: "test-output/page/job-many-selected.png" });
  await page.keyboard.press("Escape");
  await page.locator(".grid-scroll").blur();
  await expect.poll(image).toBe(painted);
  // Drawn anew from nothing it is the same picture.
  await page.reload();
  await page.locator(".grid-canvas").waitFor();
  await expect.poll(image).toBe(painted);
});
