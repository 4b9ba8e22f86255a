// The system and submitting in a real Chromium, by mouse and by keyboard.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { root } from "../../scripts/files.ts";
import { templateOf } from "../support/builders.ts";
import { narrow, openDesk, wide, type Desk } from "./desk.ts";

let desk: Desk;
beforeAll(async () => {
  desk = await openDesk();
});
afterAll(() => desk?.close());

const text = (selector: string) => desk.page.locator(selector).innerText();

it("tells how the broker is", async () => {
  const { page, broker } = desk;
  await desk.go("/system");
  await page.getByText("this page hears what happens").waitFor();
  await page.getByText("Nothing is kept longer than it should be.").waitFor();
  const shown = await text(".system");
  const system = await broker.api.ok("getSystem");
  expect(shown).toContain(system.version);
  expect(shown).toContain(system.dataFolder);
  expect(shown).toContain(`version ${system.schemaVersion}`);
  expect(shown).toContain("7 days");
  expect(shown).toContain("30 days after the job's end");
  // Each table takes a page of 4 KiB, and while the broker runs they are not in the main file yet.
  expect(system.databaseBytes).toBeGreaterThan(20 * 4096);
  await desk.shots("system");
});

it("draws a form for every shipped template, plans it, says what is wrong beside the field, and submits", async () => {
  const { page, broker } = desk;
  await desk.go("/submit");
  const { items } = await broker.api.ok("listTemplates");
  for (const { name } of items) {
    // oxlint-disable no-await-in-loop -- one page
    await page.getByRole("button", { name: new RegExp(`^${name}`) }).click();
    await page.locator(`.submit-form[data-template=${name}]`).waitFor();
    expect(await page.locator(".field[data-field]").count(), name).toBeGreaterThan(0);
    // oxlint-enable no-await-in-loop
  }
  const scene = join(desk.folder, "kitchen.blend");
  writeFileSync(scene, "");
  await page.getByRole("button", { name: /^blender-render/ }).click();
  await page.locator("[data-field=Samples]").waitFor();
  await desk.shots("submit-form");
  // Values are told as artists say them, and sent as the template spells them.
  expect(await page.locator("[data-field=Samples] input").getAttribute("placeholder")).toBe(
    "as the scene has it",
  );
  expect(await page.locator("[data-field=Device] option").allInnerTexts()).toEqual([
    "as the scene has it",
    "CPU",
    "GPU",
    "GPU, else CPU",
  ]);
  expect(await page.getByLabel("Name of the job").count()).toBe(1);
  const plan = page.getByRole("button", { name: "Show the plan" });
  await plan.click();
  for (const field of ["Scene", "Frames"])
    // oxlint-disable-next-line no-await-in-loop -- one page
    expect(await text(`[data-field=${field}] .field-wrong`)).toBe("This is needed.");
  // All at once, each at its field, and the first of them has the focus.
  await page.getByLabel("Scene needed").fill(join(desk.folder, "kitchne.blend"));
  await page.getByLabel("Samples", { exact: true }).fill("abc");
  await page.getByLabel("Resolution scale", { exact: true }).fill("-5");
  await page.getByLabel("Priority").fill("900");
  await page.getByLabel("Frames needed").fill("1-1O");
  await plan.click();
  await page.locator("[data-field=Scene] .field-wrong").waitFor();
  const marked = await page.locator(".field.is-wrong").allInnerTexts();
  expect(marked.map((one) => one.split("\n").at(-1))).toEqual([
    `There is no file ${join(desk.folder, "kitchne.blend")} on the broker's machine. Did you mean ${scene}?`,
    '"1-1O" is no frame list. Write for example 1-10,15,20-40:2.',
    "This must be a whole number.",
    "The least is 0.",
    "It may be at most 100.",
  ]);
  expect(await page.locator(".problems li").count()).toBe(0);
  expect(await text(".plan-said")).toBe("5 things are not right yet: see beside the fields.");
  expect(await page.locator(":focus").getAttribute("name")).toBe("Scene");
  const [head, field] = await Promise.all([
    page.locator(".head").boundingBox(),
    page.locator("[data-field=Scene]").boundingBox(),
  ]);
  expect(field?.y).toBeGreaterThan((head?.y ?? 0) + (head?.height ?? 0));
  await desk.shots("submit-mistake");
  await page.getByLabel("Scene needed").fill(scene);
  await page.getByLabel("Samples", { exact: true }).fill("-4");
  expect(await text("[data-field=Samples] .field-wrong")).toBe("The least is 0.");
  await page.getByLabel("Samples", { exact: true }).press("ArrowUp");
  await expect.poll(() => page.getByLabel("Samples", { exact: true }).inputValue()).toBe("0");
  await page.getByLabel("Resolution scale", { exact: true }).fill("");
  await page.getByLabel("Priority").fill("");
  await page.getByLabel("Frames needed").fill("1-48");
  expect(await page.locator(".field.is-wrong").count()).toBe(0);
  await page.getByLabel("Frames needed").press("Enter");
  await page.getByRole("button", { name: "Submit 48 frames" }).waitFor();
  await desk.shots("submit-plan");
  await page.getByLabel("Priority").fill("700");
  await expect.poll(() => page.getByRole("button", { name: "Submit 48 frames" }).count()).toBe(0);
  await page.getByLabel("Priority").press("Enter");
  await page.locator(".form-group", { hasText: "Priority" }).locator(".field-wrong").first().waitFor();
  await page.getByLabel("Priority").fill("70");
  await page.getByLabel("Priority").press("Enter");
  await page.getByRole("button", { name: "Submit 48 frames" }).click();
  await page.waitForURL(/\/jobs\/\d+$/);
  const job = await broker.api.ok("getJob", { params: { job: "latest" } });
  expect(job).toMatchObject({ taskCount: 48, priority: 70, templateName: "blender-render" });
  expect(job.parameters["Scene"]?.value).toBe(scene);
});

