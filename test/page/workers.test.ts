// Workers in a real Chromium: who is here, what each does, pausing one and a whole pool, and what a job says that waits for them.
import { afterAll, beforeAll, expect, it } from "vitest";
import { submit, until } from "../support/builders.ts";
import { joinWorker, started, type FakeWorker, type Held } from "../support/fake-worker.ts";
import { openDesk, type Desk } from "./desk.ts";

let desk: Desk;
let gpu: FakeWorker;
let ten: FakeWorker;
let held: Held;
beforeAll(async () => {
  desk = await openDesk();
});
afterAll(() => desk?.close());

const machine = (name: string) => desk.page.locator(`[data-worker="${name}"]`);
const pool = (name: string) => desk.page.getByRole("region", { name: `Pool ${name}` });
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
  // One worker needs no row of lights; two have one.
  await machine("render-02").waitFor();
  expect(await page.locator(".gauge i").count()).toBe(0);
  ten = await joinWorker(broker, { name: "render-10", osFamily: "windows" });
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
  expect(await page.locator(".gauge i").count()).toBe(2);
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
  // What was pressed says Resume now, and is where the next key goes.
  await machine("render-02").locator(".button:focus", { hasText: "Resume" }).waitFor();
  expect(await gpu.lease()).toBeNull();
  expect(await page.locator(".pool-head p").first().innerText()).toContain("2 workers, 0 at work, 1 paused");
  await press("render-02", "Resume");
  await machine("render-02").getByText("ready").waitFor();
  await inState("render-02", "idle");
  held = await gpu.work();
  await machine("render-02").getByText("rendering").waitFor();
});

it("pauses a whole pool by keyboard: all in it, and whoever comes; a job that waits for it says so", async () => {
  const { page, broker } = desk;
  await gpu.succeed(held);
  held = await gpu.work();
  const desk3 = await joinWorker(broker, { name: "anna's desk", osFamily: "macos" });
  await machine("anna's desk").waitFor();
  await press("anna's desk", "Pause");
  await inState("anna's desk", "paused");
  const button = (name: string) => pool("local").getByRole("button", { name, exact: true });
  await button("Pause pool").focus();
  await page.keyboard.press("Enter");
  await page
    .getByText(
      "The pool local is paused. Its workers finish their frames, and none is started until it is resumed.",
    )
    .waitFor();
  await machine("render-02").getByText("pausing").waitFor();
  await pool("local").locator(".button:focus", { hasText: "Resume pool" }).waitFor();
  await desk.shots("workers-pool-pausing");
  await gpu.succeed(held);
  for (const name of ["render-02", "render-10"])
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await machine(name).getByText("takes no frames while its pool is paused").waitFor();
  await machine("anna's desk").getByText("takes no frames until it is resumed").waitFor();
  expect(await machine("render-02").getByRole("button", { name: "Pause", exact: true }).count()).toBe(0);
  expect(await pool("local").locator(".pool-head").innerText()).toContain("3 workers, 0 at work, 3 paused");
  const late = await joinWorker(broker, { name: "late" });
  await machine("late").getByText("takes no frames while its pool is paused").waitFor();
  await desk3.leave();
  await machine("anna's desk").getByText("paused, away").waitFor();
  await desk.shots("workers-pool-paused");

  await desk.go("/jobs/1");
  const note = page.getByRole("note");
  await note.getByText("It waits: the pool local is paused.").waitFor();
  await desk.shots("job-pool-paused");
  await desk.go("/jobs/1/Render/5");
  await page.getByText("Not tried yet: the pool local is paused.").waitFor();
  await broker.api.ok("setJobIntent", { params: { job: 1 }, body: { intent: "pause" } });
  await page.getByText("Not tried yet: its job is paused.").waitFor();
  await broker.api.ok("setJobIntent", { params: { job: 1 }, body: { intent: "run" } });
  await page.getByText("Not tried yet: the pool local is paused.").waitFor();
  await page.goBack();
  await note.getByRole("link", { name: "Workers" }).click();
  await button("Resume pool").click();
  await page
    .getByText("The pool local takes frames again. anna's desk was paused separately and stays paused.")
    .waitFor();
  // Paused and resumed at once: what was said before is not true any more.
  await button("Pause pool").click();
  await page.locator(".note", { hasText: "The pool local is paused." }).waitFor();
  await expect.poll(() => page.locator(".note", { hasText: "The pool local" }).count()).toBe(1);
  await button("Resume pool").click();
  await page.locator(".note", { hasText: "The pool local takes frames again." }).waitFor();
  await expect.poll(() => page.locator(".note", { hasText: "The pool local" }).count()).toBe(1);
  for (const name of ["render-02", "render-10", "late"])
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await machine(name).getByText("ready").waitFor();
  expect(await note.count()).toBe(0);
  await late.leave();
});

