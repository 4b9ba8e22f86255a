// Lines of real farms and of every Blender tried here, old and new.
import { expect, test } from "vitest";
import { advance, newProgress, readLogLine } from "./progress.ts";

const share = (line: string): number | null => {
  const fact = readLogLine(line);
  return fact?.kind === "progress" ? fact.share : null;
};

test.each([
  [
    "Fra:1 Mem:9.65M (Peak 9.65M) | Time:00:00.04 | Remaining:00:00.02 | Mem:0.82M, Peak:0.82M | Main, ViewLayer | Sample 1/8",
    0.125,
  ],
  [
    "09-03 21:54:48 (debug) Fra:151 Mem:405.91M (0.00M, Peak 633.81M) | Remaining:00:00.09 | Mem:470.26M, Peak:470.82M | Scene, RenderLayer | Path Tracing Tile 132/135, Sample 200/200",
    132 / 135,
  ],
  [
    "09-03 21:54:48 (debug) Fra:151 Mem:405.91M (0.00M, Peak 633.81M) | Remaining:00:00.03 | Mem:470.50M, Peak:470.82M | Scene, RenderLayer | Path Tracing Tile 135/135, Sample 0/200",
    1,
  ],
  [
    "Fra:125 Mem:12.37M (0.00M, Peak 14.46M) | Time:00:00.62 | Remaining:00:00.22 | Mem:0.71M, Peak:1.20M | Background Lines, RenderLayer | Path Tracing Tile 11/16, Sample 10/10",
    11 / 16,
  ],
  [
    "Fra:1 Mem:61M | Time:00:01.00 | Mem:1M, Peak:1M | Main, ViewLayer | Rendered 1/6 Tiles, Sample 64/64",
    1 / 6,
  ],
  ["Fra:1 Mem:61M (Peak 62M) | Time:00:01.00 | Rendering 25 / 64 samples", 25 / 64],
  ["00:00.300  render           | Fra: 1 | Rendering 8 / 16 samples", 0.5],
  ["Scene, ViewLayer | Sample 5/64", 5 / 64],
  ["Scene, ViewLayer | Remaining: 00:01 | Sample 32/64", 0.5],
  // A mesh counter, an object's name, Cycles' own debugging, and other farms' words are no progress.
  [
    "Fra:8 Mem:406.76M (0.00M, Peak 1340.40M) | Time:00:10.18 | Mem:322.41M, Peak:322.41M | Scene, RenderLayer | Updating Mesh BVH Janela02_GEO.001 2/5 | Building BVH",
    null,
  ],
  [
    "Fra:8 Mem:1M (Peak 1M) | Time:00:10.18 | Mem:1M, Peak:1M | Scene, ViewLayer | Synchronizing object | Sample 3/4 of tower",
    null,
  ],
  [
    "Fra:1 Mem:118.58M (Peak 118.58M) | Time:00:00.17 | Mem:24.98M, Peak:24.98M | Scene, ViewLayer | Updating Scene BVH | Building BVH 0%",
    null,
  ],
  [
    "I0606 11:50:04.047629 16437 device_cuda.cpp:560] Buffer allocate: render_buffer, 460,800 bytes. (450.00K)",
    null,
  ],
  ["00:00.100  render           | Rendering animation (frames 1..3)", null],
  ["ALF_PROGRESS 50%", null],
  ["3/4", null],
])("%s", (line, expected) => {
  expect(share(line)).toEqual(expected);
});

test.each([
  ["Saved: '/out/a_0001.png'", "/out/a_0001.png"],
  ["Saved: /out/depth_0001.exr", "/out/depth_0001.exr"],
  ["00:00.687  render           | Saved: '/tmp/out/0001.png'", "/tmp/out/0001.png"],
  [
    "02-05 23:01:37 (debug) Saved: '/Users/martin/Desktop/SHTEMP/sheepit/1_0340.png'",
    "/Users/martin/Desktop/SHTEMP/sheepit/1_0340.png",
  ],
])("%s names a file", (line, path) => {
  expect(readLogLine(line)).toEqual({ kind: "saved", path });
});

test.each([
  ["Scene, ViewLayer | Remaining: 00:01 | Sample 32/64", "Sample 32/64"],
  [
    "Fra:1 Mem:61M | Time:00:01.00 | Mem:1M, Peak:1M | Main, ViewLayer | Rendered 1/6 Tiles, Sample 64/64",
    "Rendered 1/6 Tiles, Sample 64/64",
  ],
])("%s says what the frame is at", (line, status) => {
  expect(readLogLine(line)).toMatchObject({ kind: "progress", status });
});

test("each view layer counts from 0 again, and the frame never runs backwards", () => {
  const state = newProgress(2);
  const line = (status: string, layer: string): string =>
    `Fra:1 Mem:9M (Peak 9M) | Time:00:00.04 | Mem:0M, Peak:0M | Main, ${layer} | ${status}`;
  const shares = [
    line("Sample 4/8", "Beauty"),
    line("Sample 8/8", "Beauty"),
    line("Finished", "Beauty"),
    line("Sample 0/8", "Second"),
    line("Sample 4/8", "Second"),
    line("Finished", "Second"),
  ].map((text) => advance(state, readLogLine(text)!));
  expect(shares).toEqual([0.25, 0.5, 0.5, 0.5, 0.75, 1]);
});
