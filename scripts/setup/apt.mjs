// Installs Debian packages where that needs no password, and knows which libraries Blender's wheel links against.
import { capture, run, which } from "./shell.mjs";

/** What the `bpy` wheels link against; the wheels bring everything else. */
const blenderLibraries = [
  ..."libx11-6 libxrender1 libxfixes3 libxi6 libxkbcommon0 libsm6 libice6 libgl1".split(" "),
  ..."libxxf86vm1 libgomp1".split(" "),
];

/** The Debian packages of libraries that a `bpy` wheel needs and dpkg does not have. Empty on other systems. */
export function missingLibraries() {
  if (which("dpkg-query") === undefined || which("apt-get") === undefined) return [];
  const names = blenderLibraries;
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
  const apt = (...args) => {
    // Through env, because sudo hands no variable on.
    const quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"];
    const [program, ...rest] = [...prefix, ...quiet, ...args];
    return run(program, rest);
  };
  const install = ["install", "-y", "--no-install-recommends", ...packages];
  return apt(...install) || (apt("update") && apt(...install));
}