it("a job says which workers are paused where no pool is; an absent one is shown and resumed", async () => {
  const { page } = desk;
  for (const name of ["render-02", "render-10"]) {
    // oxlint-disable no-await-in-loop -- one after the other
    await press(name, "Pause");
    await machine(name).getByText("takes no frames until it is resumed").waitFor();
    // oxlint-enable no-await-in-loop
  }
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
  await press("render-10", "Resume");
  await inState("render-10", "idle");
  await desk.go("/jobs/1");
  await page.getByRole("heading", { level: 1 }).waitFor();
  await expect.poll(() => page.locator(".figures").innerText()).toContain("waits for its turn");
  expect(await page.getByRole("note").count()).toBe(0);
});

it("shows a paused pool that nobody is in, also after the page and the broker's feed began anew, and resumes it", async () => {
  const { page, broker } = desk;
  const { items } = await broker.api.ok("listWorkers");
  for (const { id, intent } of items)
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    if (intent === "pause")
      await broker.api.ok("setWorkerIntent", { params: { worker: id }, body: { intent: "run" } });
  await gpu.leave();
  await ten.leave();
  await desk.go("/workers");
  await page.getByText("one starts by itself as soon as there is work").waitFor();
  // Somebody else does it, on the command line.
  await broker.api.ok("setPoolIntent", { params: { pool: "local" }, body: { intent: "pause" } });
  await page.getByText("This pool is paused: no worker is started in it until it is resumed.").waitFor();
  await desk.go("/jobs/1");
  await page.getByRole("note").getByText("the pool local is paused").waitFor();
  await desk.go("/workers");
  await page.getByText("This pool is paused").waitFor();
  await desk.shots("workers-pool-empty");
  await pool("local").getByRole("button", { name: "Resume pool" }).click();
  await page.getByText("The pool local takes frames again.").waitFor();
  await page.getByText("one starts by itself as soon as there is work").waitFor();
});

it("shows a paused pool that the configuration does not know, and offers a viewer nothing to press", async () => {
  const { page, broker, context } = desk;
  const guest = await joinWorker(broker, { name: "guest", pool: "night shift" });
  await machine("guest").waitFor();
  await pool("night shift").getByRole("button", { name: "Pause pool" }).click();
  await machine("guest").getByText("while its pool is paused").waitFor();
  await guest.leave();
  await expect.poll(() => machine("guest").count()).toBe(0);
  await page.getByText("This pool is paused: whoever joins it begins paused, until it is resumed.").waitFor();
  const viewer = await context.browser()?.newContext();
  if (!viewer) throw new Error("no browser");
  const look = await viewer.newPage();
  const token = await broker.tokenFor("viewer");
  const { path } = await broker.api.as(token).ok("createPageAddress");
  await look.goto(broker.url + path);
  await look.goto(`${broker.url}/workers`);
  await look.getByText("This pool is paused: whoever joins it begins paused, until it is resumed.").waitFor();
  expect(await look.getByRole("button", { name: /pool$/ }).count()).toBe(0);
  await viewer.close();
  await pool("night shift").getByRole("button", { name: "Resume pool" }).click();
  await expect.poll(() => pool("night shift").count()).toBe(0);
});

it("had nothing that the browser complained about", () => {
  expect(desk.complaints).toEqual([]);
});
