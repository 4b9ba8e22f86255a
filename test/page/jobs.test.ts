// The list of jobs in a real Chromium: what it shows, finds, orders, and does with many at once.
import { afterAll, beforeAll, expect, it } from "vitest";
import { untilState } from "../support/builders.ts";
import { joinWorker } from "../support/fake-worker.ts";
import { narrow, openDesk, wide, type Desk } from "./desk.ts";
import { busyStudio, render, submitNamed } from "./scenes.ts";

let desk: Desk;
beforeAll(async () => {
  desk = await openDesk();
});
afterAll(() => desk.close());

const names = () => desk.page.locator(".job-name b").allInnerTexts();
const row = (name: string) => desk.page.locator(".job-row", { hasText: name });

it("says what to do while there is no job, and shows the first one without being loaded anew", async () => {
  const { page, broker } = desk;
  await desk.go("/");
  await page.getByText("No job yet").waitFor();
  await desk.shots("jobs-empty");
  const name = '<img src=x onerror="document.title=1"><b>bold</b>';
  const job = await submitNamed(broker, "first", [{ frames: "1-4" }], {
    name,
    labels: { "<i>show": "<script>alert(1)</script>" },
  });
  await row("onerror").waitFor();
  expect(await names()).toEqual([name]);
  expect(await page.locator(".job-row img, .job-row script, .job-row i").count()).toBe(0);
  expect(await row("onerror").innerText()).toContain("<i>show=<script>alert(1)</script>");

  const worker = await joinWorker(broker, { name: "one" });
  await render(broker, worker, 2);
  await row("onerror").getByText("2 of 4 frames").waitFor();
  await render(broker, worker, 2);
  await row("onerror").getByText("done", { exact: true }).waitFor();
  await untilState(broker.api, job.number, "succeeded");
  await worker.leave();
});

it("lists a studio's afternoon, and is looked at in both themes and both widths", async () => {
  const { page, broker } = desk;
  await busyStudio(broker);
  await page.getByText("sc020_sh020 previz").waitFor();
  await expect.poll(() => page.title()).toBe("1 running – Tally");
  await desk.shots("jobs");
  const facts = (name: string) => row(name).locator(".job-facts").innerText();
  expect(await facts("sc010_sh020 comp")).toContain("ended just now");
  expect(await facts("sc020_sh010 beauty")).toContain("submitted just now");
  await page.setViewportSize(narrow);
  expect(await facts("sc020_sh010 beauty")).toContain("sent just now");
  await page.setViewportSize(wide);
  // A worker took a frame of it and gave it back: nothing was rendered, and no time counts.
  const given = await submitNamed(broker, "given back", [{ frames: "1-2" }], { priority: 100 });
  const worker = await joinWorker(broker, { name: "gives back" });
  await worker.work();
  await row("given back").getByText("running", { exact: true }).waitFor();
  await row("given back").locator(".job-took").waitFor();
  await worker.leave();
  await broker.api.ok("setJobIntent", { params: { job: given.number }, body: { intent: "cancel" } });
  await row("given back").getByText("canceled", { exact: true }).waitFor();
  expect(await row("given back").locator(".job-took").count()).toBe(0);
  expect(await row("sc010_sh020 comp").locator(".job-took").count()).toBe(1);
});

it("finds by words, states, owners and labels, and orders them", async () => {
  const { page } = desk;
  await page.keyboard.press("/");
  await page.keyboard.type("SC020 sh010");
  await expect.poll(names).toEqual(["sc020_sh010 beauty"]);
  await page.keyboard.press("Control+a");
  await page.keyboard.type("nothing like it");
  await page.getByText("No job is like that").waitFor();
  await page.getByRole("button", { name: "Show all jobs" }).click();
  expect((await names()).length).toBe(8);
  await page.getByRole("button", { name: /^Failed/ }).click();
  await expect.poll(names).toEqual(["sc010_sh030 lookdev"]);
  // The numbers of the states are those of what is found, and add up.
  const numbers = async () =>
    (await page.locator(".filter-state span").allInnerTexts()).map((one) => Number(one));
  const [all, ...groups] = await numbers();
  expect([all, groups.reduce((sum, one) => sum + one, 0)]).toEqual([8, 8]);
  expect(await page.locator(".jobs-summary span").first().innerText()).toBe(`${groups[0]} under way`);
  await page.getByLabel("Search jobs").fill("sc020");
  await expect.poll(async () => (await numbers())[0]).toBeLessThan(8);
  await page.getByLabel("Search jobs").fill("");
  await page.getByRole("button", { name: /^All/ }).click();
  await page.getByLabel("Label").selectOption("show=north");
  await expect.poll(names).toEqual(["env_valley turntable"]);
  await page.getByLabel("Label").selectOption("");
  await page.getByLabel("Order").selectOption("priority");
  await expect
    .poll(async () => (await names()).slice(0, 3))
    .toEqual(["sc020_sh010 beauty", "env_valley turntable", "sc020_sh020 previz"]);
  await page.getByLabel("Order").selectOption("newest");
});

