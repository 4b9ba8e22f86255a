// The frame grid in a real Chromium: lights, pointer, keyboard.
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Job } from "../../broker/contract/job.ts";
import { joinWorker, started, succeeded, type FakeWorker } from "../support/fake-worker.ts";
import { openDesk, type Desk } from "./desk.ts";
import { begin, failOne, render, submitNamed, usualSeconds } from "./scenes.ts";

let desk: Desk;
let job: Job;
let worker: FakeWorker;
beforeAll(async () => {
  desk = await openDesk();
  const { broker } = desk;
  worker = await joinWorker(broker, { name: "render-07" });
  job = await submitNamed(broker, "grid", [{ name: "Render", frames: "101-140" }], { maxRetries: 0 });
  await render(broker, worker, 6, usualSeconds, 40);
  await failOne(worker, "No camera.");
  await render(broker, worker, 3, usualSeconds, 40);
  await begin(worker, 40);
  await desk.go(`/jobs/${job.number}`);
  await desk.page.locator(".grid-canvas").waitFor();
});
afterAll(() => desk.close());

/** The middle of a light, in the window. */
async function place(ordinal: number): Promise<{ x: number; y: number }> {
  const box = await desk.page.locator(".grid-canvas").boundingBox();
  if (!box) throw new Error("there is no grid");
  const [pitch, columns] = [46, 25];
  return {
    x: box.x + 3 + (ordinal % columns) * pitch + pitch / 2 - 3,
    y: box.y + 3 + Math.floor(ordinal / columns) * pitch + pitch / 2 - 3,
  };
}
const tip = () => desk.page.locator(".tip");
const spoken = () => desk.page.locator("[role=option]").innerText();

it("tells state, time, worker and picture of the frame under the pointer", async () => {
  const { page } = desk;
  const { x, y } = await place(2);
  await page.mouse.move(x, y);
  await tip().getByText("Frame 103").waitFor();
  expect(await tip().innerText()).toContain("done");
  await tip().getByText("render-07").waitFor();
  await tip().locator("img").waitFor();
  const width = () =>
    tip()
      .locator("img")
      .evaluate((one) => (one as HTMLImageElement).naturalWidth);
  await expect.poll(width).toBe(320);
  await page.screenshot({ path: "test-output/page/job-tip.png" });
  const failed = await place(6);
  await page.mouse.move(failed.x, failed.y);
  await tip().getByText("No camera.").waitFor();
  const runs = await place(10);
  await page.mouse.move(runs.x, runs.y);
  await tip().getByText("40%").waitFor();
  await page.mouse.move(5, 5);
  await expect.poll(() => tip().count()).toBe(0);
  // Where there is no room below, it stands above: also with a picture that comes later.
  await page.setViewportSize({ width: 1440, height: Math.ceil(y) + 40 });
  await page.mouse.move(x, y);
  await tip().locator("img").waitFor();
  const inside = () =>
    tip().evaluate((one) => {
      const { top, bottom } = one.getBoundingClientRect();
      return top >= 0 && bottom <= innerHeight;
    });
  await expect.poll(inside).toBe(true);
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.mouse.move(5, 5);
});

it("closes the rings around a light on every side", async () => {
  const { page } = desk;
  await page.locator(".grid-scroll").focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Shift+ArrowRight");
  await page.keyboard.press("Shift+ArrowRight");
  // In the gap left, right, above and below of three lights: chosen, chosen, and where the keyboard is.
  const sides = await page.evaluate(async () => {
    await new Promise((frame) => requestAnimationFrame(() => requestAnimationFrame(frame)));
    const pen = document.querySelector<HTMLCanvasElement>(".grid-canvas")?.getContext("2d");
    const at = (x: number, y: number) => [...(pen?.getImageData(x, y, 1, 1).data ?? [])].join(" ");
    return [1, 2, 3].map((ordinal) => {
      const [left, top, half] = [3 + ordinal * 46, 3, 20];
      return [
        at(left - 1, top + half),
        at(left + 41, top + half),
        at(left + half, top - 1),
        at(left + half, top + 41),
      ];
    });
  });
  for (const light of sides) expect(new Set(light).size, JSON.stringify(sides)).toBe(1);
  expect(sides[0]).toEqual(sides[1]);
  expect(sides[2]).not.toEqual(sides[0]);
  expect(sides.flat().every((one) => one.endsWith(" 255"))).toBe(true);
  await page.keyboard.press("Escape");
  await page.locator(".grid-scroll").blur();
});

