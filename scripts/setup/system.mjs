// Brings the programs of the system that the tests start (Blender, Chromium, ffmpeg …), by apt where that is allowed.
import { capture, run, which } from "./shell.mjs";

/** Each program a test may start, the Debian package that has it, and its name elsewhere. */
const programs = [
  { program: "blender", debian: "blender", brew: "--cask blender", winget: "BlenderFoundation.Blender" },
  { program: "chromium", debian: "chromium", brew: "--cask chromium", winget: "Hibbiki.Chromium" },
  { program: "ffmpeg", debian: "ffmpeg", brew: "ffmpeg", winget: "Gyan.FFmpeg" },
  { program: "tmux", debian: "tmux", brew: "tmux" },
  { program: "Xvfb", debian: "xvfb" },
  { program: "xdotool", debian: "xdotool" },
  { program: "import", debian: "imagemagick" },
];

/** What the `bpy` wheels link against; the wheels bring everything else. */
const blenderLibraries = [
  ..."libx11-6 libxrender1 libxfixes3 libxi6 libxkbcommon0 libsm6 libice6 libgl1".split(" "),
  ..."libxxf86vm1 libgomp1".split(" "),
];

/** The names of the packages among these that dpkg does not have. */
export function missingPackages(names) {
  // dpkg-query fails when one name is unknown, but still prints the others.
  const known = capture("sh", [
    "-c",
    `dpkg-query -W -f '\${Package} \${db:Status-Status}\\n' "$@" || true`,
    "sh",
    ...names,
  ]);
  const installed = new Set();
  for (const line of (known ?? "").split("\n")) {
    const [name, status] = line.split(" ");
    if (status === "installed") installed.add(name);
  }
  return names.filter((name) => !installed.has(name));
}

/** How apt can be called here: directly as root, through sudo without a password, or not at all (undefined). */
export function aptPrefix() {
  if (process.platform !== "linux" || which("apt-get") === undefined) return undefined;
  if (process.getuid?.() === 0) return [];
  const sudo = which("sudo");
  return sudo !== undefined && capture(sudo, ["-n", "true"]) !== undefined ? [sudo, "-n"] : undefined;
}

/** Installs Debian packages; the package list is renewed only when a first try finds it too old or empty. */
export function aptInstall(prefix, packages) {
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...args) => {
    const [program, ...rest] = [...prefix, "apt-get", "-q", ...args];
    return run(program, rest, { env: environment });
  };
  const install = ["install", "-y", "--no-install-recommends", ...packages];
  return apt(...install) || (apt("update") && apt(...install));
}

/** The step that brings what the tests start, or undefined when all is there. */
export function systemStep() {
  const absent = programs.filter((entry) => which(entry.program) === undefined);
  if (process.platform !== "linux") {
    const fitting = absent.filter(
      (entry) => (process.platform === "darwin" ? entry.brew : entry.winget) !== undefined,
    );
    return fitting.length === 0 ? undefined : manualStep(fitting);
  }
  const onDebian = which("dpkg-query") !== undefined && which("apt-get") !== undefined;
  const libraries = onDebian ? missingPackages(blenderLibraries) : [];
  if (absent.length === 0 && libraries.length === 0) return undefined;
  if (!onDebian) return manualStep(absent);
  const packages = [...absent.map((entry) => entry.debian), ...libraries];
  return {
    name: "system programs",
    what: `by apt, into the system (up to 900 MB): ${packages.join(" ")}`,
    run: () => {
      const prefix = aptPrefix();
      const typed = `sudo apt-get install --no-install-recommends ${packages.join(" ")}`;
      if (prefix === undefined) return `This needs the administrator's password: type \`${typed}\`.`;
      return aptInstall(prefix, packages)
        ? undefined
        : `apt could not install everything: type \`${typed}\`.`;
    },
  };
}

function manualStep(absent) {
  const names = absent.map((entry) => entry.program).join(", ");
  return {
    name: "system programs",
    what: `nothing by itself here; the tests that start these will not run: ${names}`,
    run: () => `Not found: ${names}. To install them, type: ${manualCommand(absent)}`,
  };
}

function manualCommand(absent) {
  if (process.platform === "darwin") return absent.map((entry) => `brew install ${entry.brew}`).join(" && ");
  if (process.platform === "win32") return absent.map((entry) => `winget install ${entry.winget}`).join("; ");
  const names = absent.map((entry) => entry.debian).join(" ");
  if (which("dnf"))
    return `sudo dnf install ${names.replace("xvfb", "xorg-x11-server-Xvfb").replace("imagemagick", "ImageMagick")}`;
  if (which("pacman")) return `sudo pacman -S ${names.replace("xvfb", "xorg-server-xvfb")}`;
  return `your system's package manager for ${names}`;
}
