// Installs the `bpy` wheels of the series named as arguments, by the product's own installer.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "../files.ts";

interface Installer {
  installBlender: (series: string, options: { log: (line: string) => void }) => Promise<unknown>;
}

// Read at run time: the set-up offers wheels only where this module exists.
const file = join(root, "container", "agent", "blender", "install.ts");
const { installBlender } = (await import(pathToFileURL(file).href)) as Installer;
for (const series of process.argv.slice(2)) {
  await installBlender(series, { log: (line) => console.log(line) });
}
