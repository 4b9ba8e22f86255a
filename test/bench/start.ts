// What an artist waits for with a real agent: from submit to the first process of the job, and from one task's process
// to the next one's. The tasks themselves write down when they ran.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Bench, BenchBroker } from "./bench.ts";
import { frameJob } from "./bench.ts";
import { median, quantile, show, type Row } from "./figures.ts";

/** The row about the first task, each time a job of its own with a new session, on an agent that idles. */
export async function benchStart(bench: Bench): Promise<Row[]> {
  const broker = await bench.broker({ agents: true });
  const file = join(bench.folder(), "started");
  const waits: number[] = [];
  for (let n = 0; n < (bench.quick ? 3 : 42); n++) {
    const at = performance.timeOrigin + performance.now();
    // oxlint-disable-next-line no-await-in-loop -- one at a time
    await runToEnd(broker, 1, file);
    waits.push((stampsOf(file).at(-1) ?? 0) - at);
  }
  // The first one started the agent, the second was the first on it.
  const idle = waits.slice(2);
  const [p50, p95] = [median(idle), quantile(idle, 0.95)];
  return [
    {
      what: "submit → first task started on an idle worker",
      peer: "Flamenco 9 s, worst 19 s",
      tally: `p50 ${show(p50)} ms, p95 ${show(p95)} ms`,
      target: "< 250 ms p95",
      met: p95 < 250,
      figures: [
        { name: "start.p50", unit: "ms", value: p50 },
        { name: "start.p95", unit: "ms", value: p95 },
      ],
    },
  ];
}

/** The row about the gap between two tasks: from process to process, the run of the short one included. */
export async function benchGap(bench: Bench): Promise<Row[]> {
  const broker = await bench.broker({ agents: true });
  const file = join(bench.folder(), "gaps");
  await runToEnd(broker, 1, `${file}-warm`);
  await runToEnd(broker, bench.quick ? 10 : 300, file);
  const stamps = stampsOf(file);
  const gaps = stamps.slice(1).map((stamp, index) => stamp - (stamps[index] ?? 0));
  const [p50, p95] = [median(gaps), quantile(gaps, 0.95)];
  return [
    {
      what: "gap between two tasks on one worker",
      peer: "Flamenco 4.9 s",
      tally: `p50 ${show(p50)} ms, p95 ${show(p95)} ms`,
      target: "< 20 ms",
      met: p50 < 20,
      figures: [
        { name: "gap.p50", unit: "ms", value: p50 },
        { name: "gap.p95", unit: "ms", value: p95 },
      ],
    },
  ];
}

async function runToEnd(broker: BenchBroker, frames: number, file: string): Promise<void> {
  const job = await broker.submit(frameJob(frames, "/bin/sh", ["-c", `date +%s%N >> '${file}'`]));
  await broker.ended(job.number);
}

/** Milliseconds since 1970, with fractions. */
function stampsOf(file: string): number[] {
  const lines = readFileSync(file, "utf8").trim().split("\n");
  return lines.map((line) => Number(line) / 1e6);
}
