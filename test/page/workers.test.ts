// Workers in a real Chromium: who is here, what each does, pausing one and all, and what a job says that waits for them.
import { afterAll, beforeAll, expect, it } from "vitest";
import { submit, until } from "../support/builders.ts";
import { joinWorker, started, type FakeWorker, type Held } from "../support/fake-worker.ts";
import { openDesk, type Desk } from "./desk.ts";

let desk: Desk;
let gpu: FakeWorker;
let held: Held;
beforeAll(async () => {
  desk = await openDesk();
});
afterAll(() => desk?.close());

const machine = (name: string) => desk.page.locator(`[data-worker="${name}"]`);
const press = (name: string, button: string) =>
  machine(name).getByRole("button", { name: button, exact: true }).click();

/** Waits until the broker has it so. */
const inState = (name: string, state: string) =>
  until(desk.broker.api, async () => {
    const { items } = await desk.broker.api.ok("listWorkers");
    return items.find((one) => one.name === name && one.state === state);
  });

it("shows that no worker is here, then who came, what each does, and lets one finish and leave", async () => {
  const { page, broker } = desk;
  await desk.go("/workers");
  await page.getByText("No worker is here now").waitFor();
  const job = await submit(broker.api, [{ name: "Render", frames: "1-6" }], {
    name: "<img src=x onerror=alert(1)>",
  });
  gpu = await joinWorker(broker, {
    name: "render-02",
    amounts: { "amount.worker.vcpu": 16, "amount.worker.memory": 128_000, "amount.worker.gpu": 1 },
    attributes: { "attr.worker.os.family": ["linux"], "attr.worker.gpu.name": ["NVIDIA H200"] },
    blenders: [{ series: "5.1", version: "5.1.0", path: "/b", kind: "blender", source: "path" }],
  });
  await joinWorker(broker, { name: "render-10", osFamily: "windows" });
  held = await gpu.work();
  await gpu.report(held, [started(0)]);
  await gpu.api.ok("renewLease", {
    params: { lease: held.lease.leaseId },
    body: { token: held.lease.token, progress: [{ ordinal: 0, percent: 60 }] },
  });
  await machine("render-02").getByText("rendering").waitFor();
  await expect.poll(() => machine("render-02").locator("progress").getAttribute("value")).toBe("60");
  expect(await machine("render-02").innerText()).toContain("16 cores · 125 GB · NVIDIA H200 · Blender 5.1");
  expect(await machine("render-02").getByRole("link").innerText()).toContain("<img src=x onerror=alert(1)>");
  await desk.shots("workers");
  await press("render-02", "More for render-02");
  await desk.shots("workers-menu");
  await page.getByRole("menuitem", { name: "Finish and leave" }).click();
  await machine("render-02").getByText("finishing").waitFor();
  await inState("render-02", "draining");
  await press("render-02", "Stay");
  await machine("render-02").getByText("rendering").waitFor();
  await machine("render-02").getByRole("link").click();
  await page.waitForURL(`**/jobs/${job.number}/Render/0`);
});

it("pauses one in its frame: it finishes, is seen paused, and goes on when it is resumed", async () => {
  const { page } = desk;
  await desk.go("/workers");
  await press("render-02", "Pause");
  await page.getByText("render-02 finishes its frame, then takes no more until it is resumed.").waitFor();
  await machine("render-02").getByText("pausing").waitFor();
  await inState("render-02", "pausing");
  await desk.shots("workers-pausing");
  await gpu.succeed(held);
  await machine("render-02").getByText("takes no frames until it is resumed").waitFor();
  await inState("render-02", "paused");
  expect(await gpu.lease()).toBeNull();
  expect(await page.locator(".pool-head p").first().innerText()).toContain("2 workers, 0 at work, 1 paused");
  await press("render-02", "Resume");
  await machine("render-02").getByText("ready").waitFor();
  await inState("render-02", "idle");
  held = await gpu.work();
  await machine("render-02").getByText("rendering").waitFor();
});

it("pauses all of a pool by keyboard; a job that waits for them says so, and an absent one is shown", async () => {
  const { page, broker } = desk;
  await gpu.succeed(held);
  const desk3 = await joinWorker(broker, { name: "anna's desk", osFamily: "macos" });
  await machine("anna's desk").waitFor();
  const all = page.getByRole("button", { name: "Pause all" });
  await all.focus();
  await page.keyboard.press("Enter");
  await page.getByText("3 workers of local paused.").waitFor();
  for (const name of ["render-02", "render-10", "anna's desk"])
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await machine(name).getByText("takes no frames until it is resumed").waitFor();
  await expect.poll(() => all.count()).toBe(0);
  await desk3.leave();
  await machine("anna's desk").getByText("paused, away").waitFor();
  await desk.shots("workers-paused");

  await desk.go("/jobs/1");
  const note = page.getByRole("note");
  await note.getByText("every worker that could render it is paused").waitFor();
  expect(await note.innerText()).toContain("(anna's desk, render-02, render-10)");
  expect(await page.locator(".figures").innerText()).toContain("every worker is paused");
  await desk.shots("job-workers-paused");
  await note.getByRole("link", { name: "Workers" }).click();
  await press("anna's desk", "Resume");
  await page.getByText("anna's desk takes frames again once it is back.").waitFor();
  await expect.poll(() => machine("anna's desk").count()).toBe(0);
  await page.getByRole("button", { name: "Resume all" }).click();
  await page.getByText("2 workers of local resumed.").waitFor();
  await inState("render-10", "idle");
  await desk.go("/jobs/1");
  await page.getByRole("heading", { level: 1 }).waitFor();
  await expect.poll(() => page.locator(".figures").innerText()).toContain("waits for its turn");
  expect(await page.getByRole("note").count()).toBe(0);
});

it("had nothing that the browser complained about", () => {
  expect(desk.complaints).toEqual([]);
});
