// What comes late: a problem after the end of a job, an answer after the news of it, pictures after a thousand other files.
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { blobPath } from "../../broker/blob/folder.ts";
import { untilState } from "../support/builders.ts";
import { untilProblem } from "../support/delivery.ts";
import { joinWorker, started, succeeded, type FakeWorker } from "../support/fake-worker.ts";
import { openDesk, uploadBytes, type Desk } from "./desk.ts";
import { testCard } from "./png.ts";
import { render, submitNamed } from "./scenes.ts";

let desk: Desk;
let worker: FakeWorker;
beforeAll(async () => {
  desk = await openDesk();
  worker = await joinWorker(desk.broker, { name: "render-07" });
});
afterAll(() => desk?.close());

/** Renders the next frame, which made this file. */
async function renderFile(name: string, bytes: Uint8Array): Promise<void> {
  const held = await worker.work();
  const ordinal = held.lease.tasks[0]?.ordinal ?? 0;
  const file = await uploadBytes(desk.broker, bytes, name);
  await worker.report(held, [started(ordinal), succeeded(ordinal, 1, [file])], { done: true });
}

it("says that a file is not home also where that turns out after the job is over", async () => {
  const { page, broker } = desk;
  const home = join(desk.folder, "home");
  mkdirSync(home);
  const job = await submitNamed(broker, "Slow disk", [{ frames: "1" }], {
    home: "broker",
    outputFolders: [home],
  });
  const held = await worker.work();
  const file = await uploadBytes(broker, testCard(0), join(home, "0001.png"));
  // The store of the broker answers when this test wants it to.
  const stored = blobPath(join(broker.dataFolder, "blobs"), file.sha256);
  rmSync(stored);
  execFileSync("mkfifo", [stored]);
  const looks: number[] = [];
  page.on("response", (response) => {
    if (response.url().includes("troubled=true")) looks.push(response.status());
  });
  await desk.go(`/jobs/${job.number}`);
  await expect.poll(() => looks.length).toBeGreaterThan(0);
  const before = looks.length;
  await worker.report(held, [started(0), succeeded(0, 1, [file])], { done: true });
  await page.getByText("1 of 1 frame").waitFor();
  await expect.poll(() => looks.length, { timeout: 5000 }).toBeGreaterThan(before);
  writeFileSync(stored, "other bytes");
  await untilProblem(broker.api, job.number);
  rmSync(stored);
  const note = page.getByRole("note");
  await note.getByText("1 file is not home.").waitFor();
});

it("asks once whether a frame is to be rendered again, also where the answer comes after the news", async () => {
  const { page, broker } = desk;
  const job = await submitNamed(broker, "Asked once", [{ name: "Render", frames: "1" }]);
  await render(broker, worker, 1);
  await desk.go(`/jobs/${job.number}/Render/0`);
  const state = page.locator(".frame-line .chip");
  await state.getByText("done").waitFor();
  await page.route("**/requeue", async (route) => {
    const response = await route.fetch();
    await state.getByText("waiting").waitFor();
    await route.fulfill({ response });
  });
  await page.getByRole("button", { name: "Render again" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Render again" }).click();
  await page.getByText("Frame 1 renders again.").waitFor();
  await page.unroute("**/requeue");
  await render(broker, worker, 1);
  await state.getByText("done").waitFor();
  await page.getByRole("button", { name: "Render again" }).waitFor();
  expect(await page.getByRole("dialog").count()).toBe(0);
});

it("asks no oftener than it says for what changes with each frame", async () => {
  const { page, broker } = desk;
  const job = await submitNamed(broker, "Fast", [{ frames: "1-100" }]);
  await desk.go(`/jobs/${job.number}`);
  await page.getByText("0 of 100 frames").waitFor();
  const asked = { attempts: 0, artifacts: 0 };
  page.on("request", (request) => {
    if (request.url().includes("begun=true")) asked.attempts += 1;
    if (request.url().includes("troubled=true")) asked.artifacts += 1;
  });
  const began = performance.now();
  await render(broker, worker, 100);
  await page.getByText("100 of 100 frames").waitFor();
  await page.getByRole("region", { name: "Tries" }).getByText("100").waitFor();
  const seconds = (performance.now() - began) / 1000;
  // One at once, and one more as it may end.
  expect(asked.attempts).toBeLessThanOrEqual(2 + seconds / 1.5);
  expect(asked.artifacts).toBeLessThanOrEqual(2 + seconds / 2);
});

it("shows the pictures of a job that made many other files before them", async () => {
  const { page, broker } = desk;
  const job = await submitNamed(broker, "Simulated", [
    { name: "Simulate", frames: "1-60" },
    { name: "Render", frames: "1-2", dependsOn: ["Simulate"] },
  ]);
  // oxlint-disable no-await-in-loop -- one worker
  for (let n = 1; n <= 60; n++)
    await renderFile(`/shots/sim.${n}.bgeo.sc`, new TextEncoder().encode("points"));
  for (let n = 1; n <= 2; n++) await renderFile(`/shots/beauty.${n}.png`, testCard(n / 2));
  // oxlint-enable no-await-in-loop
  await untilState(broker.api, job.number, "succeeded");
  await desk.go(`/jobs/${job.number}`);
  await page.getByRole("region", { name: "Pictures" }).waitFor();
});

it("says of a part that is not there any more that Tally was updated since the page was opened", async () => {
  const page = await desk.context.newPage();
  page.setDefaultTimeout(5000);
  await page.goto(`${desk.broker.url}/`);
  const submit = page.getByRole("link", { name: "Submit" });
  await submit.waitFor();
  // As the broker answers whose page has other parts by now.
  await page.route("**/page/part-*.js", (route) => route.fulfill({ status: 404 }));
  await submit.click();
  await page.getByText("blender-render").click();
  await page.getByText("Tally was updated since this page was opened. Load it anew.").waitFor();
  await page.close();
});
