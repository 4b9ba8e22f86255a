// Finds the Blenders of this machine and chooses one for a file.
import { execFile } from "node:child_process";
import { mkdir, readFile, readdir, realpath, rename, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { cacheFolder, findCandidates, wheelFolder } from "./folders.ts";

export type BlenderKind = "blender" | "bpy";
export type BlenderSource = "config" | "path" | "folder" | "installed";
export type BlenderInstall = {
  /** The two numbers that decide pixels, "4.5". */
  series: string;
  version: string;
  /** The program to start: Blender itself, or the Python of a wheel's environment. */
  path: string;
  kind: BlenderKind;
  source: BlenderSource;
};
export type DiscoverInput = {
  /** Paths from the config file; named first, so preferred. */
  config?: { blenders?: readonly string[] };
  env?: NodeJS.ProcessEnv;
};

type Known = Record<string, { mtimeMs: number; version: string }>;
const run = promisify(execFile);

/**
 * Finds every Blender: config, PATH, the usual folders of this system, and what `tally blender install` put there.
 * Asking a Blender for its version takes 0.3 s, so answers are kept by path and modification time.
 */
export async function findBlenders({ config = {}, env = process.env }: DiscoverInput = {}): Promise<
  BlenderInstall[]
> {
  const known = await readKnown(env);
  const remembered = JSON.stringify(known);
  const found: BlenderInstall[] = [];
  const seen = new Set<string>();
  for (const { path, source } of await findCandidates(config.blenders ?? [], env)) {
    const real = await realpath(path).catch(() => null);
    if (real === null || seen.has(real)) continue;
    seen.add(real);
    const install = await describe(path, source, known);
    if (install !== null) found.push(install);
  }
  found.push(...(await installedWheels(env)));
  if (JSON.stringify(known) !== remembered) await writeKnown(env, known).catch(() => undefined);
  return found;
}

/** Describes one Blender by its path (a program, or the Python of a wheel's environment); null when it is none. */
export async function blenderAt(
  path: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<BlenderInstall | null> {
  const known = await readKnown(env);
  const remembered = JSON.stringify(known);
  const install = await describe(path, "config", known);
  if (JSON.stringify(known) !== remembered) await writeKnown(env, known).catch(() => undefined);
  return install;
}

/**
 * Chooses the Blender for a file saved with series `fileVersion`: its own series, else the nearest newer one.
 * `override` ("4.5") asks for one series. Never an older one: it would crash or lose what it does not know.
 */
export function chooseBlender(
  installs: readonly BlenderInstall[],
  fileVersion: string,
  override?: string,
): { install: BlenderInstall } | { problem: string } {
  const have = [...new Set(installs.map((one) => one.series))].toSorted(compareSeries);
  const there =
    have.length === 0 ? "This machine has no Blender" : `This machine has Blender ${have.join(", ")}`;
  if (override !== undefined && override !== "") {
    const series = override.split(".").slice(0, 2).join(".");
    if (compareSeries(series, fileVersion) < 0) {
      return {
        problem: `The scene was saved with Blender ${fileVersion}, which Blender ${series} cannot open. Leave --blender out, or ask for ${fileVersion} or newer.`,
      };
    }
    const install = bestOf(installs, series);
    return install
      ? { install }
      : { problem: `${there}, not ${series}. Install it with: tally blender install ${series}` };
  }
  const series = have.find((one) => compareSeries(one, fileVersion) >= 0);
  const install = series === undefined ? undefined : bestOf(installs, series);
  if (install) return { install };
  return {
    problem:
      `The scene was saved with Blender ${fileVersion}. ${there}, none of them that new or newer. Install it with: tally blender install ${fileVersion}`.replace(
        "no Blender, none of them that new or newer",
        "no Blender",
      ),
  };
}

/** Orders "3.4" before "4.2" before "4.10". */
export function compareSeries(a: string, b: string): number {
  const [a1 = 0, a2 = 0] = a.split(".").map(Number);
  const [b1 = 0, b2 = 0] = b.split(".").map(Number);
  return a1 - b1 || a2 - b2;
}

const RANK: Record<BlenderSource, number> = { config: 0, path: 1, folder: 2, installed: 3 };

function bestOf(installs: readonly BlenderInstall[], series: string): BlenderInstall | undefined {
  return installs
    .filter((one) => one.series === series)
    .toSorted((a, b) => RANK[a.source] - RANK[b.source])[0];
}

async function describe(path: string, source: BlenderSource, known: Known): Promise<BlenderInstall | null> {
  if (/^python/i.test(basename(path))) return describeWheel(dirname(dirname(path)), path, source);
  const info = await stat(path).catch(() => null);
  if (info === null || !info.isFile()) return null;
  let version = known[path]?.mtimeMs === info.mtimeMs ? known[path].version : undefined;
  if (version === undefined) {
    const said = await run(path, ["--version"], { timeout: 30_000, maxBuffer: 1 << 20 }).catch(() => null);
    version = said === null ? undefined : /^Blender (\d+\.\d+(?:\.\d+)?)/m.exec(said.stdout)?.[1];
    if (version === undefined) return null;
    known[path] = { mtimeMs: info.mtimeMs, version };
  }
  return { series: seriesOf(version), version, path, kind: "blender", source };
}

function seriesOf(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}

async function installedWheels(env: NodeJS.ProcessEnv): Promise<BlenderInstall[]> {
  const folder = wheelFolder(env);
  const names = await readdir(folder).catch(() => []);
  const found = await Promise.all(
    names
      .filter((name) => /^\d+\.\d+$/.test(name))
      .map((name) => {
        const environment = join(folder, name);
        return describeWheel(environment, wheelPython(environment), "installed");
      }),
  );
  return found.filter((one) => one !== null).toSorted((a, b) => compareSeries(a.series, b.series));
}

/** The Python inside a virtual environment. */
export function wheelPython(environment: string): string {
  return process.platform === "win32"
    ? join(environment, "Scripts", "python.exe")
    : join(environment, "bin", "python");
}

/** Reads a wheel's version from the name of its package folder: nothing needs to be started. */
async function describeWheel(
  environment: string,
  python: string,
  source: BlenderSource,
): Promise<BlenderInstall | null> {
  if ((await stat(python).catch(() => null)) === null) return null;
  for (const library of [join(environment, "Lib"), ...(await subfolders(join(environment, "lib")))]) {
    const names = await readdir(join(library, "site-packages")).catch(() => []);
    const version = names
      .map((name) => /^bpy-(\d+\.\d+\.\d+).*\.dist-info$/.exec(name)?.[1])
      .find((one) => one);
    if (version) return { series: seriesOf(version), version, path: python, kind: "bpy", source };
  }
  return null;
}

async function subfolders(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).map((name) => join(folder, name));
}

async function readKnown(env: NodeJS.ProcessEnv): Promise<Known> {
  try {
    return JSON.parse(await readFile(join(cacheFolder(env), "blenders.json"), "utf8")) as Known;
  } catch {
    return {};
  }
}

async function writeKnown(env: NodeJS.ProcessEnv, known: Known): Promise<void> {
  const path = join(cacheFolder(env), "blenders.json");
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.${process.pid}.part`, JSON.stringify(known));
  await rename(`${path}.${process.pid}.part`, path);
}
