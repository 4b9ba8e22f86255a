// A desk for tests of the page: the built page, a real broker, simulated workers, and a real Chromium that looks at it.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type BrowserContext, type Page } from "playwright-core";
import type { ReportFile } from "../../broker/contract/worker.ts";
import { buildPage } from "../../scripts/build-page.ts";
import { root } from "../../scripts/files.ts";
import { sha256Of } from "../support/blobs.ts";
import { leaseHeaders, type FakeWorker, type Held } from "../support/fake-worker.ts";
import { openBroker, type TestBroker } from "../support/start-broker.ts";

export interface Desk {
  /** A folder for the test's files. */
  folder: string;
  broker: TestBroker;
  page: Page;
  context: BrowserContext;
  /** What the browser complained about: errors, and what the policy refused. */
  complaints: string[];
  /** Opens an address of the page. */
  go(path: string): Promise<void>;
  /** Keeps pictures of what is shown, in both themes and both widths. */
  shots(name: string): Promise<void>;
  close(): Promise<void>;
}

/** Chromium as Debian has it. */
const program = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
export const wide = { width: 1440, height: 900 };
export const narrow = { width: 390, height: 844 };

/** Opens a desk; one for a test file. */
export async function openDesk(): Promise<Desk> {
  const folder = mkdtempSync(join(tmpdir(), "tally-page-"));
  const pageFolder = join(folder, "page");
  await buildPage(root, pageFolder);
  const broker = await openBroker({ dataFolder: join(folder, "data"), pageFolder });
  const browser = await chromium.launch({ executablePath: program, args: ["--no-sandbox"] });
  const context = await browser.newContext({ viewport: wide, colorScheme: "dark", acceptDownloads: true });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  await page.goto(broker.loginUrl);
  return {
    folder,
    broker,
    page,
    context,
    complaints,
    async go(path) {
      await page.goto(broker.url + path);
    },
    shots: (name) => lookAt(page, name),
    async close() {
      await browser.close();
      await broker.stop();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Keeps pictures of what a page shows, in both themes and both widths. */
export async function lookAt(page: Page, name: string): Promise<void> {
  const pictures = join(root, "test-output", "page");
  mkdirSync(pictures, { recursive: true });
  for (const [width, size] of [
    ["wide", wide],
    ["narrow", narrow],
  ] as const)
    for (const theme of ["dark", "light"] as const) {
      // oxlint-disable no-await-in-loop -- one window
      await page.setViewportSize(size);
      await page.emulateMedia({ colorScheme: theme });
      const path = join(pictures, `${name}-${width}-${theme}.png`);
      await page.screenshot({ path, animations: "disabled", fullPage: width === "narrow" });
      // oxlint-enable no-await-in-loop
    }
  await page.setViewportSize(wide);
  await page.emulateMedia({ colorScheme: "dark" });
}

/** Appends to the log of what a worker holds, in pieces as an agent sends them. */
export async function writeLog(
  worker: FakeWorker,
  held: Held,
  text: string | Uint8Array,
  from = 0,
): Promise<number> {
  const bytes = new Uint8Array(Buffer.from(text));
  const most = 4 * 1024 * 1024;
  let at = 0;
  while (at < bytes.length) {
    const piece = bytes.subarray(at, at + most);
    // oxlint-disable-next-line no-await-in-loop -- each piece begins where the last one ended
    await worker.api.ok("appendLog", {
      params: { lease: held.lease.leaseId },
      query: { offset: from + at },
      headers: leaseHeaders(held),
      bytes: piece as Uint8Array<ArrayBuffer>,
    });
    at += piece.length;
  }
  return from + bytes.length;
}

/** Brings the preview of a file that a frame made. */
export async function bringPreview(
  worker: FakeWorker,
  held: Held,
  sha256: string,
  picture: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const attempt = held.lease.tasks[0]?.attemptId ?? "";
  const headers = leaseHeaders(held);
  await worker.api.ok("putPreview", { params: { attempt, sha256 }, headers, bytes: picture });
}

/** Uploads a file of bytes as a worker on another machine does; `broker` keeps it. */
export async function uploadBytes(broker: TestBroker, bytes: Uint8Array, home: string): Promise<ReportFile> {
  const sha256 = sha256Of(bytes);
  await broker.api.ok("putBlob", { params: { sha256 }, bytes: new Uint8Array(bytes) });
  return { sha256, bytes: bytes.length, name: home };
}
