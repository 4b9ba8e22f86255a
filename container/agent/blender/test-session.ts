// Runs `tally-blender` in tests as a session does: real processes, real Blenders, a folder of its own.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inflateSync } from "node:zlib";
import { afterAll } from "vitest";
import { createInterface } from "node:readline";
import { pythonCommand } from "./blender-process.ts";
import { findBlenders } from "./discover.ts";
import type { BlenderInstall } from "./discover.ts";
import type { FrameLine } from "./wire.ts";

const CLIENT = fileURLToPath(new URL("./client.ts", import.meta.url));
const makers = fileURLToPath(new URL("../../blender/tests", import.meta.url));

/** Every Blender of this machine; tests run in each, and say so when there is none. */
export const blenders: BlenderInstall[] = await findBlenders();

export type Ran = { code: number | null; lines: string[]; frames: FrameLine[] };
export type OnFrame = (frame: FrameLine, kill: () => void) => void;
export type TestSession = {
  folder: string;
  leaseFolder: string;
  marker: string;
  run: (args: string[], onFrame?: OnFrame) => Promise<Ran>;
  start: (scene: string, original?: string, ...args: string[]) => Promise<Ran>;
  render: (frames: string, onFrame?: OnFrame) => Promise<Ran>;
  stop: () => Promise<Ran>;
};

const made: string[] = [];
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

/** A folder that is removed when the test file is through. */
export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "tally-blender-"));
  made.push(folder);
  return folder;
}

/** Makes the named scenes (`container/blender/tests/make_test_scenes.py`) with one Blender. */
export function makeScenes(install: BlenderInstall, folder: string, ...names: string[]): void {
  runMaker(install, "make_test_scenes.py", folder, names);
}

/** Makes the named scenes that need files of every kind (`make_file_scenes.py`): a tree of folders below `folder`. */
export function makeFileScenes(install: BlenderInstall, folder: string, ...names: string[]): void {
  runMaker(install, "make_file_scenes.py", folder, names);
}

function runMaker(install: BlenderInstall, file: string, folder: string, names: string[]): void {
  const maker = join(makers, file);
  const args = install.kind === "bpy" ? [maker, "--"] : pythonCommand(install, maker);
  execFileSync(install.path, [...args, folder, ...names], { stdio: "pipe" });
}

/** A session with its own folders and marker; `extra` adds to its environment. */
export function newSession(install: BlenderInstall, extra: Record<string, string> = {}): TestSession {
  const top = testFolder();
  const folder = join(top, "session");
  const leaseFolder = join(top, "lease");
  mkdirSync(folder);
  mkdirSync(leaseFolder);
  const marker = `test-${randomBytes(6).toString("hex")}`;
  const env = {
    ...process.env,
    TALLY_SESSION: marker,
    TALLY_SESSION_DIR: folder,
    TALLY_LEASE_DIR: leaseFolder,
    TALLY_BLENDER: install.path,
    ...extra,
  };
  const run = async (args: string[], onFrame?: OnFrame): Promise<Ran> => {
    const child = spawn(process.execPath, [CLIENT, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
    const ran: Ran = { code: null, lines: [], frames: [] };
    child.stderr.on("data", (data: Buffer) => ran.lines.push(...data.toString().split("\n")));
    createInterface({ input: child.stdout }).on("line", (line) => {
      ran.lines.push(line);
      if (!line.startsWith("tally_frame: ")) return;
      const frame = JSON.parse(line.slice("tally_frame: ".length)) as FrameLine;
      ran.frames.push(frame);
      onFrame?.(frame, () => child.kill("SIGKILL"));
    });
    ran.code = await new Promise((resolve) => child.once("close", resolve));
    return ran;
  };
  return {
    folder,
    leaseFolder,
    marker,
    run,
    start: (scene, original, ...args) =>
      run(["start", `--scene=${scene}`, `--original=${original ?? scene}`, ...args]),
    render: (frames, onFrame) => run(["render", `--frames=${frames}`], onFrame),
    stop: () => run(["stop"]),
  };
}

/** The process of the session's Blender: it carries the marker and the driver's word (Linux). */
export function blenderOf(session: TestSession): number {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "latin1");
      const environment = readFileSync(`/proc/${pid}/environ`, "latin1");
      if (command.includes("driver.py") && environment.includes(`TALLY_SESSION=${session.marker}`))
        return Number(pid);
    } catch {
      // Ended while we looked.
    }
  }
  throw new Error("the session has no Blender");
}

/** How many processes carry the session's marker (Linux). */
export function processesOf(session: TestSession): number {
  return readdirSync("/proc").filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, "latin1").includes(`TALLY_SESSION=${session.marker}`);
    } catch {
      return false;
    }
  }).length;
}

/** A PNG's pixels as stored rows: equal pictures have equal rows, though dates in the files differ. */
export function pixelsOf(path: string): Buffer {
  const file = readFileSync(path);
  const parts: Buffer[] = [];
  for (let at = 8; at < file.length;) {
    const length = file.readUInt32BE(at);
    if (file.toString("latin1", at + 4, at + 8) === "IDAT")
      parts.push(file.subarray(at + 8, at + 8 + length));
    at += length + 12;
  }
  return inflateSync(Buffer.concat(parts));
}

/** What a local render of the whole animation writes, below the scene's folder. */
export function renderLocally(install: BlenderInstall, scene: string): void {
  if (install.kind === "blender") execFileSync(install.path, ["-b", scene, "-a"], { stdio: "pipe" });
  else {
    const code =
      "import bpy,sys; bpy.ops.wm.open_mainfile(filepath=sys.argv[1]); bpy.ops.render.render(animation=True)";
    execFileSync(install.path, ["-I", "-c", code, scene], { stdio: "pipe" });
  }
}

/** The last report of a frame. */
export function lastOf(ran: Ran, frame: number): FrameLine | undefined {
  return ran.frames.findLast((line) => line.frame === frame);
}
