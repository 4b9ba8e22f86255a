// Tests bin/tally.js: which Node it starts tally with, and that exit codes, arguments and signals come through.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { root } from "./files.ts";

let clone: string;
let bin: string;

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), "tally-bin-"));
  bin = join(clone, "bin", "tally.js");
  mkdirSync(dirname(bin));
  copyFileSync(join(root, "bin", "tally.js"), bin);
  writeFileSync(join(clone, "package.json"), '{"type":"module"}');
});

afterEach(() => rmSync(clone, { recursive: true, force: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(join(clone, path)), { recursive: true });
  writeFileSync(join(clone, path), text);
}

/** The first Node on this machine that is too old for Tally but can run its launcher. */
function olderNode(): string | undefined {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const node = join(folder, "node");
    if (folder === "" || !existsSync(node)) continue;
    const version = execFileSync(node, ["-p", "process.versions.node"], { encoding: "utf8" });
    const major = Number(version.split(".")[0]);
    if (major >= 18 && major < 24) return node;
  }
  return undefined;
}

const older = olderNode();
const environment = { ...process.env, PATH: dirname(process.execPath) };

describe("started by Node 24", () => {
  it("runs the bundle in the same process and keeps arguments and exit code", () => {
    put("dist/tally.mjs", "console.log(process.pid, ...process.argv.slice(2)); process.exitCode = 7;");
    const child = spawnSync(process.execPath, [bin, "submit", "a b.blend"], { encoding: "utf8" });
    expect(child.stdout).toBe(`${child.pid} submit a b.blend\n`);
    expect(child.status).toBe(7);
  });

  it("runs the source in a checkout that was never built", () => {
    put("broker/cli/main.ts", "const answer: string = 'from source'; console.log(answer);");
    const child = spawnSync(process.execPath, [bin], { encoding: "utf8" });
    expect(child.stdout).toBe("from source\n");
  });
});

// The way through an older Node can be walked only where one exists beside the one that runs this.
describe.runIf(older !== undefined)("started by an older Node (older Node only)", () => {
  it("goes on with the Node 24 of the npm package", () => {
    put("dist/tally.mjs", "console.log(process.version, ...process.argv.slice(2)); process.exitCode = 3;");
    put(
      "node_modules/node/package.json",
      JSON.stringify({ name: "node", version: process.version.slice(1) }),
    );
    put("node_modules/node/bin/node", `#!/bin/sh\nexec "${process.execPath}" "$@"\n`);
    chmodSync(join(clone, "node_modules/node/bin/node"), 0o755);
    const child = spawnSync(older!, [bin, "ls"], { encoding: "utf8", env: { PATH: "/usr/bin:/bin" } });
    expect(child.stdout).toBe(`${process.version} ls\n`);
    expect(child.status).toBe(3);
  });

  it("goes on with the Node 24 on PATH", () => {
    put("dist/tally.mjs", "console.log(process.version);");
    const child = spawnSync(older!, [bin], { encoding: "utf8", env: environment });
    expect(child.stdout).toBe(`${process.version}\n`);
  });

  it("says in one sentence when there is none", () => {
    put("dist/tally.mjs", "console.log('never');");
    const child = spawnSync(older!, [bin], { encoding: "utf8", env: { PATH: "" } });
    expect(child.stdout).toBe("");
    expect(child.stderr).toMatch(
      /^Tally needs Node 24 or newer .* type `npm install` in .*, then the same command again\.\n$/,
    );
    expect(child.status).toBe(1);
  });

  it("passes SIGTERM down and the exit code up", async () => {
    put(
      "dist/tally.mjs",
      "process.on('SIGTERM', () => process.exit(9)); setInterval(() => {}, 1000); console.log('up');",
    );
    const child = spawn(older!, [bin], { env: environment, stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    child.kill("SIGTERM");
    const [code] = (await once(child, "exit")) as [number | null];
    expect(code).toBe(9);
  });

  it("ends by the signal that ended tally", async () => {
    put("dist/tally.mjs", "setInterval(() => {}, 1000); console.log('up');");
    const child = spawn(older!, [bin], { env: environment, stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    child.kill("SIGTERM");
    const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
    expect([code, signal]).toEqual([null, "SIGTERM"]);
  });
});
