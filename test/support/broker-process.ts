// A broker as a process of its own, so that a test can kill it the way a power cut does.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { createApi, type Api } from "./api.ts";

export interface BrokerProcess {
  api: Api;
  pid: number;
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>;
}

interface Said {
  url?: string;
  adminToken?: string;
  error?: string;
}

/** Starts a broker process on a data folder; throws an Error with what it said when it could not. */
export async function brokerProcess(dataFolder: string, limits: object = {}): Promise<BrokerProcess> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, "run-broker.ts"), dataFolder, JSON.stringify(limits)],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  onTestFinished(() => killed(child));
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, "line")) as [string];
  const said = JSON.parse(line) as Said;
  if (said.url === undefined || said.adminToken === undefined) {
    await killed(child);
    throw new Error(said.error);
  }
  return { api: createApi(said.url, said.adminToken), pid: child.pid as number, kill: () => killed(child) };
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}
