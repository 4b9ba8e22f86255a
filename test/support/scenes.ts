// Scenes made by a real Blender, once for each version of the program that makes them, and copied for each test.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { inflateSync } from "node:zlib";
import { findBlenders, type BlenderInstall } from "../../container/agent/blender/discover.ts";

const makers = join(import.meta.dirname, "../../container/blender/tests");
const maker = join(makers, "make_test_scenes.py");

/** Every Blender of this machine, the oldest first. */
export const blenders: BlenderInstall[] = await findBlenders();

/** The Blender that is no wheel, else the first; throws where there is none at all. */
export function anyBlender(): BlenderInstall {
  const found = blenders.find((one) => one.kind === "blender") ?? blenders[0];
  if (found === undefined) throw new Error("This machine has no Blender. Get one: node scripts/setup.mjs");
  return found;
}

/** Copies the named scene, and what lies beside it, into `folder`; returns the scene's path. */
export function placeScene(
  name: string,
  folder: string,
  options: { as?: string; install?: BlenderInstall } = {},
): string {
  const { install = anyBlender(), as = name } = options;
  const made = madeScenes(name, install);
  mkdirSync(folder, { recursive: true });
  for (const beside of ["lib", "tex"])
    if (existsSync(join(made, beside))) cpSync(join(made, beside), join(folder, beside), { recursive: true });
  const scene = join(folder, `${as}.blend`);
  cpSync(join(made, `${name}.blend`), scene);
  return scene;
}

/** Makes scenes that need files of every kind, as a tree below `folder`: their paths hold there alone. */
export function makeFileScenes(folder: string, names: readonly string[], install = anyBlender()): void {
  mkdirSync(folder, { recursive: true });
  const args = install.kind === "bpy" ? [] : ["-b", "--factory-startup", "--python-exit-code", "9", "-P"];
  const script = join(makers, "make_file_scenes.py");
  execFileSync(install.path, [...args, script, "--", folder, ...names], { stdio: "pipe" });
}

/** The folder of one made scene; kept between runs until its maker changes. */
function madeScenes(name: string, install: BlenderInstall): string {
  const key = createHash("sha256").update(readFileSync(maker)).update(install.version).digest("hex");
  const folder = join(tmpdir(), `tally-test-scenes-${key.slice(0, 12)}`, name);
  if (existsSync(folder)) return folder;
  mkdirSync(dirname(folder), { recursive: true });
  const half = mkdtempSync(`${folder}-`);
  const args = install.kind === "bpy" ? [] : ["-b", "--factory-startup", "--python-exit-code", "9", "-P"];
  execFileSync(install.path, [...args, maker, "--", half, name], { stdio: "pipe" });
  try {
    renameSync(half, folder);
  } catch (error) {
    // Another test file made the same meanwhile.
    rmSync(half, { recursive: true });
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

/** Renders frames of a scene with Blender alone, as an artist does at home. */
export function renderLocally(scene: string, frames?: string, install = anyBlender()): void {
  const how = frames === undefined ? ["-a"] : ["-f", frames];
  execFileSync(install.path, ["-b", "-y", scene, ...how], { stdio: "pipe" });
}

/** A PNG's pixels as stored rows: equal pictures have equal rows, though dates in the files differ. */
export function pixelsOf(path: string): string {
  const file = readFileSync(path);
  const parts: Buffer[] = [];
  for (let at = 8; at < file.length;) {
    const length = file.readUInt32BE(at);
    if (file.toString("latin1", at + 4, at + 8) === "IDAT")
      parts.push(file.subarray(at + 8, at + 8 + length));
    at += length + 12;
  }
  return createHash("sha256")
    .update(inflateSync(Buffer.concat(parts)))
    .digest("hex");
}