it("asks before it cancels one job, and counts no frames as running that only wait for their turn", async () => {
  const { page, broker } = desk;
  await submitNamed(broker, "in work", [{ frames: "1-4" }], { priority: 100 });
  const worker = await joinWorker(broker, { name: "render-90" });
  await worker.work();
  await row("in work").getByText("running").waitFor();
  await row("in work").getByRole("checkbox").click();
  await page.getByRole("button", { name: "Cancel…" }).click();
  const dialog = page.getByRole("dialog", { name: "Cancel 1 job?" });
  expect(await dialog.locator("p").innerText()).toMatch(/^What the frames in work did so far is lost\. /);
  await dialog.getByRole("button", { name: "Keep it" }).click();
  await page.getByRole("button", { name: "Clear" }).click();
  await worker.leave();
});

it("acts on many at once, and asks before work is lost", async () => {
  const { page, broker } = desk;
  const first = await submitNamed(broker, "many A");
  await submitNamed(broker, "many B");
  const third = await submitNamed(broker, "many C");
  await row("many A").getByRole("checkbox").click();
  await row("many C")
    .getByRole("checkbox")
    .click({ modifiers: ["Shift"] });
  await page.getByText("3 jobs selected").waitFor();
  await page.getByRole("button", { name: "Pause", exact: true }).click();
  await page.getByText("3 jobs paused.").waitFor();
  await untilState(broker.api, third.number, "paused");
  await row("many B").getByText("paused").waitFor();
  for (const name of ["many A", "many B"])
    // oxlint-disable-next-line no-await-in-loop -- one pointer
    await row(name).getByRole("checkbox").click();
  await page.getByRole("button", { name: "Cancel…" }).click();
  const dialog = page.getByRole("dialog", { name: "Cancel 2 jobs?" });
  await dialog.getByRole("button", { name: "Keep them" }).click();
  await dialog.waitFor({ state: "hidden" });
  expect((await broker.api.ok("getJob", { params: { job: first.number } })).state).toBe("paused");
  await page.getByRole("button", { name: "Cancel…" }).click();
  await dialog.getByRole("button", { name: "Cancel 2 jobs" }).click();
  await untilState(broker.api, first.number, "canceled");
  await row("many A").getByText("canceled").waitFor();
  await expect.poll(() => page.locator(".bulk").count()).toBe(0);
  // The buttons went with what was chosen: the focus stays at the list.
  await expect
    .poll(() => page.evaluate(() => document.activeElement?.getAttribute("aria-label")))
    .toBe("Jobs");
});

it("opens a job by its row, and comes back with the browser's own button", async () => {
  const { page } = desk;
  await row("many B").locator("a").click();
  await page.waitForURL("**/jobs/*");
  await page.getByRole("heading", { name: "many B" }).waitFor();
  await page.goBack();
  await row("many B").waitFor();
  // What was searched for is still there, then; not for whoever asks for the list anew.
  await page.getByLabel("Search jobs").fill("many");
  await page.getByLabel("Order").selectOption("Name");
  await row("sc020_sh010 beauty").waitFor({ state: "hidden" });
  await row("many B").locator("a").click();
  await page.getByRole("heading", { name: "many B" }).waitFor();
  await page.goBack();
  await row("many B").waitFor();
  expect(await page.getByLabel("Search jobs").inputValue()).toBe("many");
  expect(await page.getByLabel("Order").inputValue()).toBe("name");
  expect(await row("sc020_sh010 beauty").count()).toBe(0);
  await row("many B").locator("a").click();
  await page.getByRole("heading", { name: "many B" }).waitFor();
  await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: "Jobs" }).click();
  await row("sc020_sh010 beauty").waitFor();
  await desk.go("/no/such/place");
  await expect.poll(() => desk.complaints).toEqual([expect.stringContaining("404")]);
  desk.complaints.length = 0;
});

it("is a page of its own policy, and keeps the theme that somebody chose", async () => {
  const { page, broker } = desk;
  await desk.go("/");
  const answer = await page.request.get(`${broker.url}/`);
  expect(answer.headers()["content-security-policy"]).toBe(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  );
  const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const dark = await ground();
  await page.getByRole("button", { name: /^Colors/ }).click();
  expect(await page.locator("html").getAttribute("data-theme")).toBe("light");
  expect(await ground()).not.toBe(dark);
  await page.reload();
  await row("many B").waitFor();
  expect(await page.locator("html").getAttribute("data-theme")).toBe("light");
  await page.getByRole("button", { name: /^Colors/ }).click();
  await page.getByRole("button", { name: /^Colors/ }).click();
  expect(await page.locator("html").getAttribute("data-theme")).toBeNull();
  expect(desk.complaints).toEqual([]);
  // What is not the page's own does not run: neither a script put in, nor a style, nor a call elsewhere.
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "document.title = 'taken over'";
    document.body.append(script);
    const picture = document.createElement("img");
    picture.src = "http://127.0.0.1:9/x.png";
    document.body.append(picture);
  });
  await expect
    .poll(() => desk.complaints.filter((one) => one.includes("Content Security Policy")).length)
    .toBe(2);
  expect(await page.title()).not.toBe("taken over");
});

it("is locked for whoever comes without its cookie", async () => {
  const stranger = await desk.context.browser()?.newContext();
  const page = await stranger?.newPage();
  const answer = await page?.goto(`${desk.broker.url}/jobs/1`);
  expect(answer?.status()).toBe(401);
  expect(await page?.innerText("body")).toContain("This page is locked");
  await stranger?.close();
});
