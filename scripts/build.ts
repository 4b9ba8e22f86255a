// Bundles what users start (`tally`, the broker, the agent, its tools) into dist/, one file each.
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build, type Plugin } from "esbuild";
import { root } from "./files.ts";

/** One entry: a source file, and the file it becomes below dist/. */
interface Entry {
  source: string;
  target: string;
}

const entries: readonly Entry[] = [
  { source: "broker/cli/main.ts", target: "tally.mjs" },
  { source: "broker/main.ts", target: "broker.mjs" },
  { source: "container/agent/main.ts", target: "agent.mjs" },
  { source: "container/agent/blender/client.ts", target: "tools/tally-blender.mjs" },
];

/** Folders that travel beside the bundles, read at run time. */
const copies: readonly Entry[] = [
  { source: "broker/store/migrations", target: "migrations" },
  { source: "container/templates", target: "templates" },
  { source: "container/blender/driver", target: "driver" },
  { source: "container/agent/tools", target: "tools" },
];

/** CommonJS packages inside an ESM bundle still call `require`. */
const banner =
  'import { createRequire as tallyCreateRequire } from "node:module"; const require = tallyCreateRequire(import.meta.url);';

/** Keeps `await import("../main.ts")` of one entry a file of its own, so that `tally --help` never reads the broker. */
function lazyEntries(self: Entry, from: string): Plugin {
  return {
    name: "lazy-entries",
    setup(builder) {
      builder.onResolve({ filter: /main\.ts$/ }, async (found) => {
        if (found.kind !== "dynamic-import") return undefined;
        const wanted = join(found.resolveDir, found.path);
        const other = entries.find((entry) => join(from, entry.source) === wanted);
        if (other === undefined || other === self) return undefined;
        return { path: `./${other.target}`, external: true };
      });
    },
  };
}

async function bundle(entry: Entry, from: string, folder: string): Promise<void> {
  await build({
    entryPoints: [join(from, entry.source)],
    outfile: join(folder, entry.target),
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node24",
    sourcemap: "linked",
    sourcesContent: false,
    // Its binary must stay beside its own code.
    external: ["better-sqlite3"],
    banner: { js: banner },
    plugins: [lazyEntries(entry, from)],
    logLevel: "warning",
  });
}

/**
 * Builds the sources of the clone `from` into `to`, replacing that folder whole; by default into its `dist/`.
 * Returns the entry files that do not exist, which are left out. Throws where esbuild refuses a source.
 */
export async function buildAll(from: string, to: string = join(from, "dist")): Promise<string[]> {
  // Made aside and renamed, so that nobody ever starts half of a build.
  const folder = join(from, ".cache", `build-${process.pid}`);
  try {
    mkdirSync(folder, { recursive: true });
    for (const copy of copies) {
      if (!existsSync(join(from, copy.source))) continue;
      const options = { recursive: true, filter: (path: string) => !isDevelopmentOnly(path) };
      cpSync(join(from, copy.source), join(folder, copy.target), options);
    }
    const present = entries.filter((entry) => existsSync(join(from, entry.source)));
    await Promise.all(present.map((entry) => bundle(entry, from, folder)));
    rmSync(to, { recursive: true, force: true });
    renameSync(folder, to);
    return entries.filter((entry) => !present.includes(entry)).map((entry) => entry.source);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function isDevelopmentOnly(path: string): boolean {
  return /(\.ts|__pycache__)$/.test(path);
}

if (import.meta.main) {
  const started = performance.now();
  const skipped = await buildAll(root);
  for (const source of skipped) console.log(`Skipped: ${source} does not exist.`);
  const names = readdirSync(join(root, "dist")).join(" ");
  console.log(`Built dist/ in ${((performance.now() - started) / 1000).toFixed(1)} s: ${names}`);
}
