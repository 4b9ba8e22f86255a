// What this machine can do, as it is told to the broker once: processors, memory, graphics, Blenders.
import { execFile } from "node:child_process";
import { statfs } from "node:fs/promises";
import { arch, availableParallelism, hostname, totalmem } from "node:os";
import { promisify } from "node:util";
import type { RegisterWorker } from "../../broker/contract/worker.ts";
import { platform } from "./platform/platform.ts";

const MIB = 1024 * 1024;
const GPU_QUERY = ["--query-gpu=name,memory.total", "--format=csv,noheader,nounits"];
const GPU_LIMIT_MS = 5000;

/** Measures this machine; `work` is the folder whose disk counts as scratch space. Never fails: what it cannot see is 0. */
export async function measureMachine(
  work: string,
): Promise<Pick<RegisterWorker, "osFamily" | "amounts" | "attributes">> {
  const [gpus, scratch] = await Promise.all([listGpus(), freeGib(work)]);
  const architectures: Record<string, string> = { x64: "x86_64", arm64: "arm64" };
  return {
    osFamily: platform.osFamily,
    amounts: {
      "amount.worker.vcpu": availableParallelism(),
      "amount.worker.memory": Math.floor(totalmem() / MIB),
      "amount.worker.gpu": gpus.length,
      "amount.worker.gpu.memory": Math.min(...(gpus.length > 0 ? gpus.map((gpu) => gpu.mib) : [0])),
      "amount.worker.disk.scratch": scratch,
    },
    attributes: {
      "attr.worker.os.family": [platform.osFamily],
      "attr.worker.cpu.arch": [architectures[arch()] ?? arch()],
      "attr.worker.hostname": [hostname().slice(0, 100)],
      ...(gpus.length > 0 && {
        "attr.worker.gpu.name": [...new Set(gpus.map((gpu) => gpu.name.slice(0, 100)))],
      }),
    },
  };
}

/** What a machine is called in the broker. A system takes any bytes as its own name, the broker does not. */
export function workerName(host: string): string {
  const line = host.replace(/\p{Cc}+/gu, " ").trim();
  return line.slice(0, 128).trim() || "worker";
}

async function listGpus(): Promise<{ name: string; mib: number }[]> {
  const tool = platform.findCommand("nvidia-smi", process.env.PATH, "/");
  if (tool === undefined) return [];
  try {
    const { stdout } = await promisify(execFile)(tool, GPU_QUERY, { timeout: GPU_LIMIT_MS });
    return stdout.split("\n").flatMap((line) => {
      const [name, mib] = line.split(",").map((it) => it.trim());
      return name === undefined || mib === undefined || !/^\d+$/.test(mib)
        ? []
        : [{ name, mib: Number(mib) }];
    });
  } catch {
    return []; // A driver without a card, or none that answers.
  }
}

async function freeGib(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return Math.floor((bavail * bsize) / (1024 * MIB));
  } catch {
    return 0;
  }
}
