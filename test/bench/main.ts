// npm run bench: measures what Tally promises about speed and prints it as a table. Nothing here is a timed test.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { withBench, type Bench } from "./bench.ts";
import { tableOf, type Row } from "./figures.ts";
import { benchBlender } from "./blender.ts";
import { benchFeed } from "./feed.ts";
import { benchFiles } from "./files.ts";
import { benchMemory } from "./memory.ts";
import { benchPage } from "./page.ts";
import { benchPairs } from "./pairs.ts";
import { benchGap, benchStart } from "./start.ts";
import { benchSubmit } from "./submit.ts";

const benches: Record<string, (bench: Bench) => Promise<Row[]>> = {
  submit: benchSubmit,
  start: benchStart,
  pairs: (bench) => benchPairs(bench),
  gap: benchGap,
  blender: benchBlender,
  files: benchFiles,
  feed: benchFeed,
  page: benchPage,
  memory: benchMemory,
};

const usage = `npm run bench -- [--only NAME]... [--quick] [--json FILE] [--profile FOLDER]
  --only NAME       one of ${Object.keys(benches).join(", ")}; may be given again
  --quick           one short turn of each, to see that it still runs; its figures mean nothing
  --json FILE       writes every figure with its name, unit and the machine
  --profile FOLDER  has Node write a CPU profile of each server there, and Chromium one of the page
Quote figures of one run only, and of a machine that does nothing else.`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: "string", multiple: true },
      quick: { type: "boolean", default: false },
      json: { type: "string" },
      profile: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const wanted = values.only ?? Object.keys(benches);
  const unknown = wanted.find((name) => !(name in benches));
  if (values.help || unknown !== undefined) {
    console.log(unknown === undefined ? usage : `There is no bench called ${unknown}.\n\n${usage}`);
    return unknown === undefined ? 0 : 2;
  }
  if (values.profile !== undefined) mkdirSync(values.profile, { recursive: true });
  const rows: Row[] = [];
  const busy = loadavg()[0] ?? 0;
  for (const name of wanted) {
    const started = performance.now();
    // oxlint-disable-next-line no-await-in-loop -- benches must not disturb each other
    const found = await withBench({ quick: values.quick, profile: values.profile }, (bench) =>
      (benches[name] as (typeof benches)[string])(bench),
    );
    rows.push(...found);
    console.error(`${name}: ${((performance.now() - started) / 1000).toFixed(0)} s`);
  }
  const machine = { ...describeMachine(), busyBefore: busy };
  console.log(`\n${tableOf(rows)}\n`);
  console.log(
    `${machine.model}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Node ${machine.node}, ${machine.system}`,
  );
  if (busy > 0.5)
    console.log(`Other programs kept ${busy.toFixed(1)} cores busy when this began: trust the ratios alone.`);
  if (values.quick) console.log("A quick turn: these figures mean nothing.");
  if (values.json !== undefined) {
    const figures = rows.flatMap((row) => row.figures);
    const text = JSON.stringify(
      { at: new Date().toISOString(), quick: values.quick, machine, figures, rows },
      null,
      2,
    );
    writeFileSync(values.json, `${text}\n`);
  }
  return 0;
}

function describeMachine() {
  const all = cpus();
  return {
    model: all[0]?.model ?? "unknown",
    cores: all.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.versions.node,
    system: `${process.platform} ${process.arch}`,
    commit: commit(),
  };
}

/** The commit measured, or null outside a git clone. */
function commit(): string | null {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], {
      cwd: import.meta.dirname,
      encoding: "utf8",
    }).trim();
  } catch {
    return null;
  }
}

process.exitCode = await main();
