// Files in: many small ones and a few long ones, hashed and sent to a local broker, beside sha256sum and cp in the same run.
import { execFileSync, spawn } from "node:child_process";
import { createHash, randomFillSync } from "node:crypto";
import { once } from "node:events";
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Bench } from "./bench.ts";
import type { BrokerAddress, BrokerChildOptions } from "./broker-child.ts";
import { startChild } from "./child.ts";
import { median, show, type Row } from "./figures.ts";
import type { FilesOptions, FilesResult } from "./files-child.ts";
import { peakMB } from "./peak.ts";

const mebibyte = 1024 * 1024;

/** The rows about files that are hashed and sent. */
export async function benchFiles(bench: Bench): Promise<Row[]> {
  const client = createRunner(join(bench.bundles, "files-child.mjs"));
  const small = await benchSmall(bench, client);
  const long = await benchLong(bench, client);
  return [...small, ...long];
}

type Runner = (options: FilesOptions) => Promise<FilesResult>;

/** A new process for each turn, as each `tally submit` is one. */
function createRunner(program: string): Runner {
  return async (options) => {
    const child = startChild(program);
    try {
      return await child.call<FilesResult>("turn", options);
    } finally {
      await child.stop();
    }
  };
}

interface Target {
  pid: number;
  address: BrokerAddress;
  stop(): Promise<void>;
}

async function startTarget(bench: Bench): Promise<Target> {
  const child = startChild(join(bench.bundles, "broker-child.mjs"), bench.flags);
  const dataFolder = bench.folder();
  const options: BrokerChildOptions = {
    program: join(bench.bundles, "broker.mjs"),
    dataFolder,
    agents: false,
  };
  const address = await child.call<BrokerAddress>("start", options);
  return {
    pid: child.pid,
    address,
    async stop() {
      await child.stop();
      rmSync(dataFolder, { recursive: true, force: true });
    },
  };
}

/** 10,000 files of 4 KiB. */
async function benchSmall(bench: Bench, client: Runner): Promise<Row[]> {
  const count = bench.quick ? 300 : 10_000;
  const turns: Record<"first" | "again" | "changed", FilesResult[]> = { first: [], again: [], changed: [] };
  const peers: Record<"sha256sum" | "cp", number[]> = { sha256sum: [], cp: [] };
  let brokerMB = 0;
  for (let round = 0; round < (bench.quick ? 1 : 3); round++) {
    const [folder, work] = [bench.folder(), bench.folder()];
    makeSmall(folder, count);
    // oxlint-disable no-await-in-loop -- one thing after the other, each beside its peer
    peers.sha256sum.push(
      timed(() => run("sh", ["-c", 'find "$1" -type f -exec sha256sum {} + > /dev/null', "sh", folder])),
    );
    const cache = join(work, "hashes.db");
    const target = await startTarget(bench);
    const broker = target.address;
    turns.first.push(await client({ folder, cache, broker }));
    peers.cp.push(timed(() => copied(folder, join(work, "copy"))));
    turns.again.push(await client({ folder, cache, broker }));
    writeFileSync(join(folder, "0", "0.tex"), `changed in round ${round}`);
    turns.changed.push(await client({ folder, cache, broker }));
    brokerMB = Math.max(brokerMB, peakMB(target.pid));
    await target.stop();
    // oxlint-enable no-await-in-loop
    for (const one of [folder, work]) rmSync(one, { recursive: true, force: true });
  }
  const of = (which: keyof typeof turns, value: (result: FilesResult) => number) =>
    median(turns[which].map(value));
  const hash = of("first", ({ hashMs }) => hashMs);
  const again = of("again", ({ hashMs }) => hashMs);
  const upload = of("first", ({ uploadMs }) => uploadMs);
  const changed = of("changed", ({ untilSendMs }) => untilSendMs);
  const sent = Math.max(...turns.changed.map(({ sentFiles }) => sentFiles));
  const clientMB = Math.max(
    ...Object.values(turns)
      .flat()
      .map((one) => one.peakMB),
  );
  const what = `${show(count)} files of 4 KiB`;
  return [
    ms(
      `${what}: first hash`,
      `sha256sum ${show(median(peers.sha256sum))} ms`,
      hash,
      2000,
      "files.small.hash",
    ),
    ms(`${what}: hash again, nothing changed`, "", again, 500, "files.small.again"),
    ms(`${what}: upload`, `cp and sync ${show(median(peers.cp))} ms`, upload, 10_000, "files.small.upload"),
    {
      ...ms(`${what}: one changed, until the upload starts`, "", changed, 1000, "files.small.changed"),
      tally: `${show(changed)} ms, ${sent} sent`,
      target: "< 1,000 ms, 1 sent",
      met: changed < 1000 && sent === 1,
    },
    memory(`${what}: most memory, client`, clientMB, "files.small.client"),
    memory(`${what}: most memory, broker`, brokerMB, "files.small.broker"),
  ];
}

