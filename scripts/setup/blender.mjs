// Finds out whether a Blender is there and brings one: the official `bpy` wheel, else the distribution's.
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { aptInstall, aptPrefix, missingLibraries } from "./apt.mjs";
import { projectNode } from "./npm.mjs";
import { environmentNeeds, findPython } from "./python.mjs";
import { cacheFolder, onWindows, root, run, which } from "./shell.mjs";

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
  return series.filter((one) => !hasWheel(one)).map((one) => wheelStep(one));
}

function wheelStep(series) {
  const python = findPython(["3.11"]);
  const { packages, problem } = environmentNeeds(python);
  const prefix = aptPrefix();
  const libraries = prefix === undefined ? [] : missingLibraries();
  const apt = [...packages, ...libraries];
  const first = apt.length === 0 ? "" : `, and by apt ${apt.join(" ")}`;
  const folder = join(cacheFolder, "blender", series);
  return {
    name: `Blender ${series}`,
    what: `Blender ${series}, the official bpy wheel, into ${folder} (about 1 GB)${first}`,
    run: () => {
      if (python === undefined) {
        return `Blender ${series} as the bpy wheel needs Python 3.11: install it, then type the same command again.`;
      }
      if (problem !== undefined) return problem;
      if (apt.length > 0 && !aptInstall(prefix, apt)) return `apt could not install ${apt.join(" ")}.`;
      return run(projectNode(), [installer, series])
        ? undefined
        : `Blender ${series} could not be installed: type \`npx tally blender install ${series}\`.`;
    },
  };
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
