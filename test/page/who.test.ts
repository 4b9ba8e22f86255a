// Who looks at the page in a real Chromium: a token opens it, and nothing is offered that the broker would refuse.
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Job } from "../../broker/contract/job.ts";
import type { Role } from "../../broker/contract/states.ts";
import { submit } from "../support/builders.ts";
import { joinWorker } from "../support/fake-worker.ts";
import { lookAt, openDesk, type Desk } from "./desk.ts";
import { failOne, render } from "./scenes.ts";

let desk: Desk;
let theirs: Job;
let mine: Job;
beforeAll(async () => {
  desk = await openDesk();
  const { broker } = desk;
  const steps = [{ name: "Render", frames: "1-6" }];
  const settings = { maxRetries: 0, home: "pull" } as const;
  theirs = await submit(broker.api, steps, { ...settings, name: "theirs" });
  const workers = [
    await joinWorker(broker, { name: "render-01" }),
    await joinWorker(broker, { name: "render-02" }),
  ];
  const [worker] = workers as [(typeof workers)[number]];
  await render(broker, worker, 2);
  await failOne(worker, "The scene has no camera.");
  const anna = broker.api.as(await broker.tokenFor("artist", "anna"));
  mine = await submit(anna, steps, { ...settings, name: "mine" });
});
afterAll(() => desk?.close());

interface Visitor {
  page: Page;
  context: BrowserContext;
  /** Answers that refused something. */
  refused: string[];
}

/** Comes to the locked page, and opens it with a token. */
async function visit(role: Role, name: string): Promise<Visitor> {
  const token = await desk.broker.tokenFor(role, name);
  const browser = desk.context.browser();
  if (!browser) throw new Error("there is no browser");
  const context = await browser.newContext({ colorScheme: "dark" });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  await page.goto(`${desk.broker.url}/jobs/${theirs.number}`);
  await page.getByRole("heading", { name: "This page is locked" }).waitFor();
  const refused: string[] = [];
  page.on("response", (answer) => {
    if (answer.status() >= 400) refused.push(`${answer.status()} ${answer.url()}`);
  });
  await page.getByLabel("Your token").fill(token);
  await page.getByRole("button", { name: "Open" }).click();
  await page.locator(".job-row").first().waitFor();
  return { page, context, refused };
}

/** Everything that can be pressed, by what is read out. */
async function offered(page: Page): Promise<string[]> {
  const all = await page
    .locator("main.view button, main.view input, .head-tools a, .head-tools button")
    .all();
  const names = await Promise.all(
    all.map(async (one) => (await one.getAttribute("aria-label")) ?? (await one.innerText())),
  );
  return names.map((name) => name.trim().replaceAll(/\s+/g, " "));
}

/** What changes something, or leads to it. */
const acts =
  /^(Select job|Pause|Resume|Requeue|Cancel|More for|Render again|Finish|Stay|Submit|Show the plan|Priority)\b/;

