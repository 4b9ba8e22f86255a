// Runs one command of a session to its end: output, time limit, both ways of stopping it.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { Cancelation } from "../../../broker/openjd/types.ts";
import { platform, type PipeSource } from "../platform/platform.ts";
import { createLineReader } from "./lines.ts";

/** After a process ended, somebody else may hold its output open; after this it is read no further. */
export const OUTPUT_GRACE_MS = 5000;

export interface ActionCommand {
  file: string;
  /** What the process sees as its own name. */
  name: string;
  args: string[];
  folder: string;
  environment: Record<string, string | undefined>;
  timeoutSeconds?: number;
  cancelation: Cancelation;
  /** Used when the cancelation asks to notify and names no period. */
  defaultNotifySeconds: number;
  lowPriority: boolean;
  pipes: PipeSource;
}

export interface ActionListener {
  onLine(line: string, continued: boolean): void;
  holdBack(text: string): number;
}

/** How the process ended. `stopped` tells why we ended it, if we did. */
export interface ActionEnd {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  startError?: string;
  stopped?: "timeout" | "canceled";
  /** The limit that it exceeded, when it was stopped for that. */
  limitSeconds?: number;
  seconds: number;
}

export interface RunningAction {
  readonly pid: number | undefined;
  readonly done: Promise<ActionEnd>;
  /** Stops it as its cancelation says; a shorter period or `immediately` (no notice) wins. Resolves when it is dead. */
  cancel(how?: StopRequest): Promise<void>;
}

export interface StopRequest {
  why?: "timeout" | "canceled";
  /** With `timeout`: the limit that was exceeded. */
  limitSeconds?: number;
  immediately?: boolean;
  periodSeconds?: number;
}

/** Starts a command. Never throws: a command that cannot start ends with `startError`. */
export function startAction(command: ActionCommand, listener: ActionListener): RunningAction {
  const startedAt = performance.now();
  const output = command.pipes.open();
  const end: ActionEnd = { exitCode: null, signal: null, seconds: 0 };
  const ended = Promise.withResolvers<void>();
  const dead = Promise.withResolvers<void>();
  const timers = new Set<NodeJS.Timeout>();
  let isDead = false;

  const readers: Readable[] = [];
  let open = 0;
  function read(stream: Readable): void {
    const lines = createLineReader(
      (line, continued) => listener.onLine(line, continued),
      (text) => listener.holdBack(text),
    );
    readers.push(stream);
    open += 1;
    let over = false;
    const finish = (): void => {
      if (over) return;
      over = true;
      lines.end();
      open -= 1;
      if (open === 0 && isDead) ended.resolve();
    };
    stream.on("data", (bytes: Buffer) => {
      if (!over) lines.push(bytes);
    });
    stream.on("end", finish);
    stream.on("close", finish);
    stream.on("error", finish);
  }

  function died(): void {
    if (isDead) return;
    isDead = true;
    end.seconds = (performance.now() - startedAt) / 1000;
    dead.resolve();
    if (open === 0) ended.resolve();
    else
      after(OUTPUT_GRACE_MS, () => {
        for (const stream of readers) stream.destroy();
        ended.resolve();
      });
  }

  function after(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      timers.delete(timer);
      act();
    }, ms);
    timers.add(timer);
  }

  let child: ChildProcess | undefined;
  try {
    child = spawn(command.file, command.args, {
      argv0: command.name,
      cwd: command.folder,
      env: command.environment as NodeJS.ProcessEnv,
      // A session and group of its own: what it starts can be killed with it, and our Ctrl-C does not reach it.
      detached: true,
      windowsHide: true,
      stdio: output === undefined ? ["ignore", "pipe", "pipe"] : ["ignore", output.childEnd, output.childEnd],
    });
  } catch (error) {
    end.startError = error instanceof Error ? error.message : String(error);
  }
  output?.started();
  if (output !== undefined) read(output.reader);
  if (child?.stdout) read(child.stdout);
  if (child?.stderr) read(child.stderr);
  if (child === undefined) died();
  child?.on("error", (error) => {
    end.startError = error.message;
    died();
  });
  child?.on("exit", (code, signal) => {
    end.exitCode = code;
    end.signal = signal;
    died();
  });
  const pid = child?.pid;
  if (pid !== undefined && command.lowPriority) platform.lowerPriority(pid);

  async function kill(): Promise<void> {
    if (pid === undefined) return;
    await platform.killTree(pid);
    await dead.promise;
  }

  let killing = false;
  async function cancel(how: StopRequest = {}): Promise<void> {
    if (isDead) return;
    if (end.stopped === undefined && how.limitSeconds !== undefined) end.limitSeconds = how.limitSeconds;
    end.stopped ??= how.why ?? "canceled";
    const { cancelation } = command;
    if (how.immediately === true || cancelation.mode === "TERMINATE" || killing) {
      killing = true;
      return await kill();
    }
    const own = cancelation.notifyPeriodInSeconds ?? command.defaultNotifySeconds;
    const seconds = Math.min(own, how.periodSeconds ?? own);
    writeCancelInfo(command.folder, seconds);
    if (pid !== undefined) platform.askToEnd(pid);
    const period = Promise.withResolvers<void>();
    after(seconds * 1000, () => period.resolve());
    await Promise.race([period.promise, dead.promise]);
    killing = true;
    // Also when it ended in time: what it started may still run.
    if (!isDead) await kill();
    else if (pid !== undefined) await platform.killTree(pid);
  }

  const limitSeconds = command.timeoutSeconds;
  if (limitSeconds !== undefined) {
    after(limitSeconds * 1000, () => void cancel({ why: "timeout", limitSeconds }));
  }

  const done = ended.promise.then(() => {
    for (const timer of timers) clearTimeout(timer);
    return end;
  });
  return { pid, done, cancel };
}

/** Tells the process, in its working folder, until when it may finish. */
function writeCancelInfo(folder: string, seconds: number): void {
  const until = new Date(Date.now() + seconds * 1000).toISOString().replace(/\.\d+Z$/, "Z");
  try {
    mkdirSync(folder, { recursive: true });
    const temporary = join(folder, `.cancel_info.${process.pid}`);
    writeFileSync(temporary, JSON.stringify({ NotifyEnd: until }), { mode: 0o600 });
    renameSync(temporary, join(folder, "cancel_info.json"));
  } catch {
    // The signal comes anyway; a full disk must not stop a stop.
  }
}
