// One frame in a real Chromium: its picture, tries and log, live, searched, and however long the log is.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Report } from "../../broker/contract/worker.ts";
import { submission } from "../support/builders.ts";
import { joinWorker, type FakeWorker, type Held } from "../support/fake-worker.ts";
import { narrow, openDesk, uploadBytes, wide, writeLog, type Desk } from "./desk.ts";
import { testCard } from "./png.ts";

let desk: Desk;
let worker: FakeWorker;
let priority = 50;
beforeAll(async () => {
  desk = await openDesk();
  worker = await joinWorker(desk.broker, { name: "render-07" });
});
afterAll(() => desk?.close());

async function submitShot(name: string, frames = "1-12"): Promise<number> {
  const body = submission([{ name: "Render", frames }], {
    name,
    maxRetries: 0,
    // The newest job comes first, whatever the ones before left.
    priority: (priority += 1),
    outputFolders: ["/nowhere"],
    home: "pull",
  });
  const job = await desk.broker.api.ok("submitJob", { headers: { "idempotency-key": randomUUID() }, body });
  return job.number;
}

const say = (held: Held, items: Report["items"], done = true) => worker.report(held, items, { done });
const text = (selector: string) => desk.page.locator(selector).innerText();

it("shows a frame as it renders: progress, log line by line, then its picture", async () => {
  const { broker, page } = desk;
  const number = await submitShot("Kitchen <b>night</b>");
  const held = await worker.work();
  await say(held, [{ type: "started", ordinal: 0, logOffset: 0 }], false);
  let length = await writeLog(worker, held, "Blender 5.1.0\nFra:1 Mem:12M \u001b[32mready\u001b[0m\n");
  await desk.go(`/jobs/${number}/Render/0`);
  await page.getByText("Fra:1 Mem:12M ready").waitFor();
  await page.getByText("Kitchen <b>night</b>").waitFor();
  expect(await page.locator(".log-row .ansi-2").first().innerText()).toBe("ready");
  await worker.api.ok("renewLease", {
    params: { lease: held.lease.leaseId },
    body: { token: held.lease.token, progress: [{ ordinal: 0, percent: 42, status: "Sample 67/160" }] },
  });
  await page.getByText("Sample 67/160").waitFor();
  length = await writeLog(worker, held, "<script>alert(1)</script> &amp;\nSample 160/160\n", length);
  await page.getByText("<script>alert(1)</script> &amp;").waitFor();
  await desk.shots("frame-running");
  const file = await uploadBytes(broker, testCard(0.3, 960, 540), "/nowhere/kitchen_0001.png");
  await say(held, [
    { type: "succeeded", ordinal: 0, logOffset: length, seconds: 12.4, device: "NVIDIA H200", files: [file] },
  ]);
  await page.locator(".shot-view img").waitFor();
  await expect
    .poll(() =>
      page
        .locator(".shot-view img")
        .evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth),
    )
    .toBe(960);
  await expect.poll(() => text(".frame-line")).toContain("done");
  expect(await text(".try")).toContain("NVIDIA H200");
  expect(await text(".frame-line")).toContain("12 s");
  await desk.shots("frame-done");
});

it("HTML in job names, file names and log lines stays text", async () => {
  const { broker, page, complaints } = desk;
  const evil = `<img src=x onerror="window.brokenIn=1">`;
  const number = await submitShot(`${evil}<b>bold</b>`);
  const held = await worker.work();
  const ordinal = held.lease.tasks[0]?.ordinal ?? 0;
  const length = await writeLog(worker, held, `${evil} <script>window.brokenIn=1</script>\n`);
  const file = await uploadBytes(broker, testCard(0.5), `/nowhere/${evil}.png`.replaceAll("/", "\\"));
  await say(held, [
    { type: "started", ordinal, logOffset: 0 },
    { type: "succeeded", ordinal, logOffset: length, seconds: 1, files: [file] },
  ]);
  await desk.go(`/jobs/${number}/Render/${ordinal}`);
  await page.getByText(`${evil} <script>`).waitFor();
  expect(await page.locator(".files-name").innerText()).toContain(evil);
  expect(await page.locator(".shot-name").innerText()).toContain(evil);
  expect(await page.locator(".crumbs").innerText()).toContain(`${evil}<b>bold</b>`);
  for (const path of ["/", `/jobs/${number}`, `/jobs/${number}/play`]) {
    // oxlint-disable no-await-in-loop -- one page
    await desk.go(path);
    await page.getByText(evil).first().waitFor();
    expect(await page.locator("img[src=x], main script, main b b").count()).toBe(0);
    expect(await page.evaluate("window.brokenIn")).toBeUndefined();
    // oxlint-enable no-await-in-loop
  }
  expect(complaints).toEqual([]);
});

