// Keys that the browser has a use for: find, back, other tabs. The page leaves them alone, also where it has keys of its own.
import { afterAll, beforeAll, expect, it } from "vitest";
import { joinWorker } from "../support/fake-worker.ts";
import { openDesk, type Desk } from "./desk.ts";
import { failOne, render, submitNamed } from "./scenes.ts";

let desk: Desk;
beforeAll(async () => {
  desk = await openDesk();
  const { broker, page } = desk;
  const worker = await joinWorker(broker, { name: "render-07" });
  const job = await submitNamed(broker, "keys", [{ frames: "1-4" }], { maxRetries: 0 });
  await render(broker, worker, 3, () => 1, 4);
  await failOne(worker, "No camera.");
  await desk.go(`/jobs/${job.number}`);
  await page.getByText("1 failed").first().waitFor();
  await page.locator(".flip").waitFor();
  await page.evaluate(() => {
    addEventListener("keydown", (event) => {
      document.body.dataset["taken"] = String(event.defaultPrevented);
      // Nothing here looks for what the browser makes of it.
      event.preventDefault();
    });
  });
});
afterAll(() => desk?.close());

/** Whether the page takes a key for itself. */
async function takes(key: string): Promise<boolean> {
  await desk.page.keyboard.press(key);
  return (await desk.page.evaluate(() => document.body.dataset["taken"])) === "true";
}

it.each([
  [".grid-scroll", ["f", "ArrowLeft", "Home"], ["Control+f", "Meta+f", "Alt+ArrowLeft", "Meta+ArrowLeft"]],
  [".flip", ["ArrowLeft", "Home"], ["Alt+ArrowLeft", "Meta+ArrowLeft", "Alt+Home"]],
])("%s takes its own keys, and leaves the browser's to the browser", async (place, own, others) => {
  await desk.page.locator(place).focus();
  for (const key of own) {
    // oxlint-disable-next-line no-await-in-loop -- one keyboard
    expect([key, await takes(key)]).toEqual([key, true]);
  }
  for (const key of others) {
    // oxlint-disable-next-line no-await-in-loop -- one keyboard
    expect([key, await takes(key)]).toEqual([key, false]);
  }
});
