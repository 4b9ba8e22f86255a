// Pictures that no browser shows, such as EXR, in a real Chromium: their previews appear by themselves, wherever one looks.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { sha256Of } from "../support/blobs.ts";
import { submission } from "../support/builders.ts";
import { joinWorker, started, succeeded, type FakeWorker } from "../support/fake-worker.ts";
import { bringPreview, openDesk, uploadBytes, type Desk } from "./desk.ts";
import { smallCard } from "./png.ts";

let desk: Desk;
let worker: FakeWorker;
let number: number;
const frames = 12;

beforeAll(async () => {
  desk = await openDesk();
  worker = await joinWorker(desk.broker, { name: "render-07" });
  const settings = { name: "Linear light", outputFolders: ["/nowhere"], home: "pull" as const };
  const job = await desk.broker.api.ok("submitJob", {
    headers: { "idempotency-key": randomUUID() },
    body: submission([{ name: "Render", frames: `1-${frames}` }], settings),
  });
  number = job.number;
});
afterAll(() => desk?.close());

/** Renders the next frame with a file that no browser shows; resolves to how its preview is brought. */
async function render(): Promise<() => Promise<void>> {
  const held = await worker.work();
  const ordinal = held.lease.tasks[0]?.ordinal ?? 0;
  const light = Buffer.from(`light ${ordinal}`);
  const name = `/nowhere/beauty_${String(ordinal + 1).padStart(4, "0")}.exr`;
  const file = await uploadBytes(desk.broker, light, name);
  await worker.report(held, [started(ordinal), succeeded(ordinal, 2, [file])], { done: true });
  return () => bringPreview(worker, held, sha256Of(light), smallCard(ordinal / frames));
}
const widthOf = (selector: string) =>
  desk.page.locator(selector).evaluate((image) => (image as HTMLImageElement).naturalWidth);

it("shows the preview of a frame as soon as the worker brings it", async () => {
  const { page } = desk;
  await desk.go(`/jobs/${number}/Render/0`);
  const bring = await render();
  await page.getByText("No picture: a browser shows none of its files").waitFor();
  await bring();
  await page.locator(".shot-view img").waitFor();
  await expect.poll(() => widthOf(".shot-view img")).toBe(640);
  await page.locator(".shot .tag", { hasText: "preview" }).waitFor();
  expect(await page.locator(".files li").count()).toBe(1);
  expect(await page.locator(".files").innerText()).toContain("beauty_0001.exr");
  await desk.shots("frame-preview");
});

it("shows it under the pointer", async () => {
  const { page } = desk;
  await desk.go(`/jobs/${number}`);
  const box = await page.locator(".grid-canvas").boundingBox();
  if (!box) throw new Error("there is no grid");
  await page.mouse.move(box.x + 20, box.y + 20);
  await page.locator(".tip img").waitFor();
  await expect.poll(() => widthOf(".tip img")).toBe(640);
  await page.mouse.move(5, 5);
});

it("shows the newest in the list of jobs, by itself", async () => {
  const { page } = desk;
  await desk.go("/");
  await page.locator(".job-row .thumb img").waitFor();
  const shown = () => page.locator(".job-row .thumb img").getAttribute("src");
  const before = await shown();
  await (
    await render()
  )();
  await expect.poll(shown, { timeout: 10_000 }).not.toBe(before);
  await desk.go(`/jobs/${number}`);
});

it("opens the job's flip-book with the newest preview, and takes up those that come later", async () => {
  const { page } = desk;
  await page.getByRole("region", { name: "Pictures" }).waitFor();
  const stage = page.locator(".flip-stage");
  await expect.poll(() => stage.getAttribute("data-shown")).toBe("picture");
  expect(await page.locator(".flip-name").innerText()).toContain("beauty_0002.exr");
  const bring = [await render(), await render(), await render()];
  await page.locator(".flip-frame", { hasText: `2 of ${frames} frames` }).waitFor();
  await bring[1]?.();
  await page.locator(".flip-frame", { hasText: `3 of ${frames} frames` }).waitFor();
  await bring[0]?.();
  await bring[2]?.();
  await page.locator(".flip-frame", { hasText: `5 of ${frames} frames` }).waitFor();
  await page.getByLabel("Frame", { exact: true }).fill("3");
  await expect.poll(() => stage.getAttribute("data-shown")).toBe("picture");
  expect(desk.complaints).toEqual([]);
});
