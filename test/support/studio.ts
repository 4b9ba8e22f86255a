// A whole Tally for tests: the real command line, broker, local pool and Blender, each a process of its own.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createApi, type Api } from "./api.ts";
import { placeScene } from "./scenes.ts";

const program = join(import.meta.dirname, "../../broker/cli/main.ts");

export interface Ran {
  code: number | null;
  /** Standard output and error as a person sees them. */
  text: string;
}

export interface Studio {
  /** Where the tests' scenes lie, a folder each. */
  readonly folder: string;
  readonly dataFolder: string;
  readonly api: Api;
  /** Runs one `tally` command to its end. */
  tally(...args: string[]): Promise<Ran>;
  /** Starts `tally watch`; resolves once it has said its first words, to how it ends. */
  watch(number: number): Promise<{ ended: Promise<Ran> }>;
  /** `tally submit` of a scene that must be taken; returns the job's number. */
  submit(scene: string, ...flags: string[]): Promise<number>;
  /** A copy of a made scene in a folder of its own. */
  scene(name: string, options?: Parameters<typeof placeScene>[2]): string;
  /** Starts a broker, on the same port as the one before; `env` is added for it and its workers. */
  startBroker(env?: Record<string, string>): Promise<void>;
  /** Ends the broker with SIGKILL. */
  killBroker(): Promise<void>;
  /** Processes of this studio whose command line holds `words`. */
  processes(words: string): number[];
  close(): Promise<void>;
}

export interface StudioOptions {
  /** The text of tally.yaml. */
  config?: string;
  env?: Record<string, string>;
}

/** Makes a studio without a broker; `startBroker` starts one, and so does a `tally submit`. */
export function openStudio(options: StudioOptions = {}): Studio {
  const folder = mkdtempSync(join(tmpdir(), "tally-studio-"));
  const dataFolder = join(folder, "data");
  mkdirSync(dataFolder);
  writeFileSync(join(dataFolder, "tally.yaml"), options.config ?? "listen: { port: 0 }\n");
  const clean = Object.entries(process.env).filter(([name]) => !/^(npm_|TALLY_|FORCE_COLOR$)/.test(name));
  const env = { ...Object.fromEntries(clean), NO_COLOR: "1", TALLY_DATA: dataFolder, ...options.env };
  let broker: ChildProcess | undefined;
  let port = "0";
  let shots = 0;
  let api: Api | undefined;

  function connect(): Api {
    const { url, token } = JSON.parse(readFileSync(join(dataFolder, "connection.json"), "utf8")) as {
      url: string;
      token: string;
    };
    return createApi(url, token);
  }

  function command(args: string[]): { first: Promise<unknown>; ended: Promise<Ran> } {
    const child = spawn(process.execPath, [program, ...args], {
      cwd: folder,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let text = "";
    child.stdout.on("data", (bytes: Buffer) => (text += bytes.toString()));
    child.stderr.on("data", (bytes: Buffer) => (text += bytes.toString()));
    const ended = once(child, "close").then(([code]) => ({ code: code as number | null, text }));
    return { first: Promise.race([once(child.stdout, "data"), ended]), ended };
  }
  const tally = (...args: string[]): Promise<Ran> => command(args).ended;

  /** Processes that carry the data folder in their environment: all of ours do. */
  function processes(words: string): number[] {
    return readdirSync("/proc").flatMap((name) => {
      if (!/^\d+$/.test(name)) return [];
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, "latin1").replaceAll("\0", " ");
        const ours = readFileSync(`/proc/${name}/environ`, "latin1").includes(dataFolder);
        return ours && command.includes(words) ? [Number(name)] : [];
      } catch {
        return [];
      }
    });
  }

  return {
    folder,
    dataFolder,
    get api() {
      return (api ??= connect());
    },
    tally,
    async watch(number) {
      const { first, ended } = command(["watch", String(number)]);
      await first;
      return { ended };
    },
    async submit(scene, ...flags) {
      const ran = await tally("submit", scene, ...flags);
      const number = /^Job (\d+):/m.exec(ran.text)?.[1];
      if (ran.code !== 0 || number === undefined) throw new Error(ran.text);
      return Number(number);
    },
    scene: (name, more = {}) => placeScene(name, join(folder, `shot${(shots += 1)}`), more),
    async startBroker(more = {}) {
      broker = spawn(process.execPath, [program, "serve", "--json", "--port", port], {
        cwd: folder,
        env: { ...env, ...more },
        stdio: ["ignore", "pipe", "inherit"],
      });
      const [line] = (await once(createInterface(broker.stdout as NodeJS.ReadableStream), "line")) as [
        string,
      ];
      port = new URL((JSON.parse(line) as { url: string }).url).port;
      api = undefined;
    },
    async killBroker() {
      if (broker === undefined) throw new Error("no broker was started");
      const gone = once(broker, "exit");
      broker.kill("SIGKILL");
      await gone;
    },
    processes,
    async close() {
      // The broker first, so that nothing is started anew; then agents, then what they started.
      for (const words of ["serve", "agent", ""])
        for (const pid of processes(words)) {
          try {
            process.kill(pid, "SIGKILL");
          } catch {
            // It ended by itself.
          }
        }
      await until("every process is gone", () => processes("").length === 0);
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Waits until `check` gives something; looks again every few milliseconds, for what no event tells. */
export async function until<T>(
  what: string,
  check: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const end = performance.now() + 60_000;
  for (;;) {
    // oxlint-disable no-await-in-loop -- this is what waiting is
    const found = await check();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`Waited in vain until ${what}.`);
    await new Promise((again) => setTimeout(again, 20));
    // oxlint-enable no-await-in-loop
  }
}

/** A file's bytes and time, to see that nobody touched it. */
export function fingerprint(path: string): string {
  return `${statSync(path).mtimeMs} ${readFileSync(path).toString("base64")}`;
}
