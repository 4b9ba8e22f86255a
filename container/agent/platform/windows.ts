// Windows: process trees by taskkill and WMI, renames that retry, long paths. Never run there: read before you trust it.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { rename } from "node:fs/promises";
import { constants, setPriority } from "node:os";
import { extname, isAbsolute, join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Platform } from "./platform.ts";
import { treeOf } from "./processes.ts";

const RENAME_TRIES = 20;

export const windows: Platform = {
  osFamily: "windows",

  findCommand(command, path, folder) {
    const endings = (process.env.PATHEXT ?? ".COM;.EXE;.BAT;.CMD").split(";");
    const names =
      extname(command) === "" ? [command, ...endings.map((it) => command + it.toLowerCase())] : [command];
    const bare = !/[\\/:]/.test(command);
    const places = bare ? [folder, ...(path ?? "").split(";").filter((it) => it !== "")] : [folder];
    for (const place of places) {
      const file = names
        .map((name) => (isAbsolute(name) ? name : join(place, name)))
        .find((it) => isFile(it));
      if (file !== undefined) return file;
    }
    return undefined;
  },

  // Windows has no named pipe that a child could inherit from Node as one handle for both streams.
  pipes: () => ({ open: () => undefined }),

  askToEnd() {
    // A console event needs a console shared with the child; a detached child has none. The period then simply passes.
  },

  async killTree(pid) {
    await run("taskkill", ["/PID", String(pid), "/T", "/F"]);
  },

  async killMarked(_marker, pids) {
    // Environments of other processes cannot be read; parents can, also of those that a tool detached.
    const roots = treeOf(pids, listByWmi());
    for (const pid of new Set([...pids, ...roots])) await run("taskkill", ["/PID", String(pid), "/T", "/F"]);
  },

  lowerPriority(pid) {
    try {
      setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
    } catch {
      // It ended already.
    }
  },

  keepAwake() {
    // ES_CONTINUOUS | ES_SYSTEM_REQUIRED, held by a PowerShell that ends with our pipe.
    const script =
      "$t=Add-Type -MemberDefinition '[DllImport(\"kernel32.dll\")]public static extern uint SetThreadExecutionState(uint f);' -Name P -Namespace T -PassThru;" +
      "[void]$t::SetThreadExecutionState(2147483649);[void][Console]::In.ReadToEnd()";
    const child = spawn("powershell.exe", ["-NoProfile", "-NonInteractive", "-Command", script], {
      stdio: ["pipe", "ignore", "ignore"],
      windowsHide: true,
    });
    child.on("error", () => {});
    child.stdin.on("error", () => {});
    child.unref();
    return () => child.stdin.end();
  },

  async replaceFile(from, to) {
    for (let tried = 1; ; tried += 1) {
      try {
        return await rename(windows.longPath(from), windows.longPath(to));
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code ?? "";
        // A viewer or virus scanner holds the old file open; it lets go after a moment.
        if (tried === RENAME_TRIES || !["EPERM", "EBUSY", "EACCES"].includes(code)) throw error;
        await pause(25 * tried);
      }
    }
  },

  longPath(path) {
    const full = resolve(path);
    if (full.startsWith("\\\\?\\") || full.length < 248) return path;
    return full.startsWith("\\\\") ? `\\\\?\\UNC\\${full.slice(2)}` : `\\\\?\\${full}`;
  },
};

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}

function run(command: string, args: string[]): Promise<void> {
  return new Promise((done) => {
    const child = spawn(command, args, { stdio: "ignore", windowsHide: true });
    child.on("error", () => done());
    child.on("exit", () => done());
  });
}

function listByWmi(): { pid: number; parent: number; group: number }[] {
  const script = 'Get-CimInstance Win32_Process | ForEach-Object { "$($_.ProcessId) $($_.ParentProcessId)" }';
  const { stdout } = spawnSync("powershell.exe", ["-NoProfile", "-NonInteractive", "-Command", script], {
    encoding: "utf8",
    windowsHide: true,
  });
  return (stdout ?? "").split(/\r?\n/).flatMap((line) => {
    const [pid, parent] = line.split(" ").map(Number);
    return pid === undefined || parent === undefined ? [] : [{ pid, parent, group: 0 }];
  });
}