/** 4 GiB in two files. */
async function benchLong(bench: Bench, client: Runner): Promise<Row[]> {
  const bytes = (bench.quick ? 32 : 2048) * mebibyte;
  const folder = bench.folder();
  const names = ["one.vdb", "two.vdb"].map((name) => join(folder, name));
  for (const name of names) makeLong(name, bytes);
  const gigabytes = (2 * bytes) / 1e9;
  const rates: Record<"sha256sum" | "hash" | "cp" | "cpSync" | "upload", number[]> = {
    sha256sum: [],
    hash: [],
    cp: [],
    cpSync: [],
    upload: [],
  };
  let [clientMB, brokerMB] = [0, 0];
  const rate = (values: number[], time: number) => values.push(gigabytes / (time / 1000));
  for (let round = 0; round < (bench.quick ? 1 : 3); round++) {
    const work = bench.folder();
    // oxlint-disable no-await-in-loop -- one thing after the other, each beside its peer
    const started = performance.now();
    await Promise.all(names.map((name) => runBeside("sha256sum", [name])));
    rate(rates.sha256sum, performance.now() - started);
    rate(
      rates.cp,
      timed(() => run("cp", ["--reflink=never", ...names, work])),
    );
    for (const name of readdirSync(work)) rmSync(join(work, name));
    rate(
      rates.cpSync,
      timed(() => copied(folder, join(work, "copy"))),
    );
    rmSync(join(work, "copy"), { recursive: true });
    const target = await startTarget(bench);
    const turn = await client({ folder, cache: join(work, "hashes.db"), broker: target.address });
    rate(rates.hash, turn.hashMs);
    rate(rates.upload, turn.uploadMs);
    clientMB = Math.max(clientMB, turn.peakMB);
    brokerMB = Math.max(brokerMB, peakMB(target.pid));
    await target.stop();
    // oxlint-enable no-await-in-loop
    rmSync(work, { recursive: true, force: true });
  }
  const what = `${show((2 * bytes) / 2 ** 30)} GiB in two files`;
  return [
    beside(`${what}: hash`, "sha256sum, two at once", rates.hash, rates.sha256sum, 0.8, "files.long.hash"),
    {
      ...beside(
        `${what}: upload to the folder store`,
        "cp",
        rates.upload,
        rates.cp,
        0.5,
        "files.long.upload",
      ),
      peer: `cp ${show(median(rates.cp))} GB/s, cp and sync ${show(median(rates.cpSync))} GB/s`,
    },
    memory(`${what}: most memory, client`, clientMB, "files.long.client"),
    memory(`${what}: most memory, broker`, brokerMB, "files.long.broker"),
  ];
}

function ms(what: string, peer: string, value: number, limit: number, name: string): Row {
  const target = `< ${limit.toLocaleString("en")} ms`;
  return {
    what,
    peer,
    tally: `${show(value)} ms`,
    target,
    met: value < limit,
    figures: [{ name, unit: "ms", value }],
  };
}

function memory(what: string, value: number, name: string): Row {
  const figures = [{ name, unit: "MB", value }];
  return { what, peer: "", tally: `${show(value)} MB`, target: "< 150 MB", met: value < 150, figures };
}

/** A rate beside a peer's of the same round: what the machine did meanwhile falls out. */
function beside(
  what: string,
  peer: string,
  ours: readonly number[],
  theirs: readonly number[],
  least: number,
  name: string,
): Row {
  const ratio = median(ours.map((value, round) => value / (theirs[round] ?? 1)));
  return {
    what,
    peer: `${peer} ${show(median(theirs))} GB/s`,
    tally: `${show(median(ours))} GB/s, ${ratio.toFixed(2)} × ${peer.split(",")[0]}`,
    target: `≥ ${least} × ${peer.split(",")[0]}`,
    met: ratio >= least,
    figures: [
      { name, unit: "GB/s", value: median(ours) },
      { name: `${name}.ratio`, unit: `× ${peer.split(",")[0]}`, value: ratio },
    ],
  };
}

function makeSmall(folder: string, count: number): void {
  const data = Buffer.allocUnsafe(4096);
  const longAgo = new Date(Date.now() - 3_600_000);
  for (let n = 0; n < count; n++) {
    const inside = join(folder, String(Math.floor(n / 500)));
    if (n % 500 === 0) mkdirSync(inside);
    const path = join(inside, `${n % 500}.tex`);
    writeFileSync(path, randomFillSync(data));
    // As files of a project are: a hash of a file just written is not remembered.
    utimesSync(path, longAgo, longAgo);
  }
  settle(folder);
}

/** Nothing that compresses or repeats, made faster than it could be drawn by lot. */
function makeLong(path: string, bytes: number): void {
  const data = randomFillSync(Buffer.allocUnsafe(8 * mebibyte));
  const fd = openSync(path, "w");
  for (let done = 0; done < bytes; done += data.length) {
    createHash("sha256").update(`${path} ${done}`).digest().copy(data);
    writeSync(fd, data);
  }
  closeSync(fd);
  settle(path);
}

/** Written out before the clock starts, and older than two seconds: the cache keeps nothing younger. */
function settle(path: string): void {
  run("sync", ["-f", path]);
  run("sleep", ["2.1"]);
}

function copied(from: string, to: string): void {
  run("cp", ["-r", "--reflink=never", from, to]);
  run("sync", ["-f", to]);
}

function run(program: string, args: readonly string[]): void {
  execFileSync(program, args, { stdio: ["ignore", "ignore", "inherit"] });
}

async function runBeside(program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "inherit"] });
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`${program} ended with code ${code}`);
}

function timed(work: () => void): number {
  const at = performance.now();
  work();
  return performance.now() - at;
}
