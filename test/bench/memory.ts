// The broker's memory as users start it: the bundle, by its command, empty and with a million tasks stored.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { brokerAt, frameJob, type Bench } from "./bench.ts";
import { show, type Row } from "./figures.ts";

/** Memory counts as settled when it moved less than this for two seconds, MB. */
const quietMB = 0.5;

/** The rows about memory. */
export async function benchMemory(bench: Bench): Promise<Row[]> {
  const folder = bench.folder();
  writeFileSync(join(folder, "tally.yaml"), "pools: {}\n");
  const program = join(bench.bundles, "tally.mjs");
  const fresh = await withServe(program, folder, async ({ pid, broker }) => {
    const empty = await settled(pid);
    const jobs = bench.quick ? 1 : 10;
    // oxlint-disable-next-line no-await-in-loop -- one at a time, as people submit
    for (let job = 0; job < jobs; job++) await broker.submit(frameJob(100_000, "/bin/true"));
    return { empty, stored: await settled(pid) };
  });
  const restarted = await withServe(program, folder, ({ pid }) => settled(pid));
  return [
    row("broker memory, empty", "Flamenco 32 MiB", fresh.empty, 90, "memory.empty"),
    row("broker memory, 1,000,000 tasks just stored", "–", fresh.stored, 200, "memory.stored"),
    row("the same after a restart", "–", restarted, 200, "memory.restarted"),
  ];
}

function row(what: string, peer: string, value: number, limit: number, name: string): Row {
  return {
    what,
    peer,
    tally: `${show(value)} MB`,
    target: `< ${limit} MB`,
    met: value < limit,
    figures: [{ name, unit: "MB", value }],
  };
}

type Serve = { pid: number; broker: ReturnType<typeof brokerAt> };

/** Runs `tally serve` on a data folder while `use` works with it. */
async function withServe<T>(
  program: string,
  dataFolder: string,
  use: (serve: Serve) => Promise<T>,
): Promise<T> {
  const child = spawn(process.execPath, [program, "serve", "--data", dataFolder, "--port", "0", "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = once(child, "exit");
  try {
    const { url, pid } = JSON.parse(await firstLine(child)) as { url: string; pid: number };
    const { token } = JSON.parse(readFileSync(join(dataFolder, "connection.json"), "utf8")) as {
      token: string;
    };
    return await use({ pid, broker: brokerAt(url, token) });
  } finally {
    child.kill("SIGTERM");
    await exit;
  }
}

async function firstLine(child: ChildProcess): Promise<string> {
  let text = "";
  for await (const part of child.stdout ?? []) {
    text += String(part);
    if (text.includes("\n")) return text.slice(0, text.indexOf("\n"));
  }
  throw new Error("tally serve ended before it said where it listens");
}

/** Resident memory in MB once it is quiet; at most half a minute is waited. */
async function settled(pid: number): Promise<number> {
  let last = residentMB(pid);
  let quiet = 0;
  for (let n = 0; n < 60 && quiet < 4; n++) {
    // oxlint-disable-next-line no-await-in-loop -- watching over time
    await sleep(500);
    const now = residentMB(pid);
    quiet = Math.abs(now - last) < quietMB ? quiet + 1 : 0;
    last = now;
  }
  return last;
}

function residentMB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return (Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024) / 1e6;
}