describe("a viewer", () => {
  let visitor: Visitor;
  beforeAll(async () => {
    visitor = await visit("viewer", "wall");
  });
  afterAll(() => visitor?.context.close());

  it.each(["/", "/jobs/1", "/jobs/1/Render/0", "/jobs/1/Render/2", "/workers", "/system", "/submit"])(
    "is offered nothing at %s that would be refused, and reads that this is for looking only",
    async (path) => {
      const { page, refused } = visitor;
      await page.goto(desk.broker.url + path);
      await page.getByText("For looking only", { exact: true }).waitFor();
      await page.locator("main.view h1, main.view h2").first().waitFor();
      expect((await offered(page)).filter((name) => acts.test(name))).toEqual([]);
      expect(refused).toEqual([]);
    },
  );

  it("sees why frames failed, opens frames by a click, and chooses none by dragging", async () => {
    const { page, refused } = visitor;
    await page.goto(`${desk.broker.url}/jobs/${theirs.number}`);
    await page.locator(".failure-why", { hasText: "The scene has no camera." }).waitFor();
    await page.getByText("Click to open", { exact: true }).waitFor();
    await lookAt(page, "viewer-job");
    const canvas = await page.locator(".grid-canvas").boundingBox();
    if (!canvas) throw new Error("there are no lights");
    await page.mouse.move(canvas.x + 20, canvas.y + 20);
    await page.mouse.down();
    await page.mouse.move(canvas.x + 160, canvas.y + 20, { steps: 5 });
    await page.mouse.up();
    await page.locator(".grid-scroll").focus();
    await page.keyboard.press("Space");
    await page.keyboard.press("Control+a");
    expect(await page.locator("[aria-label='Selected frames']").count()).toBe(0);
    await page.locator(".grid-scroll").focus();
    await page.keyboard.press("Enter");
    await page.waitForURL(`**/jobs/${theirs.number}/Render/*`);
    expect(refused).toEqual([]);
  });

  it("is told on the page for submitting what it is", async () => {
    const { page } = visitor;
    await page.goto(`${desk.broker.url}/submit`);
    await page.getByRole("heading", { name: "This page is for looking only" }).waitFor();
    await lookAt(page, "viewer-submit");
    await page.goto(`${desk.broker.url}/workers`);
    await page.locator("[data-worker=render-02]").waitFor();
    await lookAt(page, "viewer-workers");
    await page.goto(desk.broker.url);
    await page.locator(".job-row").first().waitFor();
    await lookAt(page, "viewer-jobs");
  });
});

describe("an artist", () => {
  let visitor: Visitor;
  beforeAll(async () => {
    visitor = await visit("artist", "anna");
  });
  afterAll(() => visitor?.context.close());

  it("is offered what may be done with own jobs, and nothing with those of others", async () => {
    const { page, refused } = visitor;
    await page.goto(`${desk.broker.url}/jobs/${mine.number}`);
    await page.getByRole("button", { name: "Pause" }).waitFor();
    await page.getByRole("button", { name: "More for this job" }).click();
    expect(await page.getByRole("menuitem").allInnerTexts()).toEqual([
      "Change priority…",
      "Render all frames again…",
      "Cancel job…",
    ]);
    await page.keyboard.press("Escape");
    expect(await page.getByText("For looking only").count()).toBe(0);
    await page.goto(`${desk.broker.url}/jobs/${theirs.number}`);
    await page.getByRole("heading", { name: "theirs" }).waitFor();
    const names = await offered(page);
    expect(names.filter((name) => acts.test(name))).toEqual(["Submit"]);
    await lookAt(page, "artist-other-job");
    expect(refused).toEqual([]);
  });

  it("chooses own jobs alone, and changes them", async () => {
    const { page, refused } = visitor;
    await page.goto(desk.broker.url);
    await page.locator(".job-row").nth(1).waitFor();
    const boxes = page.getByRole("checkbox");
    await expect.poll(() => boxes.count()).toBe(1);
    await boxes.first().click();
    await lookAt(page, "artist-jobs");
    await page.getByRole("toolbar", { name: "Selected jobs" }).getByRole("button", { name: "Pause" }).click();
    await page.getByText("1 job paused.").waitFor();
    const job = await desk.broker.api.ok("getJob", { params: { job: mine.number } });
    expect(job.intent).toBe("pause");
    await page.goto(`${desk.broker.url}/workers`);
    await page.locator("[data-worker=render-01]").waitFor();
    expect((await offered(page)).filter((name) => acts.test(name))).toEqual(["Submit"]);
    await page.goto(`${desk.broker.url}/system`);
    await page.getByRole("heading", { name: "Database" }).waitFor();
    expect(refused).toEqual([]);
  });
});

it("a worker's token, or none that is known, opens nothing and says so", async () => {
  const context = await desk.context.browser()?.newContext();
  const page = await context?.newPage();
  if (!page) throw new Error("there is no browser");
  for (const token of [await desk.broker.tokenFor("worker"), "guess"]) {
    // oxlint-disable no-await-in-loop -- one after the other
    await page.goto(`${desk.broker.url}/login`);
    await page.getByLabel("Your token").fill(token);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "This token does not open the page" }).waitFor();
    // oxlint-enable no-await-in-loop
  }
  await lookAt(page, "login");
  expect(await context?.cookies()).toEqual([]);
  await context?.close();
});
