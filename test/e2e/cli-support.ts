// `tally` as a person starts it: a process of its own, on a data folder of its own, with a broker on a port of its own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "./agent-support.ts";

const entry = fileURLToPath(new URL("../../broker/cli/main.ts", import.meta.url));

export interface Said {
  code: number | null;
  out: string;
  err: string;
}

export interface Running {
  pid: number;
  /** Everything printed so far, both streams. */
  text(): string;
  /** Waits until it has printed this. */
  printed(what: RegExp): Promise<RegExpExecArray>;
  signal(name: NodeJS.Signals): void;
  ended: Promise<Said>;
}

export interface Desk {
  folder: string;
  dataFolder: string;
  /** Runs `tally` to its end. */
  tally(...args: string[]): Promise<Said>;
  /** Starts `tally` and lets it run. */
  start(...args: string[]): Running;
  brokerPid(): Promise<number>;
  close(): Promise<void>;
}

export interface DeskOptions {
  /** Lines of tally.yaml beside the port. */
  config?: string;
  /** More environment for every command. */
  env?: Record<string, string>;
}

/** A folder to work in and a data folder whose broker has a port of its own; `close` stops what was started. */
export async function createDesk(options: DeskOptions = {}): Promise<Desk> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "tally-cli-")));
  const dataFolder = join(folder, "data");
  const config = join(folder, "data", "tally.yaml");
  const running = new Set<Running>();
  const env: NodeJS.ProcessEnv = { ...process.env, TALLY_DATA: dataFolder, NO_COLOR: "1" };
  for (const name of Object.keys(env)) if (/^(npm_|TALLY_(URL|TOKEN)$)/.test(name)) delete env[name];
  Object.assign(env, options.env);

  function start(...args: string[]): Running {
    const child = spawn(process.execPath, [entry, ...args], {
      cwd: folder,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
    const ended = once(child, "close").then(([code]) => ({ code: code as number | null, out, err }));
    const one: Running = {
      pid: child.pid ?? 0,
      text: () => out + err,
      printed: (what) =>
        until(
          `tally ${args.join(" ")} prints ${what}; it said: ${out}${err}`,
          () => what.exec(out + err) ?? undefined,
        ),
      signal: (name) => void child.kill(name),
      ended,
    };
    running.add(one);
    void ended.then(() => running.delete(one));
    return one;
  }

  const desk: Desk = {
    folder,
    dataFolder,
    start,
    tally: (...args) => start(...args).ended,
    async brokerPid() {
      const text = await readFile(join(dataFolder, "connection.json"), "utf8");
      return (JSON.parse(text) as { pid: number }).pid;
    },
    async close() {
      for (const one of running) one.signal("SIGKILL");
      await Promise.all([...running].map((one) => one.ended));
      await desk.tally("stop");
      await endAgents(dataFolder);
      await rm(folder, { recursive: true, force: true });
    },
  };
  await mkdir(dataFolder, { recursive: true });
  // The same port after a restart, so that agents which outlive a killed broker find it again.
  await writeFile(config, `listen: { port: ${await freePort()} }\n${options.config ?? ""}`);
  return desk;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

/** An agent that outlived a killed broker is no child of ours: found by the data folder in its arguments. */
async function endAgents(dataFolder: string): Promise<void> {
  const processes = (await readdir("/proc").catch((): string[] => [])).filter((name) => /^\d+$/.test(name));
  await Promise.all(
    processes.map(async (pid) => {
      const args = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      if (args.includes(join(dataFolder, "blobs"))) process.kill(Number(pid), "SIGKILL");
    }),
  );
}
