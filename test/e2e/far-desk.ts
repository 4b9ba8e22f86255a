// An artist's machine, a broker elsewhere, and a worker that shares no folder with either: three data folders, one computer.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createClient, type Client } from "../../broker/contract/client.ts";
import type { Connection } from "../../broker/contract/system.ts";
import { clearLeftovers } from "../../container/agent/leftovers.ts";
import { createDesk, type Desk } from "./cli-support.ts";

const agentEntry = fileURLToPath(new URL("../../container/agent/main.ts", import.meta.url));

export interface FarDesk {
  /** The artist's: her commands know the broker by address and token alone. */
  artist: Desk;
  /** The broker's machine. */
  studio: Desk;
  client: Client;
  /** A worker with a folder of its own; `env` is added to its environment. Resolves once it is registered. */
  agent(env?: Record<string, string>): Promise<{ kill(): Promise<void> }>;
  /** The artist's desk behind another address, such as a bad line. */
  artistAt(url: string): Promise<Desk>;
  close(): Promise<void>;
}

/** Starts the broker; its one pool is of workers that join. */
export async function createFarDesk(): Promise<FarDesk> {
  const studio = await createDesk({ config: "pools: { farm: { kind: joined } }\n" });
  const serving = studio.start("serve", "--json");
  await serving.printed(/"url"/);
  const connection = JSON.parse(
    await readFile(join(studio.dataFolder, "connection.json"), "utf8"),
  ) as Connection;
  const client = createClient(connection.url, connection.token);
  const tokenFor = async (role: string): Promise<string> =>
    (await client.call<{ token: string }>("post", "/v1/tokens", { body: { role, name: role } })).token;
  const artistToken = await tokenFor("artist");
  const desks: Desk[] = [];
  const agents: { kill(): Promise<void> }[] = [];
  const works: string[] = [];

  async function artistAt(url: string): Promise<Desk> {
    const desk = await createDesk({ env: { TALLY_URL: url, TALLY_TOKEN: artistToken } });
    desks.push(desk);
    return desk;
  }

  return {
    studio,
    client,
    artist: await artistAt(connection.url),
    artistAt,
    async agent(more = {}) {
      const work = join(studio.folder, `work-${works.length}`);
      works.push(work);
      const env: NodeJS.ProcessEnv = { ...process.env };
      for (const name of Object.keys(env)) if (/^(npm_|TALLY_)/.test(name)) delete env[name];
      const child = spawn(process.execPath, [agentEntry, "--pool", "farm", "--work", work], {
        stdio: ["ignore", "ignore", "pipe"],
        env: { ...env, ...more, TALLY_URL: connection.url, TALLY_TOKEN: await tokenFor("worker") },
      });
      const gone = once(child, "exit");
      let said = "";
      await new Promise<void>((done, fail) => {
        child.stderr.on("data", (bytes: Buffer) => {
          said += bytes.toString();
          if (said.includes("registered")) done();
        });
        void gone.then(() => fail(new Error(`The agent ended: ${said}`)));
      });
      const agent = {
        async kill() {
          if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
          await gone;
        },
      };
      agents.push(agent);
      return agent;
    },
    async close() {
      for (const agent of agents) await agent.kill();
      for (const work of works) await clearLeftovers(work);
      for (const desk of desks) await desk.close();
      await studio.close();
    },
  };
}
