// How much memory a process had at most.
import { readFileSync } from "node:fs";

/** The most memory that a process ever had resident, MB. Linux only. */
export function peakMB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return (Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024) / 1e6;
}
