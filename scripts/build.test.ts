// Tests the bundles on a small clone: the command line alone, the broker only when it is asked for.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildAll } from "./build.ts";

const sources: Record<string, string> = {
  "package.json": '{"type":"module"}',
  "broker/cli/main.ts": `
    const word: string = process.argv[2] ?? "help";
    if (word === "serve") await (await import("./commands/serve.ts")).serve();
    else console.log("only help");`,
  "broker/cli/commands/serve.ts": `
    export async function serve(): Promise<void> {
      const { startBroker } = await import("../../main.ts");
      console.log(startBroker());
    }`,
  "broker/main.ts": `
    import { createRequire } from "node:module";
    export function startBroker(): string { return "the broker, with " + typeof createRequire; }`,
  "container/agent/main.ts": `console.log(import.meta.main ? "agent started" : "agent imported");`,
  "broker/store/migrations/0001_init.sql": "SELECT 1;",
  "container/agent/tools/tally-blender": "#!/bin/sh\n",
  "container/agent/tools/helper.ts": "export {};",
};

let clone: string;
let skipped: string[];

function run(...args: string[]): string {
  return execFileSync(process.execPath, args, { cwd: clone, encoding: "utf8" });
}

beforeAll(async () => {
  clone = mkdtempSync(join(tmpdir(), "tally-build-"));
  for (const [path, text] of Object.entries(sources)) {
    mkdirSync(dirname(join(clone, path)), { recursive: true });
    writeFileSync(join(clone, path), text, { mode: path.endsWith("tally-blender") ? 0o755 : 0o644 });
  }
  mkdirSync(join(clone, "dist"));
  writeFileSync(join(clone, "dist", "from-an-older-build.mjs"), "");
  skipped = await buildAll(clone);
});

afterAll(() => rmSync(clone, { recursive: true, force: true }));

it("keeps the broker out of the command line's file and finds it when serving", () => {
  expect(readFileSync(join(clone, "dist", "tally.mjs"), "utf8")).not.toContain("the broker, with");
  expect(run("dist/tally.mjs")).toBe("only help\n");
  expect(run("dist/tally.mjs", "serve")).toBe("the broker, with function\n");
});

it("makes an agent that starts as a program of its own", () => {
  expect(run("dist/agent.mjs")).toBe("agent started\n");
});

it("puts beside the bundles what they read at run time, programs still runnable, sources left out", () => {
  expect(readFileSync(join(clone, "dist", "migrations", "0001_init.sql"), "utf8")).toBe("SELECT 1;");
  expect(existsSync(join(clone, "dist", "tools", "helper.ts"))).toBe(false);
  if (process.platform !== "win32") {
    expect(statSync(join(clone, "dist", "tools", "tally-blender")).mode & 0o111).toBe(0o111);
  }
});

it("names what it left out, and leaves nothing of an older build", () => {
  expect(skipped).toEqual([
    "container/agent/blender/client.ts",
    "container/agent/encode/client.ts",
    "container/agent/files/hash-worker.ts",
  ]);
  expect(existsSync(join(clone, "dist", "from-an-older-build.mjs"))).toBe(false);
});