it("shows on a phone what is wrong with the first field, and not under the plan", async () => {
  const { page } = desk;
  await page.setViewportSize(narrow);
  await desk.go("/submit");
  await page.getByRole("button", { name: "blender-render" }).click();
  await page.getByRole("button", { name: "Show the plan" }).click();
  await page.getByText("2 things are not right yet").waitFor();
  await expect
    .poll(() =>
      page.evaluate(() => {
        const [wrong, plan] = [".field-wrong", ".plan"].map((one) => document.querySelector(one));
        const bottom = wrong?.getBoundingClientRect().bottom ?? Infinity;
        return bottom <= (plan?.getBoundingClientRect().top ?? 0);
      }),
    )
    .toBe(true);
  await page.screenshot({ path: "test-output/page/submit-phone-mistake.png" });
  await page.setViewportSize(wide);
});

it("takes a pasted template: what is wrong while it is typed, its form, then the job, by keyboard alone", async () => {
  const { page, broker } = desk;
  await desk.go("/submit");
  await page.getByRole("button", { name: "Your own template" }).focus();
  await page.keyboard.press("Enter");
  const box = page.getByLabel("Template", { exact: true });
  await box.fill(
    "specificationVersion: jobtemplate-2023-09\nname: <b>x</b>\nsteps:\n  - name: Render\n    scripts: {}\n",
  );
  await page.locator(".problems code", { hasText: "steps[0]" }).first().waitFor();
  await desk.shots("submit-pasted");
  await page.getByLabel("Take a file…").setInputFiles({
    name: "film.yaml",
    mimeType: "text/yaml",
    buffer: Buffer.alloc(4 * 1024 * 1024 + 1, " "),
  });
  await page.getByText("film.yaml is too large for a template").waitFor();
  await box.fill("a: b: c");
  await page.getByText("Line 1 is not valid YAML").waitFor();
  await box.fill(readFileSync(join(root, "test/samples/bundles/controls/template.json"), "utf8"));
  await page.locator("[data-field=Yes] input[type=checkbox]").waitFor();
  expect(await page.locator("[data-field=Lines] textarea").inputValue()).toBe("first\nsecond\n");
  expect(await page.locator("[data-field=Hidden]").count()).toBe(0);
  expect(await page.locator("[data-field=Choice] select").inputValue()).toBe("3.26");
  await desk.shots("submit-controls");
  // A mistake in a field of this template is none of the next one, also where somebody presses at once.
  await page.locator("[data-field=Out] input").fill("elsewhere/values.txt");
  await box.fill(templateOf([{ name: "Render", frames: "1-3" }], "typed"));
  await page.getByRole("button", { name: "Show the plan" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Submit 3 frames" }).waitFor();
  // The plan left the focus where it was: the next button submits.
  await page.locator(".button:focus", { hasText: "Plan again" }).waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/jobs\/\d+$/);
  expect(await broker.api.ok("getJob", { params: { job: "latest" } })).toMatchObject({
    name: "typed",
    taskCount: 3,
  });
});

it("had nothing that the browser complained about", () => {
  // What the broker refuses is told on the page; the browser notes each refusal too.
  expect(desk.complaints.filter((one) => !/status of 4(09|22)/.test(one))).toEqual([]);
});
