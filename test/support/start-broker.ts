// A real broker on a data folder of its own for one test: real SQLite, real HTTP, no agents unless asked for.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Role } from "../../broker/contract/states.ts";
import { startBroker, type RunningBroker, type StartOptions } from "../../broker/main.ts";
import { createApi, type Api } from "./api.ts";

export interface TestBroker extends RunningBroker {
  /** With the admin token. */
  api: Api;
  /** A new token of this role. */
  tokenFor(role: Role, name?: string): Promise<string>;
}

/** A folder that goes away with the test. */
export function testFolder(prefix = "tally-test-"): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts a broker without stopping it by itself; for files that share one. */
export async function openBroker(options: StartOptions & { dataFolder: string }): Promise<TestBroker> {
  const running = await startBroker({ port: 0, launcher: null, ...options });
  const api = createApi(running.url, running.adminToken);
  return {
    ...running,
    api,
    tokenFor: async (role, name = role) => (await api.ok("createToken", { body: { role, name } })).token,
  };
}

/** Starts a broker for the running test; it is stopped with it, its folder removed. */
export async function testBroker(options: StartOptions = {}): Promise<TestBroker> {
  const running = await openBroker({ ...options, dataFolder: options.dataFolder ?? testFolder() });
  onTestFinished(() => running.stop());
  return running;
}
