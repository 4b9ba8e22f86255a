// The status page as somebody sees it: from a worker's report to the light that is shown, and a grid of 100,000 lights.
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Page } from "playwright-core";
import { templateOf } from "../support/builders.ts";
import { brokerAt, frameJob, type Bench, type BenchBroker } from "./bench.ts";
import type { BrokerAddress, BrokerChildOptions, Received } from "./broker-child.ts";
import type { Child } from "./child.ts";
import { withChromium, type Looker } from "./chromium.ts";
import { median, quantile, show, type Row } from "./figures.ts";
import { monotonicMs } from "./load-worker.ts";
import type { Paced, PaceOptions } from "./page-load.ts";

interface Desk {
  bench: Bench;
  looker: Looker;
  server: Child;
  broker: BenchBroker;
  address: BrokerAddress;
}

/** How evenly a page was shown. */
interface Evenness {
  /** Frames shown a second, and the times between them, ms. */
  fps: number;
  p99: number;
  worst: number;
}

/** The rows about the page. */
export async function benchPage(bench: Bench): Promise<Row[]> {
  const server = bench.child("broker-child.mjs", bench.flags);
  const address = await server.call<BrokerAddress>("start", {
    program: join(bench.bundles, "broker.mjs"),
    dataFolder: bench.folder(),
    agents: false,
  } satisfies BrokerChildOptions);
  const broker = brokerAt(address.url, address.token);
  return withChromium(bench.profile, async (looker) => {
    const desk: Desk = { bench, looker, server, broker, address };
    const idle = await idleFrames(desk);
    const live = await liveRow(desk, idle);
    return [live, ...(await gridRows(desk, idle))];
  });
}

/** What this Chromium can do on this machine: frames of a page on which nothing happens. */
async function idleFrames({ bench, looker, address }: Desk): Promise<Evenness> {
  const context = await looker.context(address.loginUrl);
  const page = await context.newPage();
  await page.goto(`${address.url}/system`);
  await page.evaluate("tallyProbe.begin()");
  await sleep(bench.quick ? 200 : 3000);
  const gaps = await page.evaluate<number[]>("tallyProbe.gaps");
  await context.close();
  return evennessOf(gaps);
}

function evennessOf(gaps: readonly number[]): Evenness {
  const ms = gaps.reduce((sum, one) => sum + one, 0);
  return { fps: (gaps.length / ms) * 1000, p99: quantile(gaps, 0.99), worst: Math.max(...gaps) };
}

/** Twenty workers finish 200 frames a second while somebody watches the job. */
async function liveRow(desk: Desk, idle: Evenness): Promise<Row> {
  const { bench, looker, server, broker, address } = desk;
  const rate = 200;
  const frames = bench.quick ? 100 : 4000;
  const workers = 20;
  const { number } = await broker.submit(frameJob(frames + workers, "/bin/true"));
  await server.call("noteReports");
  const context = await looker.context();
  const page = await context.newPage();
  await page.goto(`${address.url}/jobs/${number}`);
  await page.locator(".grid-canvas").waitFor();
  await page.evaluate(`tallyProbe.watch(${frames + workers}, ${frames})`);
  const load = await joinWorkers(desk, workers);
  const { value, trace } = await looker.traced(page, () =>
    looker.profiled(page, "page-live", async () => {
      const loaded = await underLoad(desk, page, load, { leasesPerSecond: rate, leases: frames });
      await page.evaluate("tallyProbe.allDone(20_000)");
      // The frame with the last light must be shown before the trace ends.
      await sleep(300);
      return loaded;
    }),
  );
  await Promise.all([context.close(), load.stop()]);
  await endJob(broker, number);
  const received = await server.call<Received>("received");
  const reportedAt = new Map(
    value.paced.finished.flatMap(({ address: report, ordinals }) =>
      ordinals.map((ordinal) => [ordinal, received[report]] as const),
    ),
  );
  const times: number[] = [];
  for (const { name, at } of trace.marks) {
    if (!name.startsWith("done ")) continue;
    const shown = trace.shownAfter(at);
    for (const ordinal of name.slice(5).split(" ").map(Number)) {
      const from = reportedAt.get(ordinal);
      if (shown === undefined || from === undefined) throw new Error(`frame ${ordinal} was never shown`);
      times.push(shown - from);
    }
  }
  if (times.length !== frames) throw new Error(`${times.length} of ${frames} lights were shown`);
  const [p50, p99, worst] = [quantile(times, 0.5), quantile(times, 0.99), Math.max(...times)];
  const reached = (frames / value.paced.ms) * 1000;
  return {
    what: "report received → its light shown in Chromium",
    peer: "",
    tally: `p50 ${show(p50)} ms, p99 ${show(p99)} ms, worst ${show(worst)} ms, at ${show(reached)} frames/s; ${evenWords(value.even, idle)}`,
    target: "< 150 ms p99",
    met: p99 < 150 && reached > rate * 0.9,
    figures: [
      { name: "page.live.p50", unit: "ms", value: p50 },
      { name: "page.live.p99", unit: "ms", value: p99 },
      { name: "page.live.worst", unit: "ms", value: worst },
      { name: "page.live.fps", unit: "frames/s", value: value.even.fps },
    ],
  };
}

/**
 * A job of 100,000 frames: opened some times, then watched. Three quarters are done as fast as the broker can, so that the
 * page knows as much as it ever will; then 1,000 frames a second, all of them among those that are seen.
 */
