// A real broker and real agents, each in a process of its own, and ways to wait for what they do.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Attempt } from "../../broker/contract/attempt.ts";
import { createClient, type Client } from "../../broker/contract/client.ts";
import type { Job, SubmitInput, Task } from "../../broker/contract/job.ts";
import type { Worker } from "../../broker/contract/worker.ts";
import { clearLeftovers } from "../../container/agent/leftovers.ts";
import type { Limits } from "../../broker/service/broker.ts";

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export interface TestAgent {
  readonly pid: number;
  /** The exit code, or the signal. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
  signal(name: NodeJS.Signals): void;
  /** Everything it said on standard error. */
  said(): string;
}

interface AgentOptions {
  token?: string;
  work?: string;
  args?: string[];
  far?: boolean;
  url?: string;
  /** Another program around the agent's own. */
  program?: string[];
  env?: Record<string, string>;
}

export interface Farm {
  readonly folder: string;
  readonly client: Client;
  readonly dataFolder: string;
  /** Kills the broker (SIGKILL) and waits until it is gone. */
  killBroker(): Promise<void>;
  /** Starts it again on the same port and data folder. */
  restartBroker(): Promise<void>;
  workerToken(): Promise<string>;
  /** An agent of the pool `test`; `far`: on a machine that shares no folder with the broker, reached under `url`. */
  agent(options?: AgentOptions): Promise<TestAgent>;
  submit(template: object, more?: Partial<SubmitInput>): Promise<Job>;
  job(number: number): Promise<Job>;
  /** The job once its state is one of these. */
  jobIn(number: number, ...states: string[]): Promise<Job>;
  tasks(number: number): Promise<Task[]>;
  attempts(number: number): Promise<Attempt[]>;
  log(attempt: Attempt): Promise<string>;
  workers(): Promise<Worker[]>;
  stop(): Promise<void>;
}

/** Waits until `check` gives something; looks again every few milliseconds. */
export async function until<T>(
  what: string,
  check: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const end = performance.now() + 40_000;
  for (;;) {
    const found = await check();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`Waited in vain until ${what}.`);
    await new Promise((again) => setTimeout(again, 15));
  }
}

/** A broker without a local pool, in an empty folder. */
export async function startFarm(limits: Partial<Limits> = {}): Promise<Farm> {
  const folder = await mkdtemp(join(tmpdir(), "tally-farm-"));
  const dataFolder = join(folder, "data");
  await mkdir(dataFolder);
  const agents: ChildProcess[] = [];
  const works = new Set<string>();
  let broker: ChildProcess;
  let port = "0";
  let client: Client;

  async function start(): Promise<void> {
    broker = spawn(process.execPath, [here("broker-process.ts"), dataFolder, port, JSON.stringify(limits)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    if (broker.stdout === null) throw new Error("no output");
    const [line] = (await once(createInterface(broker.stdout), "line")) as [string];
    const { url, adminToken } = JSON.parse(line) as { url: string; adminToken: string };
    port = new URL(url).port;
    client = createClient(url, adminToken);
  }

  async function kill(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  async function workerToken(): Promise<string> {
    const body = { role: "worker", name: "test" };
    return (await client.call<{ token: string }>("post", "/v1/tokens", { body })).token;
  }

  await start();
  return {
    folder,
    dataFolder,
    get client() {
      return client;
    },
    killBroker: () => kill(broker),
    restartBroker: start,
    workerToken,
    async agent(options = {}) {
      const token = options.token ?? (await workerToken());
      const work = options.work ?? join(folder, `work-${agents.length}`);
      works.add(work);
      const own = [here("../../container/agent/main.ts"), "--pool", "test", ...(options.args ?? [])];
      const [command = "", ...args] = [...(options.program ?? []), process.execPath, ...own];
      const child = spawn(command, args, {
        stdio: ["ignore", "ignore", "pipe"],
        env: {
          ...process.env,
          TALLY_URL: options.url ?? client.url,
          TALLY_TOKEN: token,
          TALLY_WORK: work,
          ...(options.far !== true && { TALLY_STAGING: join(dataFolder, "staging") }),
          TALLY_POOL: "test",
          ...options.env,
        },
      });
      agents.push(child);
      let text = "";
      const ended = once(child, "exit").then(
        ([code, signal]) => (code ?? signal) as number | NodeJS.Signals | null,
      );
      const registered = Promise.withResolvers<void>();
      child.stderr.on("data", (bytes: Buffer) => {
        text += bytes.toString();
        if (text.includes("registered")) registered.resolve();
      });
      await Promise.race([
        registered.promise,
        ended.then((code) => Promise.reject(new Error(`The agent ended with ${code}: ${text}`))),
      ]);
      return { pid: child.pid ?? 0, ended, signal: (name) => void child.kill(name), said: () => text };
    },
    async submit(template, more = {}) {
      const body = {
        template: JSON.stringify({ specificationVersion: "jobtemplate-2023-09", name: "test", ...template }),
        ...more,
      };
      const headers = { "idempotency-key": crypto.randomUUID() };
      return await client.call<Job>("post", "/v1/jobs", { body, headers });
    },
    job: (number) => client.call<Job>("get", `/v1/jobs/${number}`),
    jobIn(number, ...states) {
      return until(`job ${number} is ${states.join(" or ")}`, async () => {
        const job = await client.call<Job>("get", `/v1/jobs/${number}`);
        return states.includes(job.state) && job;
      });
    },
    async tasks(number) {
      return (await client.call<{ items: Task[] }>("get", `/v1/jobs/${number}/tasks`)).items;
    },
    async attempts(number) {
      return (await client.call<{ items: Attempt[] }>("get", `/v1/jobs/${number}/attempts`)).items;
    },
    async log(attempt) {
      return await (await client.raw("get", `/v1/attempts/${attempt.id}/log`)).text();
    },
    async workers() {
      return (await client.call<{ items: Worker[] }>("get", "/v1/workers")).items;
    },
    async stop() {
      for (const child of [...agents, broker]) await kill(child);
      // What a killed agent rendered goes on: no test may leave it behind.
      for (const work of works) await clearLeftovers(work);
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** A step that runs one shell script for each task; `{{Task.Param.F}}` is the frame. */
export function shellStep(
  script: string,
  range: string,
  more: { chunks?: object; onRun?: object; step?: object } = {},
): object {
  const type = more.chunks === undefined ? "INT" : "CHUNK[INT]";
  return {
    ...(more.chunks !== undefined && { extensions: ["TASK_CHUNKING"] }),
    steps: [
      {
        name: "S",
        parameterSpace: {
          taskParameterDefinitions: [
            { name: "F", type, range, ...(more.chunks !== undefined && { chunks: more.chunks }) },
          ],
        },
        script: {
          actions: {
            onRun: { command: "sh", args: ["-c", script, "sh", "{{Task.Param.F}}"], ...more.onRun },
          },
        },
        ...more.step,
      },
    ],
  };
}
