// A Chromium for the bench: opens pages with the probe inside, traces them, and says how much memory they hold.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { chromium, type BrowserContext, type Page } from "playwright-core";
import { root } from "../../scripts/files.ts";
import { readTrace, traceCategories, type Trace } from "./trace.ts";

/** Chromium as Debian has it. */
export const chromiumProgram = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

export interface Looker {
  /** A new window with an empty cache; `login` is an address that sets the cookie. */
  context(login?: string): Promise<BrowserContext>;
  /** Traces a page while `use` works with it. */
  traced<T>(page: Page, use: () => Promise<T>): Promise<{ value: T; trace: Trace }>;
  /** Writes a CPU profile of what the page's script does meanwhile, where one was asked for. */
  profiled<T>(page: Page, name: string, use: () => Promise<T>): Promise<T>;
  /** What the page's script holds now and after a collection, and its process as a whole, MB. */
  memory(page: Page): Promise<{ heapMB: number; collectedMB: number; residentMB: number }>;
}

/** Runs `use` with a Chromium without a window. `profileFolder` is where profiles go. */
export async function withChromium<T>(
  profileFolder: string | undefined,
  use: (looker: Looker) => Promise<T>,
): Promise<T> {
  const probe = await bundleProbe();
  const browser = await chromium.launch({ executablePath: chromiumProgram, args: ["--no-sandbox"] });
  let cookies: Awaited<ReturnType<BrowserContext["storageState"]>> | undefined;
  try {
    return await use({
      async context(login) {
        const viewport = { width: 1440, height: 900 };
        const context = await browser.newContext({ viewport, ...(cookies && { storageState: cookies }) });
        await context.addInitScript({ content: probe });
        if (login !== undefined) {
          await context.request.get(login);
          cookies = await context.storageState();
        }
        return context;
      },
      async traced(page, inside) {
        await browser.startTracing(page, { categories: traceCategories });
        const value = await inside();
        return { value, trace: readTrace((await browser.stopTracing()).toString()) };
      },
      async profiled(page, name, inside) {
        if (profileFolder === undefined) return inside();
        const session = await page.context().newCDPSession(page);
        await session.send("Profiler.enable");
        await session.send("Profiler.start");
        const value = await inside();
        const { profile } = await session.send("Profiler.stop");
        writeFileSync(join(profileFolder, `${name}.cpuprofile`), JSON.stringify(profile));
        await session.detach();
        return value;
      },
      async memory(page) {
        const session = await page.context().newCDPSession(page);
        await session.send("Performance.enable");
        const heap = async () => {
          const { metrics } = await session.send("Performance.getMetrics");
          return (metrics.find(({ name }) => name === "JSHeapUsedSize")?.value ?? 0) / 1e6;
        };
        const heapMB = await heap();
        const whole = await browser.newBrowserCDPSession();
        const { processInfo } = await whole.send("SystemInfo.getProcessInfo");
        const renderers = processInfo.filter(({ type }) => type === "renderer");
        const residentMB = Math.max(...renderers.map(({ id }) => residentOf(id)));
        await session.send("HeapProfiler.collectGarbage");
        const collectedMB = await heap();
        await Promise.all([session.detach(), whole.detach()]);
        return { heapMB, collectedMB, residentMB };
      },
    });
  } finally {
    await browser.close();
  }
}

async function bundleProbe(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(root, "test/page/probe.ts")],
    bundle: true,
    format: "iife",
    write: false,
    logLevel: "warning",
  });
  return outputFiles[0]?.text ?? "";
}

/** Resident memory of a process, MB; 0 where that cannot be read. */
function residentOf(pid: number): number {
  try {
    const kB = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return (Number(kB) * 1024) / 1e6;
  } catch {
    return 0;
  }
}
