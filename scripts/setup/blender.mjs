// Finds out whether a Blender is there and brings one: the official `bpy` wheel, else the distribution's.
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { projectNode } from "./npm.mjs";
import { findPython } from "./python.mjs";
import { cacheFolder, isProgram, onWindows, root, run, which } from "./shell.mjs";
import { aptInstall, aptPrefix } from "./system.mjs";

const installer = join(root, "scripts", "setup", "install-blender.ts");
/** The product's own installer; the set-up calls it instead of knowing how a Blender is laid out. */
const installModule = join(root, "container", "agent", "blender", "install.ts");

/** True when the `bpy` wheel of this series is installed; the installer renames it into place whole. */
export function hasWheel(series) {
  const folder = join(cacheFolder, "blender", series);
  return [join(folder, "bin", "python"), join(folder, "Scripts", "python.exe")].some((path) =>
    existsSync(path),
  );
}

/** A cheap look into the usual places, before any package is there to look thoroughly. */
export function hasAnyBlender() {
  if (which("blender") !== undefined) return true;
  const wheels = join(cacheFolder, "blender");
  if (existsSync(wheels) && readdirSync(wheels).some((series) => hasWheel(series))) return true;
  return usualPlaces().some((path) => existsSync(path));
}

function usualPlaces() {
  const home = homedir();
  if (process.platform === "darwin") {
    return ["/Applications", join(home, "Applications")].map((folder) => join(folder, "Blender.app"));
  }
  if (onWindows) {
    const programs = process.env.ProgramFiles ?? "C:\\Program Files";
    const steam = process.env["ProgramFiles(x86)"] ?? "C:\\Program Files (x86)";
    return [join(programs, "Blender Foundation"), join(steam, "Steam", "steamapps", "common", "Blender")];
  }
  return [
    "/snap/bin/blender",
    "/var/lib/flatpak/exports/bin/org.blender.Blender",
    join(home, ".local/share/flatpak/exports/bin/org.blender.Blender"),
    join(home, ".local/share/Steam/steamapps/common/Blender/blender"),
    join(home, ".steam/steam/steamapps/common/Blender/blender"),
  ];
}

/** Steps that bring the `bpy` wheels of these series, for the tests that compare versions. */
export function wheelSteps(series) {
  if (!existsSync(installModule)) return [];
  return series
    .filter((one) => !hasWheel(one))
    .map((one) => ({
      name: `Blender ${one}`,
      what: `Blender ${one} (the official bpy wheel) into ${join(cacheFolder, "blender", one)} (about 1 GB)`,
      run: () => installWheel(one),
    }));
}

function installWheel(series) {
  if (findPython(["3.11"]) === undefined) {
    return `Blender ${series} as the bpy wheel needs Python 3.11: install it, then type the same command again.`;
  }
  const node = isProgram(projectNode()) ? projectNode() : process.execPath;
  return run(node, [installer, series])
    ? undefined
    : `Blender ${series} could not be installed: type \`npx tally blender install ${series}\`.`;
}

/** The step that brings one Blender for the demo, or undefined when one is there or none can be had without a person. */
export function demoBlenderStep() {
  if (hasAnyBlender()) return undefined;
  if (existsSync(installModule) && findPython(["3.11"]) !== undefined) return wheelSteps(["4.5"])[0];
  const prefix = aptPrefix();
  if (prefix !== undefined) {
    return {
      name: "Blender",
      what: "Blender of this distribution by apt, into the system (about 500 MB)",
      run: () =>
        aptInstall(prefix, ["blender"])
          ? undefined
          : "apt could not install Blender: type `sudo apt-get install blender`.",
    };
  }
  return undefined;
}
