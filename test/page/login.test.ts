// The one-time address of the page in a real browser: typed, and as a link of another site.
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { submitNamed } from "./scenes.ts";
import type { Page } from "playwright-core";
import { lookAt, openDesk, wide, type Desk } from "./desk.ts";

let desk: Desk;
beforeAll(async () => {
  desk = await openDesk();
  await submitNamed(desk.broker, "a shot");
});
afterAll(() => desk.close());

/** A browser of its own, with no cookie yet. */
async function stranger(): Promise<{ page: Page; close: () => Promise<void> }> {
  const browser = desk.context.browser();
  if (!browser) throw new Error("there is no browser");
  const context = await browser.newContext({ viewport: wide, colorScheme: "dark" });
  return { page: await context.newPage(), close: () => context.close() };
}

async function newAddress(token: string): Promise<string> {
  const { path } = await desk.broker.api.as(token).ok("createPageAddress");
  return desk.broker.url + path;
}

/** A page of another site with a link, as a chat shows it. */
async function chatWith(address: string): Promise<{ url: string; close: () => void }> {
  const chat = createServer((_, answer) => {
    answer.setHeader("content-type", "text/html").end(`<a href="${address}">the page</a>`);
  }).listen(0, "127.0.0.1");
  await once(chat, "listening");
  return {
    url: `http://localhost:${(chat.address() as AddressInfo).port}/`,
    close: () => void chat.close(),
  };
}

it("opens the page from a link in a chat or a mail, which is another site", async () => {
  const chat = await chatWith(await newAddress(desk.broker.adminToken));
  const { page, close } = await stranger();
  await page.goto(chat.url);
  await page.getByText("the page").click();
  await page.getByText("a shot").waitFor();
  expect(page.url()).toBe(`${desk.broker.url}/`);
  // The same link again, in the browser that is in already.
  await page.goto(chat.url);
  await page.getByText("the page").click();
  await page.getByText("a shot").waitFor();
  // And in another browser: why it does not open there, and what does.
  const other = await stranger();
  await other.page.goto(chat.url);
  await other.page.getByText("the page").click();
  await other.page.getByText("It was used already, is too old, or is not complete").waitFor();
  await Promise.all([close(), other.close()]);
  chat.close();
});

it("says of an address that was used why it does not open, and lets in who is in", async () => {
  const address = await newAddress(desk.broker.adminToken);
  const first = await stranger();
  await first.page.goto(address);
  await first.page.getByText("a shot").waitFor();
  await first.page.goto(address);
  await first.page.getByText("a shot").waitFor();
  const second = await stranger();
  const answer = await second.page.goto(address);
  expect(answer?.status()).toBe(401);
  await second.page.getByRole("heading", { name: "This address does not open the page any more" }).waitFor();
  expect(await second.page.innerText("main")).toMatch(/^Tally\n/);
  expect(await second.page.innerText("main")).toContain(
    "For a new address, on the broker's own machine type",
  );
  await lookAt(second.page, "login-used");
  await second.page.goto(`${desk.broker.url}/`);
  await lookAt(second.page, "login-locked");
  // Nothing to scroll, so no scroll bar.
  const heights = "[document.documentElement.scrollHeight, innerHeight]";
  const [all, seen] = (await second.page.evaluate(heights)) as [number, number];
  expect(all).toBeLessThanOrEqual(seen);
  await Promise.all([first.close(), second.close()]);
});

it("shows a mistyped address as the page does, to who is in", async () => {
  const { page, close } = await stranger();
  await page.goto(await newAddress(desk.broker.adminToken));
  const answer = await page.goto(`${desk.broker.url}/nonsense`);
  expect(answer?.status()).toBe(404);
  await page.getByText("There is nothing at this address").waitFor();
  await lookAt(page, "not-found");
  await page.getByRole("main").getByRole("link").click();
  await page.getByText("a shot").waitFor();
  await close();
  const outside = await stranger();
  expect((await outside.page.goto(`${desk.broker.url}/nonsense`))?.status()).toBe(401);
  expect(await outside.page.innerText("main")).not.toContain("nothing at this address");
  await outside.close();
});

it("opens a page that only looks for who may only look, and says so", async () => {
  const address = await newAddress(await desk.broker.tokenFor("viewer", "wall"));
  const context = await desk.context.browser()?.newContext();
  const page = await context?.newPage();
  if (!context || !page) throw new Error("there is no browser");
  await page.goto(address);
  await page.getByText("a shot").click();
  await page.getByText("For looking only").waitFor();
  await page.locator(".grid-canvas").waitFor();
  expect(await page.getByRole("button", { name: "Pause" }).count()).toBe(0);
  await context.close();
});
