// The one-time address of the page in a real browser: typed, and as a link of another site.
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { submitNamed } from "./scenes.ts";
import { openDesk, type Desk } from "./desk.ts";

let desk: Desk;
beforeAll(async () => {
  desk = await openDesk();
  await submitNamed(desk.broker, "a shot");
});
afterAll(() => desk.close());

async function newAddress(token: string): Promise<string> {
  const { path } = await desk.broker.api.as(token).ok("createPageAddress");
  return desk.broker.url + path;
}

it("opens the page from a link in a chat or a mail, which is another site", async () => {
  const address = await newAddress(desk.broker.adminToken);
  const chat = createServer((_, answer) => {
    answer.setHeader("content-type", "text/html").end(`<a href="${address}">the page</a>`);
  }).listen(0, "127.0.0.1");
  await once(chat, "listening");
  const context = await desk.context.browser()?.newContext();
  const page = await context?.newPage();
  if (!context || !page) throw new Error("there is no browser");
  await page.goto(`http://localhost:${(chat.address() as AddressInfo).port}/`);
  await page.getByText("the page").click();
  await page.getByText("a shot").waitFor();
  expect(page.url()).toBe(`${desk.broker.url}/`);
  await context.close();
  chat.close();
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
