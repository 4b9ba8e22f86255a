// Lease and completion of one frame per request, by 100 workers over HTTP, beside the bare handler in the same run.
import type { Bench, BenchBroker } from "./bench.ts";
import { frameJob } from "./bench.ts";
import type { Child } from "./child.ts";
import { median, show, type Row } from "./figures.ts";
import { fillWithHistory } from "./history.ts";
import type { RoundOptions, RoundResult } from "./load.ts";

const workers = 100;

interface Contestant {
  name: string;
  refill(): Promise<unknown>;
  target: Pick<RoundOptions, "port" | "token">;
  load: Child;
  rounds: RoundResult[];
}

/** The rows about pairs per second. */
export async function benchPairs(bench: Bench, only: readonly string[] = []): Promise<Row[]> {
  const pairs = bench.quick ? 300 : 8000;
  const million = bench.quick ? 2000 : 1_000_000;
  const makers: Record<string, () => Promise<Contestant>> = {
    bare: () => bareHandler(bench),
    queued: () => queued(bench, "queued", 0),
    "million queued": () => queued(bench, "million queued", million),
    "million finished": () => finished(bench, million),
  };
  const contestants: Contestant[] = [];
  for (const [name, make] of Object.entries(makers)) {
    // oxlint-disable-next-line no-await-in-loop -- filling one at a time
    if (only.length === 0 || only.includes(name)) contestants.push(await make());
  }
  // The first round warms up; then they take turns, so that a busy moment of the machine meets all of them.
  for (let round = 0; round < (bench.quick ? 1 : 6); round++) {
    for (const contestant of contestants) {
      // oxlint-disable-next-line no-await-in-loop -- one at a time
      const result = await play(contestant, pairs);
      if (round > 0 || bench.quick) contestant.rounds.push(result);
    }
  }
  return rowsOf(contestants);
}

async function play(contestant: Contestant, pairs: number): Promise<RoundResult> {
  const { target, load } = contestant;
  await contestant.refill();
  return load.call<RoundResult>("round", { ...target, workers, pairs } satisfies RoundOptions);
}

async function bareHandler(bench: Bench): Promise<Contestant> {
  const server = bench.child("bare-handler.ts", bench.flags);
  const port = await server.call<number>("start", bench.folder());
  const refill = () => server.call("fill", 10_000);
  return { name: "bare", refill, target: { port, token: "none" }, load: bench.child("load.ts"), rounds: [] };
}

async function queued(bench: Bench, name: string, tasks: number): Promise<Contestant> {
  const broker = await bench.broker();
  for (let job = 0; job < 10 && tasks > 0; job++) {
    // oxlint-disable-next-line no-await-in-loop -- one at a time, as people submit
    await broker.submit(frameJob(tasks / 10, "/bin/true"));
  }
  return contestantOf(bench, name, broker);
}

async function finished(bench: Bench, tasks: number): Promise<Contestant> {
  const dataFolder = bench.folder();
  fillWithHistory(dataFolder, tasks);
  return contestantOf(bench, "million finished", await bench.broker({ dataFolder }));
}

async function contestantOf(bench: Bench, name: string, broker: BenchBroker): Promise<Contestant> {
  return {
    name,
    // A short queue is filled up again; a long one is long enough.
    refill: name === "million queued" ? async () => {} : () => broker.submit(frameJob(10_000, "/bin/true")),
    target: { port: broker.port, token: await broker.workerToken() },
    load: bench.child("load.ts"),
    rounds: [],
  };
}

function rowsOf(contestants: readonly Contestant[]): Row[] {
  const rate = (name: string) => {
    const rounds = contestants.find((one) => one.name === name)?.rounds;
    return rounds && median(rounds.map((round) => round.pairsPerSecond));
  };
  /** Of two contestants in the same round: what the machine did meanwhile falls out. */
  const ratio = (name: string, other: string) => {
    const above = contestants.find((one) => one.name === name)?.rounds ?? [];
    const below = contestants.find((one) => one.name === other)?.rounds ?? [];
    if (below.length === 0) return 1;
    return median(above.map((round, index) => round.pairsPerSecond / (below[index]?.pairsPerSecond ?? 1)));
  };
  return contestants.map(({ name, rounds }): Row => {
    const p50 = median(rounds.map((round) => round.p50));
    const p99 = median(rounds.map((round) => round.p99));
    const value = rate(name) ?? 0;
    const key = `pairs.${name.replaceAll(" ", "-")}`;
    const beside = name === "queued" ? "bare" : "queued";
    const share = name === "bare" ? 1 : ratio(name, beside);
    return {
      what:
        name === "bare"
          ? "  the bare handler (yardstick)"
          : `lease + complete, 100 workers, ${wordsFor(name)}`,
      peer:
        name === "bare"
          ? ""
          : name === "queued"
            ? "Flamenco 29/s, Afanasy 132/s"
            : "Flamenco 6.7/s at 100,000",
      tally: `${show(value)}/s, p50 ${show(p50)} ms, p99 ${show(p99)} ms${name === "bare" ? "" : `, ${share.toFixed(2)} × ${beside}`}`,
      target: name === "bare" ? "" : name === "queued" ? "≥ 0.35 × bare" : "≥ 0.80 × the line above",
      met: name === "bare" || share >= (name === "queued" ? 0.35 : 0.8),
      figures: [
        { name: key, unit: "pairs/s", value },
        { name: `${key}.p50`, unit: "ms", value: p50 },
        { name: `${key}.p99`, unit: "ms", value: p99 },
        ...(name === "bare" ? [] : [{ name: `${key}.ratio`, unit: `× ${beside}`, value: share }]),
      ],
    };
  });
}

function wordsFor(name: string): string {
  if (name === "queued") return "10,000 queued";
  return name === "million queued"
    ? "1,000,000 queued in 10 jobs"
    : "1,000,000 finished beside 10,000 queued";
}
