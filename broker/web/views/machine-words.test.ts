// Machines as the list of workers describes them.
import { expect, it } from "vitest";
import type { Worker } from "../../contract/worker.ts";
import { blenderWords, machineWords } from "./machine-words.ts";

const worker = (more: Partial<Worker>): Worker => ({
  id: "wkr_1",
  name: "this PC",
  pool: "local",
  state: "idle",
  intent: "run",
  osFamily: "linux",
  blenders: [],
  amounts: {},
  attributes: {},
  jobNumber: null,
  step: null,
  ordinals: [],
  progress: null,
  registeredAt: "2026-01-01T00:00:00.000Z",
  lastSeenAt: "2026-01-01T00:00:00.000Z",
  ...more,
});

it.each([
  [{ amounts: { "amount.worker.vcpu": 16, "amount.worker.memory": 63_488 } }, "Linux · 16 cores · 62 GB"],
  [
    {
      osFamily: "windows",
      amounts: { "amount.worker.vcpu": 1, "amount.worker.gpu": 2 },
      attributes: { "attr.worker.gpu.name": ["RTX 5090"] },
    },
    "Windows · 1 core · 2 × RTX 5090",
  ],
  [{ osFamily: "plan9", amounts: { "amount.worker.gpu": 1 } }, "plan9 · 1 GPU"],
])("%j", (more, words) => {
  expect(machineWords(worker(more))).toBe(words);
});

it("names each Blender series once, the newest first", () => {
  const blender = (series: string) => ({
    series,
    version: `${series}.1`,
    path: "/b",
    kind: "blender" as const,
    source: "path",
  });
  expect(blenderWords(worker({ blenders: ["4.5", "10.0", "4.5", "5.1"].map(blender) }))).toBe(
    "10.0, 5.1, 4.5",
  );
});