it("shows number and mark together where there is room", async () => {
  const { page } = desk;
  const parts = (ordinal: number) =>
    page.evaluate((at) => {
      const pen = document.querySelector<HTMLCanvasElement>(".grid-canvas")?.getContext("2d");
      /** How many colors there are in a part of a light: a plain ground has one, what stands on it makes more. */
      const colors = (top: number, height: number) => {
        const { data } = pen?.getImageData(3 + at * 46 + 8, 3 + top, 25, height) ?? { data: [] };
        const found = new Set<string>();
        for (let n = 0; n < data.length; n += 4) found.add([data[n], data[n + 1], data[n + 2]].join());
        return found.size;
      };
      return { number: colors(14, 13), mark: colors(29, 8), above: colors(4, 8) };
    }, ordinal);
  for (const [name, ordinal] of [
    ["failed", 6],
    ["running", 10],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const { number, mark, above } = await parts(ordinal);
    expect(number, name).toBeGreaterThan(2);
    expect(mark, name).toBeGreaterThan(1);
    expect(above, name).toBe(1);
  }
});

it("differs by shape and not by color alone", async () => {
  const { page } = desk;
  // Of each light only whether a spot is painted, not in which color: ready, running, done and failed are four shapes.
  const shapes = await page.evaluate(
    ({ ordinals }) => {
      const canvas = document.querySelector<HTMLCanvasElement>(".grid-canvas");
      const pen = canvas?.getContext("2d");
      return ordinals.map((ordinal) => {
        const { data } = pen?.getImageData(
          3 + (ordinal % 25) * 46,
          3 + Math.floor(ordinal / 25) * 46,
          41,
          41,
        ) ?? {
          data: [],
        };
        const light: number[] = [];
        for (let at = 0; at < data.length; at += 4)
          light.push(
            Math.round(
              (((data[at] ?? 0) + (data[at + 1] ?? 0) + (data[at + 2] ?? 0)) * (data[at + 3] ?? 0)) /
                765 /
                64,
            ),
          );
        const middle = light.slice(0);
        return { corner: middle[20 * 41 + 2] !== middle[20 * 41 + 30], text: middle.join("") };
      });
    },
    { ordinals: [0, 6, 10, 20] },
  );
  expect(new Set(shapes.map((one) => one.text)).size).toBe(4);
});

it("tells what a worker renders from what waits for its turn there", async () => {
  const { page, broker } = desk;
  const held = await joinWorker(broker, { name: "holder" });
  const many = await submitNamed(broker, "held", [{ name: "Render", frames: "1-21", chunk: 7 }], {
    priority: 95,
  });
  const lease = await held.work();
  await desk.go(`/jobs/${many.number}`);
  const legend = page.locator(".legend");
  await legend.getByText("7 next").waitFor();
  const image = (ordinal: number) =>
    page.evaluate((at) => {
      const pen = document.querySelector<HTMLCanvasElement>(".grid-canvas")?.getContext("2d");
      return [...(pen?.getImageData(3 + at * 46, 3, 41, 41).data ?? [])].join();
    }, ordinal);
  // The words may come a moment before the lights.
  await expect.poll(() => image(0)).not.toMatch(/^0(,0)*$/);
  const waiting = await image(0);
  expect(await image(0)).toBe(waiting);
  await held.report(lease, [started(0)]);
  await legend.getByText("1 running").waitFor();
  expect(await legend.innerText()).toMatch(/14\s+waiting\s+1\s+running\s+6\s+next/);
  // It moves: two looks in quick succession could be the same one.
  const begun = await image(0);
  await expect.poll(() => image(0)).not.toBe(begun);
  const next = await place(1);
  await page.mouse.move(next.x, next.y);
  await tip().getByText("next on holder").waitFor();
  const first = await place(0);
  await page.mouse.move(first.x, first.y);
  await tip().getByText("so far on holder").waitFor();
  // Since when it renders, and its state once.
  expect(await tip().innerText()).toMatch(/^Frame 1\s+running\s+[0-9.]+ s so far on holder$/);
  await page.screenshot({ path: "test-output/page/job-tip-running.png" });
  await page.mouse.move(next.x, next.y);
  await tip().getByText("next on holder").waitFor();
  expect(await tip().innerText()).toMatch(/Frame 2\s+next/);
  await page.mouse.move(5, 5);
  await page.getByRole("region", { name: "Machines" }).getByText("frame 1, then 6 more").waitFor();
  expect(await page.locator(".figures").innerText()).toContain("0 of 21 frames, 1 running");
  await desk.shots("job-held");
  await page.getByRole("button", { name: "More for this job" }).click();
  await page.getByRole("menuitem", { name: "Cancel job…" }).click();
  expect(await page.getByRole("dialog").innerText()).toContain(
    "What 1 running frame did so far is lost. 20 waiting frames will not be rendered.",
  );
  await page.keyboard.press("Escape");
  await page.locator(".grid-scroll").focus();
  await page.keyboard.press("ArrowRight");
  await expect.poll(spoken).toBe("Frame 2, next");
  await page.keyboard.press("Enter");
  await page.locator(".frame-line .chip", { hasText: "about to start" }).waitFor();
  await page.locator(".try", { hasText: "about to start" }).waitFor();
  // The frame before it is done, and the worker begins this one.
  await held.report(lease, [succeeded(0), started(1)]);
  await page.locator(".frame-line .chip", { hasText: "running" }).waitFor();
  await page.locator(".try", { hasText: "rendering" }).waitFor();
  await desk.go("/workers");
  await page.locator("[data-worker=holder]").getByText("1 frame, then 5 more").waitFor();
  await held.report(lease, [2, 3, 4, 5, 6].map(started), {});
  await held.report(
    lease,
    [1, 2, 3, 4, 5, 6].map((ordinal) => succeeded(ordinal)),
    { done: true },
  );
  await broker.api.ok("setJobIntent", { params: { job: many.number }, body: { intent: "cancel" } });
  await held.leave();
  await desk.go(`/jobs/${job.number}`);
  await page.locator(".grid-canvas").waitFor();
});

it("opens a frame by a click", async () => {
  const { page } = desk;
  const { x, y } = await place(6);
  await page.mouse.click(x, y);
  await page.waitForURL(`**/jobs/${job.number}/Render/6`);
  await page.goBack();
  await page.locator(".grid-canvas").waitFor();
});

it("works by the keyboard alone", async () => {
  const { page, broker } = desk;
  await page.locator(".grid-scroll").focus();
  await expect.poll(spoken).toBe("Frame 101, done");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowDown");
  await expect.poll(spoken).toBe("Frame 127, waiting");
  await page.keyboard.press("f");
  await expect.poll(spoken).toBe("Frame 107, failed");
  await page.keyboard.press("Home");
  await page.keyboard.press("Shift+ArrowRight");
  await page.keyboard.press("Shift+ArrowRight");
  await page.getByText("3 frames selected").waitFor();
  // What is said of the frame does not cover what is said of the selection. The lights move below the pointer, if it is there.
  await page.mouse.move(5, 5);
  const isCovered = () =>
    page.evaluate(() => {
      const [tip, bar] = [".tip", ".bulk"].map((one) => document.querySelector(one)?.getBoundingClientRect());
      return tip !== undefined && bar !== undefined && tip.top < bar.bottom && tip.bottom > bar.top;
    });
  for (const height of [900, 520]) {
    // oxlint-disable no-await-in-loop -- one window
    await page.setViewportSize({ width: 1440, height });
    await page.locator(".grid-scroll").evaluate((one) => one.scrollIntoView({ block: "center" }));
    await page.keyboard.press("Shift+ArrowRight");
    await tip().locator("img").waitFor();
    await expect.poll(isCovered).toBe(false);
    // oxlint-enable no-await-in-loop
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  await desk.shots("grid-selected");
  await page.keyboard.press("Escape");
  await expect.poll(() => page.locator(".bulk").count()).toBe(0);
  await page.keyboard.press("f");
  await page.keyboard.press(" ");
  await page.getByText("1 frame selected 107").waitFor();
  await page
    .getByRole("toolbar", { name: "Selected frames" })
    .getByRole("button", { name: "Requeue" })
    .click();
  await page.getByText("1 frame asked for again.").waitFor();
  // The button went with the selection: the focus stays beside the lights.
  await expect
    .poll(() => page.evaluate(() => document.activeElement?.getAttribute("aria-label")))
    .toBe("Frames");
  const { items } = await broker.api.ok("listTasks", {
    params: { job: job.number },
    query: { state: "failed" },
  });
  expect(items).toEqual([]);
  await page.locator(".grid-scroll").focus();
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/jobs/${job.number}/Render/39`);
  await page.goBack();
  await page.locator(".grid-canvas").waitFor();
});

it("selects by dragging, and asks before done frames are rendered again", async () => {
  const { page } = desk;
  const from = await place(1);
  const to = await place(4);
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move((from.x + to.x) / 2, to.y, { steps: 3 });
  await page.mouse.move(to.x, to.y, { steps: 3 });
  await page.mouse.up();
  await page.getByText("4 frames selected 102–105").waitFor();
  await page.screenshot({ path: "test-output/page/job-selected.png" });
  await page
    .getByRole("toolbar", { name: "Selected frames" })
    .getByRole("button", { name: "Requeue" })
    .click();
  const dialog = page.getByRole("dialog", { name: "Render 4 frames again?" });
  expect(await dialog.innerText()).toContain("4 frames of them are done.");
  await dialog.getByRole("button", { name: "Render again" }).click();
  await page.getByText("4 frames asked for again.").waitFor();
});

it("selects nothing with a pointer that only passes, after a press that was no click", async () => {
  const { page } = desk;
  const from = await place(1);
  const to = await place(4);
  await page.mouse.move(from.x, from.y);
  // As on a Mac, where the press with Ctrl opens a menu, and no click follows.
  await page.locator(".grid-canvas").dispatchEvent("pointerdown", {
    clientX: from.x,
    clientY: from.y,
    pointerId: 1,
    pointerType: "mouse",
    buttons: 1,
    ctrlKey: true,
  });
  await page.mouse.move(to.x, to.y, { steps: 3 });
  await tip().getByText("Frame 105").waitFor();
  expect(await page.locator(".bulk").count()).toBe(0);
  await page.mouse.move(5, 5);
});

it("renders again what was over when it was asked, and says how many", async () => {
  const { page, broker } = desk;
  const some = await submitNamed(broker, "some again", [{ frames: "1-6" }], { priority: 99 });
  const worker = await joinWorker(broker, { name: "ends meanwhile" });
  await render(broker, worker, 2);
  const held = await begin(worker);
  await desk.go(`/jobs/${some.number}`);
  await page.getByText("2 of 6 frames").waitFor();
  await page.locator(".legend", { hasText: "1 running" }).waitFor();
  await page.locator(".grid-scroll").focus();
  await page.keyboard.press("Control+a");
  const bar = page.getByRole("toolbar", { name: "Selected frames" });
  await bar.getByText("6 frames selected").waitFor();
  await bar.getByRole("button", { name: "Requeue" }).click();
  const dialog = page.getByRole("dialog", { name: "Render 2 frames again?" });
  expect(await dialog.innerText()).toContain("4 selected frames that wait or run now are left alone.");
  await worker.succeed(held);
  await page.getByText("3 of 6 frames").waitFor();
  await dialog.getByRole("button", { name: "Render again" }).click();
  await page.getByText("2 frames asked for again.").waitFor();
  await page.getByText("1 of 6 frames").waitFor();
  await broker.api.ok("setJobIntent", { params: { job: some.number }, body: { intent: "cancel" } });
  await worker.leave();
});

it("paints a frame at the moment when it is done", async () => {
  const { page, broker } = desk;
  const small = await submitNamed(broker, "live", [{ frames: "1-5" }], { priority: 90 });
  const other = await joinWorker(broker, { name: "fast" });
  await desk.go(`/jobs/${small.number}`);
  await page.locator(".grid-canvas").waitFor();
  const color = () =>
    page.evaluate(() => {
      const pen = document.querySelector<HTMLCanvasElement>(".grid-canvas")?.getContext("2d");
      return [...(pen?.getImageData(4, 20, 1, 1).data ?? [])].join(" ");
    });
  const before = await color();
  await render(broker, other, 1);
  await expect.poll(color).not.toBe(before);
  await other.leave();
});

it("had nothing that the browser complained about", () => {
  expect(desk.complaints).toEqual([]);
});
