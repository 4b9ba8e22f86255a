// Bundles what users start into dist/: `tally` and the broker with what they share, the agent and its tools one file each.
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { build, type Plugin } from "esbuild";
import { buildPage } from "./build-page.ts";
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
  { source: "container/agent/encode/client.ts", target: "tools/tally-encode.mjs" },
  // A thread of `tally` and of the agent, found beside whichever of them starts it.
  { source: "container/agent/files/hash-worker.ts", target: "hash-worker.mjs" },
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

/** Zod carries its messages in fifty languages; the broker speaks one. */
export const oneLanguage: Plugin = {
  name: "one-language",
  setup(builder) {
    builder.onLoad({ filter: /zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, ({ path }) => ({
      contents: 'export { default as en } from "./en.js";',
      resolveDir: dirname(path),
    }));
  },
};

/**
 * Bundles entries into `folder`. What several of them use, and what is imported only when needed, becomes a file of its
 * own: `tally --help` then never reads the broker, and `tally serve` holds each library once (104 MB became 86).
 */
async function bundle(group: readonly Entry[], from: string, folder: string): Promise<void> {
  if (group.length === 0) return;
  await build({
    entryPoints: group.map(({ source, target }) => ({
      in: join(from, source),
      out: target.replace(/\.mjs$/, ""),
    })),
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    // Beside the entries: the sources look for templates and tools beside the file that they run from.
    chunkNames: "chunk-[hash]",
    bundle: true,
    splitting: group.length > 1,
    format: "esm",
    platform: "node",
    target: "node24",
    sourcemap: "linked",
    sourcesContent: false,
    // Names stay, for whoever reads an error; a text that is half as long is half the memory.
    minifyWhitespace: true,
    minifySyntax: true,
    // Its binary must stay beside its own code.
    external: ["better-sqlite3"],
    banner: { js: banner },
    plugins: [oneLanguage],
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
    const together = present.filter((entry) => entry.source.startsWith("broker/"));
    const alone = present.filter((entry) => !together.includes(entry));
    await Promise.all(
      [together, ...alone.map((entry) => [entry])].map((group) => bundle(group, from, folder)),
    );
    await buildPage(from, join(folder, "page"));
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
  const names = readdirSync(join(root, "dist"))
    .filter((name) => !/^chunk-|\.map$/.test(name))
    .join(" ");
  console.log(`Built dist/ in ${((performance.now() - started) / 1000).toFixed(1)} s: ${names}`);
}
