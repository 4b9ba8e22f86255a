// Tests that V8 heeds what it is told about its space for young objects: some flags it takes without a word and does nothing.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";

/** Runs a program in a Node of its own: what it tells V8 is for that process alone. Returns what it prints, as JSON. */
function run<Name extends string>(program: string): Record<Name, number> {
  const module = JSON.stringify(join(import.meta.dirname, "small-heap.ts"));
  const text = `import { keepHeapSmall, letHeapGrow, wentThrough } from ${module};\n${program}`;
  const args = ["--input-type=module", "-e", text];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as Record<Name, number>;
}

it("keeps the space for young objects small, and lets it grow again", () => {
  const { small, grown } = run<"small" | "grown">(`
    import { getHeapSpaceStatistics } from "node:v8";
    const young = () => getHeapSpaceStatistics().find((one) => one.space_name === "new_space").space_size;
    let kept = [];
    const work = () => {
      for (let n = 0; n < 5_000_000; n++) {
        kept.push({ n });
        if (kept.length > 50_000) kept = [];
      }
    };
    keepHeapSmall();
    work();
    const small = young();
    letHeapGrow();
    work();
    console.log(JSON.stringify({ small, grown: young() }));`);
  expect(small).toBeLessThan(8 * 1_048_576);
  expect(grown).toBeGreaterThan(8 * 1_048_576);
});

it("gives back the bytes that went through, without being told that the heap is full", () => {
  const { few, many, after } = run<"few" | "many" | "after">(`
    const bytes = () => process.memoryUsage().arrayBuffers;
    const pieces = (count) => {
      for (let n = 0; n < count; n++) Buffer.allocUnsafeSlow(65_536);
    };
    pieces(10);
    wentThrough(10 * 65_536);
    const few = bytes();
    pieces(150);
    const many = bytes();
    wentThrough(150 * 65_536);
    // They are given back beside the program.
    while (bytes() > few) await new Promise((turn) => setTimeout(turn, 5));
    console.log(JSON.stringify({ few, many, after: bytes() }));`);
  expect(few).toBeGreaterThan(10 * 65_536);
  expect(many).toBeGreaterThan(150 * 65_536);
  expect(after).toBeLessThanOrEqual(few);
});
