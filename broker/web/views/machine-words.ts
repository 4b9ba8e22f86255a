// A worker in words: what machine it is, and what it has.
import type { Worker } from "../../contract/worker.ts";

const systems: Readonly<Record<string, string>> = { linux: "Linux", macos: "macOS", windows: "Windows" };

/** The machine in a line: `Linux · 16 cores · 62 GB · NVIDIA H200`. */
export function machineWords({ osFamily, amounts, attributes }: Worker): string {
  const cores = amounts["amount.worker.vcpu"];
  const memory = amounts["amount.worker.memory"];
  const gpus = amounts["amount.worker.gpu"] ?? 0;
  const names = attributes["attr.worker.gpu.name"] ?? [];
  return [
    systems[osFamily] ?? osFamily,
    cores === undefined ? "" : cores === 1 ? "1 core" : `${cores} cores`,
    memory === undefined ? "" : `${Math.round(memory / 1024)} GB`,
    names.length > 0
      ? `${gpus > names.length ? `${gpus} × ` : ""}${names.join(", ")}`
      : gpus > 0
        ? `${gpus} GPU`
        : "",
  ]
    .filter((part) => part !== "")
    .join(" · ");
}

/** Blender series of a machine, newest first: `5.1, 4.5`. */
export function blenderWords({ blenders }: Worker): string {
  const series = new Set(blenders.map((one) => one.series));
  return [...series].toSorted((a, b) => b.localeCompare(a, "en", { numeric: true })).join(", ");
}