async function gridRows(desk: Desk, idle: Evenness): Promise<Row[]> {
  const { bench, looker, broker, address } = desk;
  const count = bench.quick ? 2000 : 100_000;
  const [rate, chunk, workers] = [1000, 10, 10];
  const [seconds, before] = bench.quick ? [0.5, 500] : [20, 75_000];
  const step = { name: "Sim", frames: `1-${count}`, chunk };
  const { number } = await broker.submit({ template: templateOf([step], "sim") });
  const opened: number[] = [];
  for (let turn = 0; turn < (bench.quick ? 1 : 5); turn++) {
    // oxlint-disable no-await-in-loop -- one after the other
    const context = await looker.context();
    opened.push(await firstPaint(looker, await context.newPage(), `${address.url}/jobs/${number}`));
    await context.close();
    // oxlint-enable no-await-in-loop
  }
  const context = await looker.context();
  const page = await context.newPage();
  await page.goto(`${address.url}/jobs/${number}`);
  await page.locator(".grid-canvas").waitFor();
  const load = await joinWorkers(desk, workers);
  await load.call<Paced>("finish", { leases: before / chunk } satisfies PaceOptions);
  await page.locator(".grid-scroll").evaluate("(grid) => { grid.scrollTop = grid.scrollHeight; }");
  const pace = { leasesPerSecond: rate / chunk, leases: (rate / chunk) * seconds };
  const { value, trace } = await looker.traced(page, () =>
    looker.profiled(page, "page-grid", () => underLoad(desk, page, load, pace)),
  );
  await load.stop();
  const memory = await looker.memory(page);
  await context.close();
  await endJob(broker, number);
  const { from, to, longTasks, paced } = value;
  const shown = evennessOf(gapsOf(trace.shown.filter((at) => at >= from && at <= to)));
  const reached = ((rate * seconds) / paced.ms) * 1000;
  const [first, again] = [opened[0] ?? 0, median(opened)];
  const what = `a grid of ${show(count)} frames`;
  return [
    {
      what: `${what}: navigation → first paint`,
      peer: "",
      tally: `${show(first)} ms at first, then ${show(again)} ms (worst ${show(Math.max(...opened))})`,
      target: "< 1,000 ms",
      met: Math.max(...opened) < 1000,
      figures: [
        { name: "page.grid.first", unit: "ms", value: first },
        { name: "page.grid.again", unit: "ms", value: again },
      ],
    },
    {
      what: `${what}, ${show(reached)} of them done a second`,
      peer: `idle page ${evenWords(idle)}`,
      tally: `${evenWords(shown)}; ${longTasks.length} tasks above 50 ms${longTasks.length > 0 ? `, the longest ${show(Math.max(...longTasks))} ms` : ""}`,
      target: "60 frames/s",
      met: shown.fps > 0.98 * Math.min(60, idle.fps) && reached > rate * 0.9,
      figures: [
        { name: "page.grid.fps", unit: "frames/s", value: shown.fps },
        { name: "page.grid.gap.p99", unit: "ms", value: shown.p99 },
        { name: "page.grid.gap.worst", unit: "ms", value: shown.worst },
        { name: "page.idle.fps", unit: "frames/s", value: idle.fps },
      ],
    },
    {
      what: `${what}: the page's heap afterwards`,
      peer: "",
      tally: `${show(memory.heapMB)} MB, ${show(memory.collectedMB)} after a collection; its process ${show(memory.residentMB)} MB resident`,
      target: "< 150 MB",
      met: memory.heapMB < 150,
      figures: [
        { name: "page.grid.heap", unit: "MB", value: memory.heapMB },
        { name: "page.grid.resident", unit: "MB", value: memory.residentMB },
      ],
    },
  ];
}

/** From the navigation to the moment when the lights are shown, ms. */
async function firstPaint(looker: Looker, page: Page, url: string): Promise<number> {
  const { trace } = await looker.traced(page, async () => {
    await page.goto(url);
    await page.evaluate("tallyProbe.gridSeen");
    await sleep(300);
  });
  const grid = trace.marks.find(({ name }) => name === "grid");
  const shown = grid && trace.shownAfter(grid.at);
  if (!grid || shown === undefined) throw new Error("the grid was never shown");
  return shown - (grid.at - grid.sinceNavigation);
}

interface UnderLoad {
  paced: Paced;
  from: number;
  to: number;
  even: Evenness;
  longTasks: number[];
}

async function joinWorkers({ bench, broker }: Desk, workers: number): Promise<Child> {
  const load = bench.child("page-load.ts");
  await load.call("join", { port: broker.port, workerToken: await broker.workerToken(), workers });
  return load;
}

/** Lets workers finish frames, and says how evenly a page was painted meanwhile. */
async function underLoad({ bench }: Desk, page: Page, load: Child, pace: PaceOptions): Promise<UnderLoad> {
  // What was before is painted.
  await sleep(bench.quick ? 50 : 1000);
  await page.evaluate("tallyProbe.begin()");
  const from = monotonicMs();
  const paced = await load.call<Paced>("finish", pace);
  const to = monotonicMs();
  const { gaps, longTasks } = await page.evaluate<{ gaps: number[]; longTasks: number[] }>(
    "({ gaps: tallyProbe.gaps, longTasks: tallyProbe.longTasks })",
  );
  return { paced, from, to, even: evennessOf(gaps), longTasks };
}

const gapsOf = (times: readonly number[]) => times.slice(1).map((at, index) => at - (times[index] ?? 0));

function evenWords({ fps, p99, worst }: Evenness, idle?: Evenness): string {
  return `${show(fps)} frames/s (gaps p99 ${show(p99)} ms, worst ${show(worst)} ms)${idle ? `, idle ${show(idle.fps)}` : ""}`;
}

/** Its workers are gone, and the next job is not to wait behind it. */
async function endJob({ client }: BenchBroker, number: number): Promise<void> {
  await client.call("put", `/v1/jobs/${number}/intent`, { body: { intent: "cancel" } });
}