it("says why a frame failed, and renders it again on a press", async () => {
  const { page, broker } = desk;
  const number = await submitShot("Hall", "7-8");
  const held = await worker.work();
  const length = await writeLog(worker, held, 'Error: \u001b[31mCamera "Main" is missing\u001b[0m\n');
  await say(held, [
    { type: "started", ordinal: 0, logOffset: 0 },
    {
      type: "failed",
      ordinal: 0,
      logOffset: length,
      seconds: 1.2,
      exitCode: 1,
      failureClass: "task",
      reason: "The scene has no camera. Add one, or choose it under Camera.",
      files: [],
    },
  ]);
  await desk.go(`/jobs/${number}/Render/0`);
  await page.getByRole("heading", { name: "Why it failed" }).waitFor();
  expect(await text(".why-reason")).toContain("The scene has no camera.");
  expect(await text(".frame-line h1")).toBe("Frame 7");
  await page.getByText('Camera "Main" is missing').waitFor();
  await desk.shots("frame-failed");
  await page.getByRole("button", { name: "Render again" }).press("Enter");
  await expect.poll(() => text(".frame-line .chip")).toBe("waiting");
  // The button went with what had failed: the focus stays beside it.
  await page.locator(".frame-actions:focus").waitFor();
  const { items } = await broker.api.ok("listTasks", { params: { job: number }, query: { ordinal: 0 } });
  expect(items).toMatchObject([{ ordinal: 0, state: "ready", generation: 2 }]);
  // By keyboard to the next frame and back.
  await page.locator("body").press("ArrowRight");
  await expect.poll(() => text(".frame-line h1")).toBe("Frame 8");
  await page.locator("body").press("ArrowLeft");
  await expect.poll(() => text(".frame-line h1")).toBe("Frame 7");
  const again = await worker.work();
  await say(again, [
    { type: "started", ordinal: 0, logOffset: 0 },
    { type: "succeeded", ordinal: 0, logOffset: 0, seconds: 2, files: [] },
  ]);
  await expect.poll(() => text(".frame-line .chip")).toBe("done");
  await expect.poll(() => page.locator(".try").count()).toBe(2);
  // A frame that is done is rendered again only after a question.
  await page.getByRole("button", { name: "Render again" }).click();
  await page.getByRole("button", { name: "Keep it" }).click();
  await expect.poll(() => text(".frame-line .chip")).toBe("done");
  await worker.succeed(await worker.work());
});

it("keeps the log in sight of a frame that was tried often", async () => {
  const { page, broker } = desk;
  const number = await submitShot("Often", "4");
  for (let turn = 1; turn <= 9; turn++) {
    // oxlint-disable no-await-in-loop -- one try after the other
    const held = await worker.work();
    const logOffset = await writeLog(worker, held, `this is try ${turn}\n`);
    const reason =
      turn === 9 ? "The texture is broken." : `"bash" ended with exit code 3. Its last words: broken ${turn}`;
    const facts = { ordinal: 0, logOffset, seconds: 1, exitCode: 3, reason, files: [] };
    await say(held, [
      { type: "started", ordinal: 0, logOffset: 0 },
      { type: "failed", failureClass: "task", ...facts },
    ]);
    if (turn < 9)
      await broker.api.ok("requeueTasks", { params: { job: number }, body: { failedOnly: true } });
    // oxlint-enable no-await-in-loop
  }
  await desk.go(`/jobs/${number}/Render/0`);
  await page.getByText("this is try 9").waitFor();
  const heads = () => page.locator(".try-head").allInnerTexts();
  expect(await heads()).toEqual(["Try 9 failed", "Try 8 failed", "Try 7 failed"]);
  // Where the reason says how the program ended, it is not said twice.
  expect(await page.locator(".try-note").allInnerTexts()).toEqual(["The program ended with code 3."]);
  const top = (selector: string) =>
    page.locator(selector).evaluate((one) => one.getBoundingClientRect().top + scrollY);
  for (const width of [1440, 390]) {
    // oxlint-disable no-await-in-loop -- one window
    await page.setViewportSize({ width, height: 844 });
    expect(await top(".log-body")).toBeLessThan(width === 390 ? await top(".tries") : 700);
    // oxlint-enable no-await-in-loop
  }
  await desk.shots("frame-often");
  await page.getByRole("button", { name: "6 earlier tries" }).click();
  await page.locator(".try", { hasText: "Try 2" }).click();
  await page.getByText("this is try 2").waitFor();
  expect((await heads()).length).toBe(9);
  // What is saved is called as people speak of it.
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Save", exact: true }).click(),
  ]);
  expect(download.suggestedFilename()).toBe(`job-${number}-frame-4-try-2.log`);
  const find = page.getByLabel("Find in the log");
  await find.fill("t");
  await expect.poll(() => text(".log-count")).toBe("line 1 of 1");
  await find.fill("no such word");
  await expect.poll(() => text(".log-count")).toBe("Not found in this log");
  await desk.shots("frame-not-found");
  await page.setViewportSize(narrow);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(narrow.width);
  await page.setViewportSize(wide);
});

