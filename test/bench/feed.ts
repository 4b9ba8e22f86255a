// From a worker's report to the message at the readers of the feed, and what many readers cost the broker.
import { join } from "node:path";
import type { Bench, BenchBroker } from "./bench.ts";
import { brokerAt, frameJob } from "./bench.ts";
import type { BrokerAddress, BrokerChildOptions, Received } from "./broker-child.ts";
import type { Child } from "./child.ts";
import type { FanOutResult, HeardFrame, WatchOptions } from "./feed-load.ts";
import { timesOf } from "./feed-times.ts";
import { quantile, show, type Row } from "./figures.ts";
import { benchOpening } from "./open-job.ts";

/** Two events a frame: it succeeded, and the next one runs. */
const framesPerSecond = 500;

/** The rows about the feed. */
export async function benchFeed(bench: Bench): Promise<Row[]> {
  const server = bench.child("broker-child.mjs", bench.flags);
  const { url, token } = await server.call<BrokerAddress>("start", {
    program: join(bench.bundles, "broker.mjs"),
    dataFolder: bench.folder(),
    agents: false,
  } satisfies BrokerChildOptions);
  const broker = brokerAt(url, token);
  const watch = async (frames: number, readers: number): Promise<WatchOptions & { frames: number }> => ({
    port: broker.port,
    token,
    workerToken: await broker.workerToken(),
    job: (await broker.submit({ ...frameJob(frames + 2, "/bin/true") })).number,
    readers,
    frames,
  });
  const rows: Row[] = [];
  for (const [readers, target] of [
    [10, 5],
    [100, 50],
  ] as const) {
    // oxlint-disable no-await-in-loop -- one at a time
    rows.push(await latency(bench, server, await watch(bench.quick ? 20 : 1000, readers), target));
    await endAll(broker);
    // oxlint-enable no-await-in-loop
  }
  rows.push(await fanOut(bench, server, watch, () => endAll(broker)));
  await server.stop();
  return [...rows, ...(await benchOpening(bench))];
}

async function latency(
  bench: Bench,
  server: Child,
  options: WatchOptions & { frames: number },
  target: number,
): Promise<Row> {
  await server.call("noteReports");
  const load = bench.child("feed-load.ts");
  const frames = await load.call<HeardFrame[]>("latency", options);
  await load.stop();
  const { heard, sent, answered } = timesOf(frames, await server.call<Received>("received"));
  const { readers } = options;
  return {
    what: `report received → message at all of ${readers} readers`,
    peer: readers === 10 ? "Flamenco 3.7 ms" : "",
    tally: `${both(heard)} (from the report sent ${both(sent)}; the worker's own answer ${both(answered)})`,
    target: `< ${target} ms p99`,
    met: quantile(heard, 0.99) < target,
    figures: [
      ...figures(`feed.${readers}`, heard),
      ...figures(`feed.${readers}.sent`, sent),
      ...figures(`feed.${readers}.answer`, answered),
    ],
  };
}

const both = (times: readonly number[]) =>
  `p50 ${show(quantile(times, 0.5))} ms, p99 ${show(quantile(times, 0.99))} ms`;

const figures = (name: string, times: readonly number[]) =>
  (["p50", "p99"] as const).map((part) => ({
    name: `${name}.${part}`,
    unit: "ms",
    value: quantile(times, part === "p50" ? 0.5 : 0.99),
  }));

async function fanOut(
  bench: Bench,
  server: Child,
  watch: (frames: number, readers: number) => Promise<WatchOptions & { frames: number }>,
  endAllJobs: () => Promise<void>,
): Promise<Row> {
  const share = async (readers: number) => {
    const load = bench.child("feed-load.ts");
    const options = { ...(await watch(bench.quick ? 200 : 10_000, readers)), framesPerSecond };
    const before = await server.call<number>("cpu");
    const result = await load.call<FanOutResult>("fanOut", options);
    const used = (await server.call<number>("cpu")) - before;
    await load.stop();
    await endAllJobs();
    return { ...result, cores: used / result.ms };
  };
  const alone = await share(0);
  const watched = await share(200);
  const rate = (watched.events / watched.ms) * 1000;
  return {
    what: "1,000 events a second to 200 readers",
    peer: "",
    tally: `${show(rate)} events/s in ${show((watched.messages / watched.ms) * 1000)} messages/s each; ${show(watched.cores)} cores, ${show(alone.cores)} of them without readers`,
    target: "< 1 core",
    met: watched.cores < 1 && rate > 900,
    figures: [
      { name: "feed.fanout.cores", unit: "cores", value: watched.cores },
      { name: "feed.fanout.alone", unit: "cores", value: alone.cores },
      { name: "feed.fanout.rate", unit: "events/s", value: rate },
    ],
  };
}

/** Jobs of a round before would be leased first. */
async function endAll({ client }: BenchBroker): Promise<void> {
  const { items } = await client.call<{ items: { number: number; endedAt: string | null }[] }>(
    "get",
    "/v1/jobs",
  );
  for (const { number, endedAt } of items) {
    if (endedAt !== null) continue;
    // oxlint-disable-next-line no-await-in-loop -- a few
    await client.call("put", `/v1/jobs/${number}/intent`, { body: { intent: "cancel" } });
  }
}
