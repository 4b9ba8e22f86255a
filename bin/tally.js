#!/usr/bin/env node
// Starts tally with Node 24: in this process when it is one, else in the Node 24 that came with Tally or lies on PATH.
// Plain JavaScript for any Node from 18 on, because an older Node would crash in the database binding without a word.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const wantedMajor = 24;
const self = fileURLToPath(import.meta.url);
const root = dirname(dirname(self));

if (majorOf(process.version) >= wantedMajor) {
  const bundle = join(root, "dist", "tally.mjs");
  // A checkout that was never built runs its source as it is.
  const entry = existsSync(bundle) ? bundle : join(root, "broker", "cli", "main.ts");
  await import(pathToFileURL(entry).href);
} else {
  const node = packagedNode() ?? nodeOnPath();
  if (node === undefined) {
    console.error(
      `Tally needs Node ${wantedMajor} or newer and found only ${process.version.slice(1)}: ` +
        `type \`npm install\` in ${root}, then the same command again.`,
    );
    process.exitCode = 1;
  } else {
    continueWith(node);
  }
}

function majorOf(version) {
  return Number(version.replace(/^v/, "").split(".")[0]);
}

/** The Node of the npm package `node`, or of the package for this system that it is made of. */
function packagedNode() {
  const require = createRequire(import.meta.url);
  const system = process.platform === "win32" ? "win" : process.platform;
  const program = process.platform === "win32" ? "node.exe" : "node";
  for (const name of ["node", `node-${system}-${process.arch}`]) {
    try {
      const description = require.resolve(`${name}/package.json`);
      const found = join(dirname(description), "bin", program);
      if (majorOf(require(description).version) >= wantedMajor && isFile(found)) return found;
    } catch {
      // Not installed: the next place.
    }
  }
  return undefined;
}

function nodeOnPath() {
  const program = process.platform === "win32" ? "node.exe" : "node";
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const found = join(folder, program);
    if (folder === "" || !isFile(found)) continue;
    const answer = spawnSync(found, ["--version"], { encoding: "utf8", timeout: 5000 });
    if (answer.status === 0 && majorOf(answer.stdout.trim()) >= wantedMajor) return found;
  }
  return undefined;
}

function isFile(path) {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** Runs this same file with the newer Node; signals go down to it, its end comes up from it. */
function continueWith(node) {
  const child = spawn(node, [self, ...process.argv.slice(2)], { stdio: "inherit" });
  const onTerminal = process.stdin.isTTY === true || process.stdout.isTTY === true;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"]) {
    // A terminal sends Ctrl-C to both; passing it on would make it two.
    const sentToBoth = onTerminal && (signal === "SIGINT" || signal === "SIGQUIT");
    process.on(signal, () => {
      if (!sentToBoth) child.kill(signal);
    });
  }
  child.on("error", (error) => {
    console.error(`Tally could not start ${node}: ${error.message}.`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => {
    if (signal === null) {
      process.exitCode = code ?? 1;
      return;
    }
    // End as the child ended, so that a shell or a supervisor sees the same.
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"]) process.removeAllListeners(name);
    process.kill(process.pid, signal);
  });
}
