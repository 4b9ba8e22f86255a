// The benches still run from end to end and write their figures; what the figures say is no test's business.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { chromiumProgram } from "./chromium.ts";
import { quantile, tableOf } from "./figures.ts";
import { readTrace } from "./trace.ts";

/** A quick turn of some benches; what it printed is looked at, and the names of its figures are returned. */
function quickTurn(names: readonly string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "tally-bench-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "figures.json");
  const only = names.flatMap((name) => ["--only", name]);
  const args = [join(import.meta.dirname, "main.ts"), "--quick", ...only, "--json", file];
  const text = execFileSync(process.execPath, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  expect(text).toContain("these figures mean nothing");
  const written = JSON.parse(readFileSync(file, "utf8")) as {
    quick: boolean;
    machine: { cores: number; node: string };
    figures: { name: string; unit: string; value: number }[];
  };
  expect(written.quick).toBe(true);
  expect(written.machine).toMatchObject({ node: process.versions.node });
  for (const figure of written.figures) expect(figure.value, figure.name).toBeGreaterThan(0);
  return written.figures.map(({ name }) => name);
}

it("takes a quick turn of the benches and writes every figure with its unit and the machine", () => {
  expect(quickTurn(["submit", "start", "pairs", "gap", "files", "feed"])).toEqual(
    expect.arrayContaining([
      "submit.10000.p95",
      "start.p95",
      "pairs.bare",
      "pairs.queued.ratio",
      "gap.p50",
      "files.long.upload.ratio",
      "feed.10.p99",
      "feed.fanout.cores",
      "feed.open.others.worst",
    ]),
  );
});

it.skipIf(!existsSync(chromiumProgram))("takes a quick turn of the page in a real Chromium", () => {
  expect(quickTurn(["page"])).toEqual(
    expect.arrayContaining(["page.live.p99", "page.grid.first", "page.grid.fps", "page.grid.heap"]),
  );
});

it("reads from a trace when what was painted was shown", () => {
  const pid = 7;
  const span = (id: string, name: string, from: number, to: number, args: object = {}) => [
    { name, ph: "b", ts: from, pid, id2: { local: id }, args },
    { name, ph: "e", ts: to, pid, id2: { local: id }, args: {} },
  ];
  const frame = (id: string, from: number, committed: number, to: number, state: string) => [
    ...span(id, "PipelineReporter", from, to, { frame_reporter: { state } }),
    ...span(id, "Commit", committed - 1, committed),
  ];
  const mark = (name: string, ts: number) => ({
    name,
    ph: "I",
    ts,
    pid,
    args: { data: { startTime: ts / 1000 } },
  });
  const traceEvents = [
    ...frame("0x1", 1000, 4000, 9000, "STATE_PRESENTED_ALL"),
    mark("first", 5000),
    ...frame("0x2", 10_000, 14_000, 19_000, "STATE_DROPPED"),
    mark("second", 15_000),
    ...frame("0x1", 20_000, 24_000, 29_000, "STATE_PRESENTED_PARTIAL"),
    // Another page's.
    { name: "Commit", ph: "e", ts: 2000, pid: 8, id2: { local: "0x1" }, args: {} },
  ];
  const trace = readTrace(JSON.stringify({ traceEvents }));
  expect(trace.shown).toEqual([9, 29]);
  expect(trace.marks.map(({ name, at }) => [name, trace.shownAfter(at)])).toEqual([
    ["first", 9],
    ["second", 29],
  ]);
  expect(trace.shownAfter(30)).toBe(29);
  expect(() => readTrace(JSON.stringify({ traceEvents: [mark("first", 1)] }))).toThrow("does not say");
});

it("takes quantiles by nearest rank", () => {
  const values = [5, 1, 4, 2, 3];
  expect([0, 0.5, 0.8, 0.81, 1].map((part) => quantile(values, part))).toEqual([1, 3, 4, 5, 5]);
  expect(() => quantile([], 0.5)).toThrow("no values");
});

it("says yes and no in the table", () => {
  const row = { what: "x", peer: "", tally: "1 ms", target: "< 2 ms", figures: [] };
  const lines = tableOf([
    { ...row, met: true },
    { ...row, met: false },
  ]).split("\n");
  expect(lines.map((line) => line.split(/\s+/).at(-1))).toEqual(["met", "yes", "NO"]);
});
