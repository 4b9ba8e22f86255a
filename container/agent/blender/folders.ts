// The places where each system keeps Blenders. Only Linux was tried; macOS and Windows follow their installers.
import { access, constants, readdir } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import type { BlenderSource } from "./discover.ts";

export type Candidate = { path: string; source: BlenderSource };

/** Where Tally keeps what it can make again: `~/.cache/tally`, or its like. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return join(env["XDG_CACHE_HOME"] || join(env["HOME"] || homedir(), ".cache"), "tally");
}

/** Where `tally blender install` puts Blenders, one folder for each series. */
export function wheelFolder(env: NodeJS.ProcessEnv = process.env): string {
  return join(cacheFolder(env), "blender");
}

/** Every existing program that may be a Blender, best source first. */
export async function findCandidates(
  configured: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Candidate[]> {
  const name = process.platform === "win32" ? "blender.exe" : "blender";
  const onPath = (env["PATH"] ?? "")
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => join(folder, name));
  const usual = (await Promise.all(usualPlaces(process.platform, env).map(expand))).flat();
  const all: Candidate[] = [
    ...configured.map((path) => ({ path, source: "config" as const })),
    ...onPath.map((path) => ({ path, source: "path" as const })),
    ...usual.map((path) => ({ path, source: "folder" as const })),
  ];
  const there = await Promise.all(
    all.map(({ path }) =>
      access(path, constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return all.filter((_, index) => there[index]);
}

/** Paths with `*` for a part of one folder's name, by system: distribution, Steam, Snap, Flatpak, Store, launchers. */
export function usualPlaces(platform: NodeJS.Platform, env: NodeJS.ProcessEnv): string[] {
  const home = env["HOME"] || env["USERPROFILE"] || homedir();
  if (platform === "win32") {
    const programs = [
      env["ProgramFiles"] ?? "C:\\Program Files",
      env["ProgramFiles(x86)"] ?? "C:\\Program Files (x86)",
    ];
    const local = env["LOCALAPPDATA"] ?? `${home}\\AppData\\Local`;
    return [
      ...programs.map((folder) => `${folder}\\Blender Foundation\\Blender*\\blender.exe`),
      ...programs.map((folder) => `${folder}\\Steam\\steamapps\\common\\Blender\\blender.exe`),
      `${local}\\Microsoft\\WindowsApps\\blender.exe`,
      `${local}\\Programs\\Blender*\\blender.exe`,
      `${home}\\blender-launcher\\*\\*\\blender.exe`,
      `${home}\\Blender\\*\\blender*\\blender.exe`,
      `${home}\\scoop\\apps\\blender\\current\\blender.exe`,
    ];
  }
  if (platform === "darwin") {
    const inside = "Contents/MacOS/Blender";
    return [
      `/Applications/Blender*.app/${inside}`,
      `/Applications/Blender*/Blender*.app/${inside}`,
      `${home}/Applications/Blender*.app/${inside}`,
      `${home}/Library/Application Support/Steam/steamapps/common/Blender/Blender.app/${inside}`,
      `${home}/blender-launcher/*/*/Blender.app/${inside}`,
      `${home}/Blender/*/*/Blender.app/${inside}`,
    ];
  }
  return [
    "/usr/bin/blender",
    "/usr/local/bin/blender",
    "/usr/local/blender*/blender",
    "/opt/blender*/blender",
    "/snap/bin/blender",
    "/var/lib/flatpak/exports/bin/org.blender.Blender",
    `${home}/.local/share/flatpak/exports/bin/org.blender.Blender`,
    `${home}/.steam/steam/steamapps/common/Blender/blender`,
    `${home}/.local/share/Steam/steamapps/common/Blender/blender`,
    `${home}/.var/app/com.valvesoftware.Steam/.local/share/Steam/steamapps/common/Blender/blender`,
    `${home}/blender*/blender`,
    `${home}/Blender*/blender*/blender`,
    `${home}/Applications/blender*/blender`,
    `${home}/.local/blender*/blender`,
    `${home}/blender-launcher/*/*/blender`,
    `${home}/Blender/*/*/blender`,
  ];
}

/** Expands `*` in folder names, one level each. */
async function expand(pattern: string): Promise<string[]> {
  const separator = pattern.includes("\\") ? "\\" : "/";
  let places = [""];
  for (const [index, part] of pattern.split(separator).entries()) {
    const next: string[] = [];
    for (const place of places) {
      if (!part.includes("*")) next.push(index === 0 ? part : `${place}${separator}${part}`);
      else {
        const wanted = new RegExp(
          `^${part
            .split("*")
            .map((text) => text.replace(/[.()[\]+?^$|{}\\]/g, "\\$&"))
            .join(".*")}$`,
        );
        const names = await readdir(`${place}${separator}`).catch(() => []);
        next.push(
          ...names
            .filter((name) => wanted.test(name))
            .toSorted()
            .map((name) => `${place}${separator}${name}`),
        );
      }
    }
    places = next;
  }
  return places;
}
