// One running Blender with the driver inside: starts it, tells its log from its messages, ends it for sure.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { StringDecoder } from "node:string_decoder";
import type { BlenderInstall } from "./discover.ts";

export type DriverMessage =
  | { event: "ready"; version: string; device: string; home: string; notes: string[] }
  | { event: "refused"; reason?: string; words?: string }
  | { event: "started"; frame: number; layers: number }
  | { event: "stats"; text: string }
  | { event: "file"; frame: number; path: string; name: string; bytes: number }
  | { event: "look"; frame: number; path: string }
  | { event: "done"; frame: number; ok: boolean; reason?: string; words?: string };

export type BlenderProcess = Omit<BlenderScript, "send"> & {
  /** Asks for one frame, written below `folder`, which is this frame's alone. */
  render: (frame: number, folder: string) => void;
};
export type BlenderEvents<M = DriverMessage> = {
  log: (line: string) => void;
  message: (message: M) => void;
  /** Called once, after every line was handed over. */
  exit: (code: number | null, signal: string | null, error: string | null) => void;
};

const LONGEST_LINE = 8 * 1024 * 1024;

/** The folder of the driver's Python files; beside the bundle, or in the source tree. */
export function driverFolder(env: NodeJS.ProcessEnv = process.env): string {
  const here = dirname(fileURLToPath(import.meta.url));
  // In the sources; beside a bundle in dist/; beside one in dist/tools/.
  const places = [
    env["TALLY_DRIVER"],
    join(here, "../../blender/driver"),
    join(here, "driver"),
    join(here, "../driver"),
  ];
  const found = places.find((place) => place && existsSync(join(place, "driver.py")));
  if (!found)
    throw new Error(
      "Tally's render driver is missing from this installation. Install Tally again: npm install",
    );
  return found;
}

/** The arguments that run a Python file of the driver in this Blender. */
export function pythonCommand(
  install: BlenderInstall,
  script: string,
  args: readonly string[] = [],
): string[] {
  if (install.kind === "bpy") return ["-I", "-B", script, ...args];
  // Settings of the person who owns this machine must not change pixels; scripts in the scene wait for leave.
  return [
    "-b",
    "-noaudio",
    "--factory-startup",
    "--disable-autoexec",
    "--python-exit-code",
    "9",
    "--python",
    script,
    "--",
    ...args,
  ];
}

/** A Python file of ours at work inside Blender. */
export type BlenderScript = {
  pid: number | undefined;
  /** Writes one command. */
  send: (command: object) => void;
  /** Ends it and everything it started, at once. */
  kill: () => void;
  /** Lets it end by itself; kills it after `patience` milliseconds. */
  close: (patience: number) => Promise<void>;
};

/** Starts Blender with its settings; `scratch` is the session's own folder for Blender's temporary files. */
export async function startBlender(
  install: BlenderInstall,
  settings: object,
  scratch: string,
  events: BlenderEvents,
): Promise<BlenderProcess> {
  const settingsPath = join(scratch, "driver-settings.json");
  await writeFile(settingsPath, JSON.stringify(settings), { mode: 0o600 });
  const environment = { TALLY_DRIVER_SETTINGS: settingsPath };
  const { send, ...script } = startScript(install, "driver.py", scratch, environment, events);
  return { ...script, render: (frame, folder) => send({ frame, folder }) };
}

/** Starts a Python file of the driver's folder in a Blender; temporary files go to `scratch`. */
export function startScript<M>(
  install: BlenderInstall,
  name: string,
  scratch: string,
  environment: NodeJS.ProcessEnv,
  events: BlenderEvents<M>,
): BlenderScript {
  const word = randomBytes(12).toString("hex");
  const child = spawn(install.path, pythonCommand(install, join(driverFolder(), name)), {
    cwd: scratch,
    stdio: ["pipe", "pipe", "pipe"],
    // Its own process group, so that one kill reaches what scenes and add-ons start.
    detached: process.platform !== "win32",
    windowsHide: true,
    env: {
      ...process.env,
      ...environment,
      TALLY_DRIVER_WORD: word,
      TMPDIR: scratch,
      PYTHONDONTWRITEBYTECODE: "1",
    },
  });
  let error: string | null = null;
  child.on("error", (problem) => {
    error = problem.message;
    if (child.pid === undefined) events.exit(null, null, error);
  });
  child.stdin.on("error", () => undefined);
  const split = splitLines<M>(`\x1e${word} `, events);
  child.stdout.on("data", split.feed);
  const early = splitLines<M>(`\x1e${word} `, events);
  child.stderr.on("data", early.feed);
  child.on("close", (code, signal) => {
    split.end();
    early.end();
    if (child.pid !== undefined) events.exit(code, signal, error);
  });
  // A grandchild may hold the pipes open after Blender is gone; nobody waits for it.
  child.on("exit", () => killGroup(child));
  return {
    pid: child.pid,
    send: (command) => void child.stdin.write(`${JSON.stringify(command)}\n`),
    kill: () => killGroup(child),
    close: async (patience) => {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      const timer = setTimeout(() => killGroup(child), patience);
      child.stdin.end();
      await gone;
      clearTimeout(timer);
    },
  };
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === "win32")
      spawn("taskkill", ["/pid", String(child.pid), "/T", "/F"], { stdio: "ignore", windowsHide: true });
    else process.kill(-child.pid, "SIGKILL");
  } catch {
    // Already gone.
  }
}

/** Cuts a stream into log lines and marked messages; a message may follow an unfinished log line. */
export function splitLines<T = DriverMessage>(
  mark: string,
  to: { log: (line: string) => void; message: (message: T) => void },
): { feed: (data: Buffer) => void; end: () => void } {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  const line = (text: string): void => {
    const at = text.indexOf(mark);
    if (at < 0) return to.log(text.endsWith("\r") ? text.slice(0, -1) : text);
    if (at > 0) to.log(text.slice(0, at));
    let message: T;
    try {
      message = JSON.parse(text.slice(at + mark.length)) as T;
    } catch {
      // A Blender that was killed in mid-word: what it wanted to say does not count.
      return;
    }
    to.message(message);
  };
  return {
    feed: (data) => {
      const lines = (rest + decoder.write(data)).split("\n");
      rest = lines.pop() ?? "";
      for (const text of lines) line(text);
      if (rest.length > LONGEST_LINE) {
        line(rest);
        rest = "";
      }
    },
    end: () => {
      rest += decoder.end();
      if (rest !== "") line(rest);
      rest = "";
    },
  };
}
