// Brings the programs of the system that the tests start (Blender, Chromium, ffmpeg …), by apt where that is allowed.
import { aptInstall, aptPrefix, missingLibraries } from "./apt.mjs";
import { which } from "./shell.mjs";

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
  const libraries = onDebian ? missingLibraries() : [];
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
