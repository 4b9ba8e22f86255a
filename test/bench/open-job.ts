// Opening a job of 100,000 frames: what goes over the wire, and how long those who follow something else wait meanwhile.
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { brokerAt, frameJob, type Bench } from "./bench.ts";
import type { BrokerAddress, BrokerChildOptions, Received } from "./broker-child.ts";
import type { HeardFrame, Opened, WatchOptions } from "./feed-load.ts";
import { timesOf } from "./feed-times.ts";
import { median, quantile, show, type Row } from "./figures.ts";
import { fillWithMixed } from "./history.ts";

/** Of the small job that somebody else follows. */
const framesPerSecond = 200;
/** What others may wait longer meanwhile, at most, ms. */
const mostMs = 50;

/** The row about opening: large jobs are opened one after the other while another reader hears of a small one. */
export async function benchOpening(bench: Bench): Promise<Row[]> {
  const folder = bench.folder();
  const [jobs, tasks, seconds] = bench.quick ? [1, 20_000, 0.1] : [6, 100_000, 3];
  fillWithMixed(folder, jobs, tasks);
  const server = bench.child("broker-child.mjs", bench.flags);
  const { url, token } = await server.call<BrokerAddress>("start", {
    program: join(bench.bundles, "broker.mjs"),
    dataFolder: folder,
    agents: false,
  } satisfies BrokerChildOptions);
  const broker = brokerAt(url, token);
  const { port } = broker;
  // More than can be needed.
  const frames = 60 * framesPerSecond;
  const watch: WatchOptions & { frames: number; framesPerSecond: number } = {
    port,
    token,
    workerToken: await broker.workerToken(),
    job: (await broker.submit(frameJob(frames + 2, "/bin/true"))).number,
    readers: 1,
    frames,
    framesPerSecond,
  };
  await server.call("noteReports");
  const load = bench.child("feed-load.ts");
  const opener = bench.child("feed-load.ts");
  const heard = load.call<HeardFrame[]>("latency", watch);
  await Promise.race([load.call("firstHeard"), heard]);
  await sleep(seconds * 1000);
  const opened: Opened[] = [];
  for (let job = 1; job <= jobs; job++) {
    // oxlint-disable no-await-in-loop -- each begins when the one before is over: none is kept from the one before
    opened.push(await opener.call<Opened>("open", { port, token, job }));
    await sleep(200);
    // oxlint-enable no-await-in-loop
  }
  await load.call("enough");
  const all = await heard;
  const received = await server.call<Received>("received");
  await Promise.all([load.stop(), opener.stop(), server.stop()]);
  const isMeanwhile = ({ sentAt, heardAt }: HeardFrame) =>
    opened.some(({ from, to }) => (heardAt[0] ?? 0) > from && sentAt < to);
  const meanwhile = timesOf(all.filter(isMeanwhile), received).heard;
  const else_ = timesOf(
    all.filter((one) => !isMeanwhile(one)),
    received,
  ).heard;
  const bytes = Math.max(...opened.map((one) => one.bytes));
  const ms = median(opened.map(({ from, to }) => to - from));
  const [before, during] = [Math.max(...else_), Math.max(...meanwhile)];
  return [
    {
      what: `a job of ${show(tasks)} frames in mixed states: its snapshot`,
      peer: "",
      tally: `${show(bytes / 1000)} KB on the wire, after ${show(ms)} ms`,
      target: "< 150 KB",
      met: bytes < 150_000,
      figures: [
        { name: "feed.open.bytes", unit: "bytes", value: bytes },
        { name: "feed.open.ms", unit: "ms", value: ms },
      ],
    },
    {
      what: "received → message at another reader while it is opened",
      peer: "",
      tally: `p50 ${show(quantile(meanwhile, 0.5))} ms, worst ${show(during)} ms of ${meanwhile.length} (else p50 ${show(quantile(else_, 0.5))}, worst ${show(before)} of ${else_.length})`,
      target: `worst < ${mostMs} ms`,
      met: during < mostMs,
      figures: [
        { name: "feed.open.others.p50", unit: "ms", value: quantile(meanwhile, 0.5) },
        { name: "feed.open.others.worst", unit: "ms", value: during },
        { name: "feed.open.else.p50", unit: "ms", value: quantile(else_, 0.5) },
        { name: "feed.open.else.worst", unit: "ms", value: before },
      ],
    },
  ];
}
