// Puts an official Blender (the `bpy` wheel) into a private folder: no sudo, nothing outside the cache folder.
import { execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, rename, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { findBlenders, wheelPython } from "./discover.ts";
import type { BlenderInstall } from "./discover.ts";
import { wheelFolder } from "./folders.ts";

export type InstallOptions = { log: (line: string) => void; env?: NodeJS.ProcessEnv };

/** What one series takes on the disk while it is being installed. */
export const WHEEL_BYTES = 2_000_000_000;

const run = promisify(execFile);

/** The Python that a series' wheel was made for. */
export function pythonFor(series: string): string {
  const [major = 0, minor = 0] = series.split(".").map(Number);
  if (major > 5 || (major === 5 && minor >= 1)) return "3.13";
  return major > 4 || (major === 4 && minor >= 1) ? "3.11" : "3.10";
}

/**
 * Installs the newest wheel of a series ("4.5") unless it is there, and returns it. Takes about 20 s and 1 GB.
 * @throws Error with a sentence when the series is no version, its Python is missing, or pip fails.
 */
export async function installBlender(
  series: string,
  { log, env = process.env }: InstallOptions,
): Promise<BlenderInstall> {
  if (!/^\d{1,2}\.\d{1,2}$/.test(series))
    throw new Error(`"${series}" is no Blender series. Write it like 4.5: tally blender install 4.5`);
  const there = (await findBlenders({ env })).find(
    (one) => one.source === "installed" && one.series === series,
  );
  if (there) {
    log(`Blender ${there.version} is already there: ${there.path}`);
    return there;
  }
  const wanted = pythonFor(series);
  const python = await findPython(wanted, env);
  if (python === null)
    throw new Error(
      `Blender ${series} needs Python ${wanted}, which was not found. Install it (python${wanted} with its venv module), then type: tally blender install ${series}`,
    );
  const folder = wheelFolder(env);
  await mkdir(folder, { recursive: true });
  const disk = await statfs(folder);
  if (disk.bavail * disk.bsize < WHEEL_BYTES)
    throw new Error(
      `Blender ${series} needs 2 GB of free space in ${folder}. Free some, then type: tally blender install ${series}`,
    );
  const part = await mkdtemp(join(folder, `.${series}-`));
  try {
    log(`Installing Blender ${series} (about 1 GB) into ${join(folder, series)}`);
    await follow(
      python,
      ["-m", "venv", part],
      env,
      log,
      `The private Python environment could not be made. Install python${wanted}-venv, then type: tally blender install ${series}`,
    );
    const [, minor = "0"] = series.split(".");
    const range = `bpy>=${series}.0,<${series.split(".")[0]}.${Number(minor) + 1}`;
    await follow(
      wheelPython(part),
      [
        "-m",
        "pip",
        "install",
        "--no-cache-dir",
        "--disable-pip-version-check",
        "--only-binary",
        "bpy",
        range,
      ],
      env,
      log,
      `There is no Blender ${series} to be had for this machine. Get it from blender.org, or try another series.`,
    );
    await rename(part, join(folder, series));
  } finally {
    await rm(part, { recursive: true, force: true });
  }
  const made = (await findBlenders({ env })).find(
    (one) => one.source === "installed" && one.series === series,
  );
  if (!made)
    throw new Error(`Blender ${series} was installed but is not found in ${folder}. Type: tally doctor`);
  log(`Blender ${made.version} is ready: ${made.path}`);
  return made;
}

/** Finds a Python of exactly this version. */
export async function findPython(version: string, env: NodeJS.ProcessEnv): Promise<string | null> {
  const windows = process.platform === "win32";
  const tries: [string, string[]][] = windows
    ? [
        ["py", [`-${version}`]],
        ["python", []],
      ]
    : [
        [`python${version}`, []],
        [`/usr/bin/python${version}`, []],
        [`/opt/homebrew/bin/python${version}`, []],
        ["python3", []],
      ];
  const code = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2]); print(sys.executable)";
  for (const [program, args] of tries) {
    const said = await run(program, [...args, "-c", code], { env, timeout: 20_000 }).catch(() => null);
    const [found, path] = said?.stdout.trim().split(/\r?\n/) ?? [];
    if (found === version && path) return path;
  }
  return null;
}

async function follow(
  program: string,
  args: string[],
  env: NodeJS.ProcessEnv,
  log: (line: string) => void,
  failure: string,
): Promise<void> {
  const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"], windowsHide: true });
  let last = "";
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      if (/error/i.test(line)) last = line.trim();
      log(line);
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code !== 0) throw new Error(last ? `${failure} (pip: "${last.slice(0, 200)}")` : failure);
}
