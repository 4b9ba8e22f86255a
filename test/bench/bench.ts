// What every bench works with: its own brokers and folders, all of which end with it.
import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import type { Event } from "../../broker/contract/attempt.ts";
import { createClient, type Answer, type Client } from "../../broker/contract/client.ts";
import type { Job, SubmitInput } from "../../broker/contract/job.ts";
import { root } from "../../scripts/files.ts";
import { buildAll, oneLanguage } from "../../scripts/build.ts";
import { buildPage } from "../../scripts/build-page.ts";
import type { BrokerAddress, BrokerChildOptions } from "./broker-child.ts";
import { startChild, type Child } from "./child.ts";

export interface Bench {
  /** One short turn of everything, for trying whether it still runs; its figures mean nothing. */
  quick: boolean;
  /** Flags for the Node of the brokers: a profile, for example. */
  flags: readonly string[];
  /** Where profiles are to go; undefined: none is wanted. */
  profile: string | undefined;
  /** Where the bundles are, built from the sources as they are now: what is measured is what users start. */
  bundles: string;
  /** A new folder on the clone's own disk. */
  folder(): string;
  /** A file of this folder as a process of its own; `.mjs`: bundled, as those are that stand for what users start. */
  child(file: string, flags?: readonly string[]): Child;
  /** A broker in a process of its own. */
  broker(options?: Partial<BrokerChildOptions>): Promise<BenchBroker>;
}

export interface BenchBroker {
  client: Client;
  port: number;
  submit(body: SubmitInput): Promise<Job>;
  /** Resolves when a job has succeeded; throws when it ended otherwise. */
  ended(number: number): Promise<void>;
  /** Resolves when so many files of a job are at home; throws when it cannot come to that. */
  delivered(number: number, files: number): Promise<void>;
  /** A new token of the role worker. */
  workerToken(): Promise<string>;
}

/** Runs `use` with a bench and ends whatever it started. */
export async function withBench<T>(
  { quick, profile }: Pick<Bench, "quick" | "profile">,
  use: (bench: Bench) => Promise<T>,
): Promise<T> {
  const flags = profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`];
  const children: Child[] = [];
  const folders: string[] = [];
  // Not the system's temporary folder: where that is memory, waiting for the disk would cost nothing.
  mkdirSync(join(root, ".cache"), { recursive: true });
  const folder = () => {
    const made = mkdtempSync(join(root, ".cache", "bench-"));
    folders.push(made);
    return made;
  };
  const bundles = join(folder(), "dist");
  const child = (file: string, childFlags?: readonly string[]) => {
    const started = startChild(join(file.endsWith(".mjs") ? bundles : import.meta.dirname, file), childFlags);
    children.push(started);
    return started;
  };
  async function broker(options: Partial<BrokerChildOptions> = {}): Promise<BenchBroker> {
    const process = child("broker-child.mjs", flags);
    const { url, token } = await process.call<BrokerAddress>("start", {
      program: join(bundles, "broker.mjs"),
      dataFolder: options.dataFolder ?? folder(),
      agents: options.agents ?? false,
    } satisfies BrokerChildOptions);
    return brokerAt(url, token);
  }
  try {
    await buildAll(root, bundles);
    await bundleChildren(bundles);
    // A profile of a page names its functions.
    if (profile !== undefined) await buildPage(root, join(bundles, "page"), { minify: false });
    return await use({ quick, flags, profile, bundles, folder, child, broker });
  } finally {
    await Promise.all(children.map((one) => one.stop()));
    for (const made of folders) rmSync(made, { recursive: true, force: true });
  }
}

/** What users start is a bundle: its thread, its memory and its start are what is measured. */
async function bundleChildren(bundles: string): Promise<void> {
  await build({
    entryPoints: ["broker-child", "files-child"].map((name) => join(root, "test", "bench", `${name}.ts`)),
    outdir: bundles,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node24",
    minifyWhitespace: true,
    minifySyntax: true,
    external: ["better-sqlite3"],
    plugins: [oneLanguage],
    logLevel: "warning",
  });
}

/** A broker that runs already. */
export function brokerAt(url: string, token: string): BenchBroker {
  const client = createClient(url, token);
  async function reasonsOf(job: number): Promise<string> {
    const { failures } = await client.call<Answer<"getJob">>("get", `/v1/jobs/${job}`);
    return failures.map((failure) => failure.reason).join(" ");
  }
  /** Follows the events of a job, as `tally watch` does, until one of them is the wanted one. */
  async function follow(job: number, isWanted: (event: Event) => boolean): Promise<void> {
    for (let after = 0; ;) {
      const query = { job, after, waitSeconds: 20 };
      // oxlint-disable-next-line no-await-in-loop -- each answer says where the next begins
      const { cursor, events } = await client.call<Answer<"listEvents">>("get", "/v1/events", { query });
      after = cursor;
      for (const event of events) {
        if (isWanted(event)) return;
        if (event.kind === "job.changed" && (event.state === "failed" || event.state === "canceled"))
          throw new Error(`job ${job} is ${event.state}: ${await reasonsOf(job)}`);
      }
    }
  }
  return {
    ended: (number) => follow(number, ({ kind, state }) => kind === "job.changed" && state === "succeeded"),
    delivered(number, files) {
      let left = files;
      return follow(
        number,
        ({ kind, state }) => kind === "artifact.delivered" && state === "delivered" && --left === 0,
      );
    },
    client,
    port: Number(new URL(url).port),
    submit: (body) =>
      client.call<Job>("post", "/v1/jobs", { body, headers: { "idempotency-key": randomUUID() } }),
    workerToken: async () =>
      (
        await client.call<{ token: string }>("post", "/v1/tokens", {
          body: { role: "worker", name: "bench" },
        })
      ).token,
  };
}

/** A job of `frames` frames that run `command`, one task a frame. */
export function frameJob(frames: number, command: string, args: readonly string[] = []): SubmitInput {
  const template = {
    specificationVersion: "jobtemplate-2023-09",
    name: `bench of ${frames} frames`,
    steps: [
      {
        name: "Render",
        parameterSpace: { taskParameterDefinitions: [{ name: "Frame", type: "INT", range: `1-${frames}` }] },
        script: { actions: { onRun: { command, ...(args.length > 0 && { args }) } } },
      },
    ],
  };
  return { template: JSON.stringify(template) };
}
