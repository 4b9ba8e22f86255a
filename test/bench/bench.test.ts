// The benches still run from end to end and write their figures; what the figures say is no test's business.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { quantile, tableOf } from "./figures.ts";

it("takes a quick turn of the benches and writes every figure with its unit and the machine", () => {
  const folder = mkdtempSync(join(tmpdir(), "tally-bench-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "figures.json");
  const only = ["submit", "start", "pairs", "gap", "files"].flatMap((name) => ["--only", name]);
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
  expect(written.figures.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      "submit.10000.p95",
      "start.p95",
      "pairs.bare",
      "pairs.queued.ratio",
      "gap.p50",
      "files.long.upload.ratio",
    ]),
  );
  for (const figure of written.figures) expect(figure.value, figure.name).toBeGreaterThan(0);
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