it("does not let a log of 200 MB hurt: end, beginning, search and live lines in moments", async () => {
  const { page } = desk;
  const number = await submitShot("Long", "1");
  const held = await worker.work();
  await say(held, [{ type: "started", ordinal: 0, logOffset: 0 }], false);
  const piece = 4 * 1024 * 1024;
  const pieces = 50;
  let length = 0;
  for (let n = 0; n < pieces; n++) {
    const line = (at: number) =>
      `piece ${n} line ${at} ${"Sample of a path tracer ".repeat(3)}`.slice(0, 127).padEnd(127, ".") + "\n";
    let block = Array.from({ length: piece / 128 }, (_, at) => line(at)).join("");
    if (n === 31) block = block.replace("piece 31 line 7 Sample", "piece 31 line 7 NEEDLE");
    // oxlint-disable-next-line no-await-in-loop -- each piece begins where the last one ended
    length = await writeLog(worker, held, block, length);
  }
  expect(length).toBe(pieces * piece);
  await desk.go(`/jobs/${number}/Render/0`);
  await page.getByText(`piece ${pieces - 1} line ${piece / 128 - 1} `).waitFor();
  const rows = await page.locator(".log-row").count();
  expect(rows).toBeLessThan(120);
  length = await writeLog(worker, held, "and one more, live\n", length);
  await page.getByText("and one more, live").waitFor();
  await page.getByLabel("Find in the log").fill("needle");
  await page.locator(".log-row.is-current").waitFor();
  expect(await text(".log-row.is-current")).toContain("piece 31 line 7 NEEDLE");
  await expect.poll(() => text(".log-count"), { timeout: 20_000 }).toBe("line 1 of 1");
  await desk.shots("log-long");
  await page.locator(".log-body").press("Home");
  await page.getByText("piece 0 line 0 ").waitFor();
  await page.locator(".log-body").press("End");
  await page.getByText("and one more, live").waitFor();
  const heap = await page.evaluate(
    () => (performance as unknown as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize,
  );
  expect(heap).toBeLessThan(100_000_000);
  await say(held, [{ type: "succeeded", ordinal: 0, logOffset: length, seconds: 1, files: [] }]);
});

it("keeps the place of a reader who scrolled up while new lines come", async () => {
  const { page } = desk;
  const number = await submitShot("Scrolled", "1");
  const held = await worker.work();
  await say(held, [{ type: "started", ordinal: 0, logOffset: 0 }], false);
  const lines = Array.from({ length: 500 }, (_, n) => `line ${n} of the log`);
  let length = await writeLog(worker, held, `${lines.join("\n")}\n`);
  await desk.go(`/jobs/${number}/Render/0`);
  await page.getByText("line 499 of the log").waitFor();
  await page.locator(".log-body").hover();
  await page.mouse.wheel(0, -4000);
  await expect
    .poll(() => page.getByRole("button", { name: "Follow" }).getAttribute("aria-pressed"))
    .toBe("false");
  const place = () =>
    page.locator(".log-body").evaluate((box) => (box as unknown as { scrollTop: number }).scrollTop);
  const before = await place();
  length = await writeLog(worker, held, "new below\n", length);
  await page.getByText("new lines wait below").waitFor();
  // How long the log is changes many times a second: nobody wants that read out.
  expect(await page.locator(".log-foot").getAttribute("role")).toBe(null);
  await expect.poll(() => text(".log-foot")).toContain("kB");
  expect(await place()).toBe(before);
  await page.getByRole("button", { name: "Follow" }).click();
  await page.getByText("new below").waitFor();
  await page.getByRole("button", { name: "Wrap" }).click();
  await page.getByText("new below").waitFor();
  await page.route("**/v1/attempts/*/log?*", (route) => route.abort());
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("The broker does not answer.").waitFor();
  await page.unroute("**/v1/attempts/*/log?*");
  expect(desk.complaints.splice(0)).toEqual([expect.stringContaining("ERR_FAILED")]);
  await say(held, [{ type: "succeeded", ordinal: 0, logOffset: length, seconds: 1, files: [] }]);
});

it("steps from frame to frame by the keyboard, keeps the focus, and tells in the tab which frame it is", async () => {
  const { page } = desk;
  const number = await submitShot("Stepped", "1-5");
  const held = await worker.work();
  await say(held, [{ type: "started", ordinal: 0, logOffset: 0 }], false);
  await desk.go(`/jobs/${number}/Render/0`);
  await expect.poll(() => page.title()).toBe("Frame 1 running, Stepped – Tally");
  // What the page asks for takes a while: what it knows by the feed is shown meanwhile.
  await page.route("**/v1/jobs/*/tasks?*", async (route) => {
    await page.waitForFunction(() => !("held" in globalThis));
    await route.continue();
  });
  await page.evaluate(() => Object.assign(globalThis, { held: true }));
  await page.getByRole("button", { name: "Frame after" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Frame 2" }).waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Frame 3" }).waitFor();
  expect(new URL(page.url()).pathname).toBe(`/jobs/${number}/Render/2`);
  await page.evaluate(() => Reflect.deleteProperty(globalThis, "held"));
  await page.getByText("Not tried yet").waitFor();
  expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe("Frame after");
  await page.unroute("**/v1/jobs/*/tasks?*");
  await expect.poll(() => page.title()).toBe("Frame 3 waiting, Stepped – Tally");
  // Each view of the job has the same way up.
  const crumbs = () => page.locator(".crumbs").innerText();
  expect(await crumbs()).toMatch(new RegExp(`^Jobs\\s+#${number} Stepped\\s+Render$`));
  await desk.go(`/jobs/${number}/play`);
  await expect.poll(() => page.title()).toBe("0% Stepped – Tally");
  expect(await crumbs()).toMatch(new RegExp(`^Jobs\\s+#${number} Stepped\\s+Flip-book$`));
  await page.locator(".crumbs a", { hasText: "Stepped" }).click();
  await page.getByRole("heading", { name: "Stepped" }).waitFor();
  expect(await crumbs()).toMatch(new RegExp(`^Jobs\\s+#${number}$`));
  await worker.succeed(held);
});

it("keys do not change the page behind a question", async () => {
  const { page } = desk;
  const number = await submitShot("Asked", "1-3");
  await worker.succeed(await worker.work());
  await desk.go(`/jobs/${number}/Render/0`);
  await page.getByRole("button", { name: "Render again" }).click();
  const dialog = page.getByRole("dialog", { name: "Render frame 1 again?" });
  await dialog.waitFor();
  await page.keyboard.press("ArrowRight");
  expect(new URL(page.url()).pathname).toBe(`/jobs/${number}/Render/0`);
  await page.keyboard.press("Escape");
  await page.keyboard.press("ArrowRight");
  await page.waitForURL(`**/jobs/${number}/Render/1`);
});

it("says of a task that is no frame which one it is", async () => {
  const { page } = desk;
  const job = await desk.broker.api.ok("submitJob", {
    headers: { "idempotency-key": randomUUID() },
    body: {
      template: JSON.stringify({
        specificationVersion: "jobtemplate-2023-09",
        name: "Tiles",
        steps: [
          {
            name: "Tile",
            parameterSpace: {
              taskParameterDefinitions: [{ name: "Side", type: "STRING", range: ["left", "right"] }],
            },
            script: { actions: { onRun: { command: "true" } } },
          },
        ],
      }),
      settings: { priority: (priority += 1), home: "pull" },
    },
  });
  await desk.go(`/jobs/${job.number}/Tile/1`);
  await page.getByRole("heading", { name: "Tile 2" }).waitFor();
  // And so does everything about its job.
  const held = await worker.work();
  await say(held, [{ type: "started", ordinal: 0, logOffset: 0 }], false);
  await desk.go(`/jobs/${job.number}`);
  const section = (name: string) => page.getByRole("region", { name });
  await section("Machines").getByRole("link", { name: "Tile 1", exact: true }).waitFor();
  await section("Tries").getByRole("link", { name: "Tile 1", exact: true }).waitFor();
  await say(held, [{ type: "succeeded", ordinal: 0, logOffset: 0, seconds: 1, files: [] }]);
  await section("Activity").getByText("Tile 1 done").waitFor();
  await worker.succeed(await worker.work());
  await section("Activity").getByText("2 frames done: 1–2").waitFor();
  await desk.go("/");
  await page.locator(".job-row", { hasText: "Tiles" }).click();
  // Whoever reads the page aloud hears that it is another one.
  await page.getByRole("heading", { name: "Tiles" }).waitFor();
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("view");
});

it("had nothing that the browser complained about", () => {
  expect(desk.complaints).toEqual([]);
});
