// Linux and macOS: process groups, named pipes without a name, nice values. The macOS parts were never run there.
import { spawn, spawnSync } from "node:child_process";
import { accessSync, closeSync, constants, openSync, statSync, unlinkSync } from "node:fs";
import { rename } from "node:fs/promises";
import { Socket } from "node:net";
import { setPriority } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { OutputPipe, PipeSource, Platform } from "./platform.ts";
import { listMarked, listProcesses, treeOf } from "./processes.ts";

const PIPES_AT_ONCE = 32;
const BELOW_NORMAL = 10;
/** Processes may fork while they are being killed: look again until nothing is left, at most so often. */
const KILL_ROUNDS = 40;

export const posix: Platform = {
  osFamily: process.platform === "darwin" ? "macos" : "linux",

  findCommand(command, path, folder) {
    if (command.includes("/")) return resolve(folder, command);
    for (const place of (path ?? "/usr/local/bin:/usr/bin:/bin").split(delimiter)) {
      const file = resolve(folder, place, command);
      if (isExecutable(file)) return file;
    }
    return undefined;
  },

  pipes: (folder) => namedPipes(folder),

  askToEnd(pid) {
    signal(pid, "SIGTERM");
  },

  killTree: (pid) => killUntilNone(() => treeOf([pid], listProcesses())),

  killMarked: (marker, pids) =>
    killUntilNone(() => {
      const marked = listMarked("TALLY_SESSION", marker);
      const roots = [...marked, ...pids];
      return roots.length === 0 ? [] : [...new Set([...marked, ...treeOf(roots, listProcesses())])];
    }),

  lowerPriority(pid) {
    try {
      setPriority(pid, BELOW_NORMAL);
    } catch {
      // It ended already, or the system forbids it: it then runs at normal priority.
    }
  },

  keepAwake(why) {
    const [command, ...args] =
      process.platform === "darwin"
        ? ["caffeinate", "-i", "-w", String(process.pid)]
        : ["systemd-inhibit", "--what=idle:sleep", "--who=Tally", `--why=${why}`, "--mode=block", "cat"];
    if (command === undefined || posix.findCommand(command, process.env.PATH, "/") === undefined)
      return () => {};
    // `cat` ends with the pipe from us, so the lock goes even when this process is killed.
    const child = spawn(command, args, { stdio: ["pipe", "ignore", "ignore"] });
    child.on("error", () => {});
    child.stdin.on("error", () => {});
    child.unref();
    return () => {
      child.stdin.end();
      child.kill();
    };
  },

  replaceFile: (from, to) => rename(from, to),
  longPath: (path) => path,
};

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended already.
  }
}

async function killUntilNone(find: () => number[]): Promise<void> {
  for (let round = 0; round < KILL_ROUNDS; round += 1) {
    const pids = find();
    if (pids.length === 0) return;
    for (const pid of pids) signal(pid, "SIGKILL");
    await pause(Math.min(5 + round * 2, 50));
  }
}

/**
 * A child gets a real pipe as stdout and stderr: order is kept, and scripts can open /dev/stderr, which fails on
 * the sockets that Node makes. Node cannot call pipe(2), so a stock of FIFOs is made and each loses its name at once.
 */
function namedPipes(folder: string): PipeSource {
  const stock: string[] = [];
  let made = 0;
  let possible = true;
  return {
    open() {
      if (stock.length === 0 && possible) {
        const names = Array.from({ length: PIPES_AT_ONCE }, (_, index) =>
          join(folder, `.output-${made + index}`),
        );
        made += PIPES_AT_ONCE;
        possible = spawnSync("mkfifo", ["-m", "600", ...names], { stdio: "ignore" }).status === 0;
        if (possible) stock.push(...names);
      }
      const name = stock.pop();
      return name === undefined ? undefined : openPipe(name);
    },
  };
}

function openPipe(name: string): OutputPipe | undefined {
  try {
    const readEnd = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK);
    const childEnd = openSync(name, constants.O_WRONLY);
    unlinkSync(name);
    const reader = new Socket({ fd: readEnd, readable: true, writable: false });
    return { childEnd, reader, started: () => closeSync(childEnd), close: () => reader.destroy() };
  } catch {
    return undefined;
  }
}
