// Says whether node_modules is what the lock file asks for, and brings it there.
import { existsSync, readFileSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import { isProgram, onWindows, root, run, which } from "./shell.mjs";

/** Node 24 as the npm package `node` brings it. */
export function projectNode(folder = root) {
  return join(folder, "node_modules", "node", "bin", onWindows ? "node.exe" : "node");
}

/** Why `npm ci` is needed in this clone, or undefined when all is there. Compares npm's own record with the lock. */
export function npmStale(folder = root) {
  const modules = join(folder, "node_modules");
  if (!existsSync(modules)) return "node_modules is missing";
  if (!isProgram(projectNode(folder))) return "Node 24 is missing from node_modules";
  const wanted = packagesOf(join(folder, "package-lock.json"));
  const present = packagesOf(join(modules, ".package-lock.json"));
  if (wanted === undefined) return "package-lock.json cannot be read";
  if (present === undefined) return "node_modules is not complete";
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === "") continue;
    const found = present[path];
    // What is optional belongs to another system or processor; npm leaves it out here.
    if (found === undefined && entry.optional !== true) return `${path} is missing`;
    if (found !== undefined && found.version !== entry.version) return `${path} is not ${entry.version}`;
  }
  return undefined;
}

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages;
  } catch {
    return undefined;
  }
}

/** The step that installs the npm packages, or undefined when nothing is to do. */
export function npmStep() {
  const reason = npmStale();
  if (reason === undefined) return undefined;
  return {
    name: "npm packages",
    what: `npm packages, Node 24 among them, into node_modules (about 500 MB; ${reason})`,
    run: () => {
      // Windows keeps a running node.exe locked, so npm could not replace the folder it lies in.
      if (onWindows && process.execPath.startsWith(join(root, "node_modules") + sep)) {
        return "node_modules is out of date: type `npm ci`, then the same command again.";
      }
      // Warnings about the old Node would frighten and mean nothing: Node 24 comes with these very packages.
      const command = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
      const cli = process.env.npm_execpath;
      const usable = cli !== undefined && cli.endsWith(".js") && statSync(cli, { throwIfNoEntry: false });
      const node = process.env.npm_node_execpath ?? process.execPath;
      const ok = usable
        ? run(node, [cli, ...command])
        : run(which("npm") ?? "npm", command, { shell: onWindows });
      if (!ok)
        return "The npm packages could not be installed: read npm's words above, then type the same command again.";
      const left = npmStale();
      return left === undefined ? undefined : `After npm ci, ${left}: type \`npm ci\` and read what it says.`;
    },
  };
}
