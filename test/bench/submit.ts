// How long a submit takes: the whole request, answered when its last frame is durable.
import type { Bench, BenchBroker } from "./bench.ts";
import { frameJob } from "./bench.ts";
import { median, quantile, show, type Row } from "./figures.ts";

/** The rows about submitting. */
export async function benchSubmit(bench: Bench): Promise<Row[]> {
  const broker = await bench.broker();
  const few = bench.quick ? 2 : 60;
  await times(broker, 10_000, bench.quick ? 1 : 5);
  const ten = await times(broker, 10_000, few);
  const hundred = await times(broker, 100_000, bench.quick ? 1 : 5);
  const [p50, p95] = [median(ten), quantile(ten, 0.95)];
  return [
    {
      what: "submit 10,000 frames",
      peer: "Flamenco 339 ms",
      tally: `p50 ${show(p50)} ms, p95 ${show(p95)} ms`,
      target: "< 50 ms p95",
      met: p95 < 50,
      figures: [
        { name: "submit.10000.p50", unit: "ms", value: p50 },
        { name: "submit.10000.p95", unit: "ms", value: p95 },
      ],
    },
    {
      what: "submit 100,000 frames",
      peer: "",
      tally: `p50 ${show(median(hundred))} ms`,
      target: "",
      met: true,
      figures: [{ name: "submit.100000.p50", unit: "ms", value: median(hundred) }],
    },
  ];
}

async function times(broker: BenchBroker, frames: number, count: number): Promise<number[]> {
  const all: number[] = [];
  for (let n = 0; n < count; n++) {
    const at = performance.now();
    // oxlint-disable-next-line no-await-in-loop -- one at a time
    await broker.submit(frameJob(frames, "/bin/true"));
    all.push(performance.now() - at);
  }
  return all;
}
