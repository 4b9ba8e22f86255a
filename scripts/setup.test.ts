// Tests what the set-up decides: whether the npm packages are what the lock file asks for.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { root } from "./files.ts";

// The set-up is plain JavaScript without types, because it runs before anything is installed.
const { npmStale, projectNode } = (await import(
  pathToFileURL(join(root, "scripts", "setup", "npm.mjs")).href
)) as {
  npmStale: (folder: string) => string | undefined;
  projectNode: (folder: string) => string;
};

const { goFolder } = (await import(pathToFileURL(join(root, "scripts", "setup", "versitygw.mjs")).href)) as {
  goFolder: (env: Record<string, string>) => string;
};

let clone: string;

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), "tally-setup-"));
});
afterEach(() => rmSync(clone, { recursive: true, force: true }));

function lock(path: string, packages: Record<string, { version: string; optional?: boolean }>): void {
  mkdirSync(dirname(join(clone, path)), { recursive: true });
  writeFileSync(join(clone, path), JSON.stringify({ packages: { "": {}, ...packages } }));
}

function putNode(): void {
  mkdirSync(dirname(projectNode(clone)), { recursive: true });
  writeFileSync(projectNode(clone), "");
  chmodSync(projectNode(clone), 0o755);
}

it("asks for npm ci in a fresh clone", () => {
  lock("package-lock.json", { "node_modules/zod": { version: "1.0.0" } });
  expect(npmStale(clone)).toBe("node_modules is missing");
});

it("asks for it when the packages came without Node 24", () => {
  lock("package-lock.json", { "node_modules/zod": { version: "1.0.0" } });
  lock("node_modules/.package-lock.json", { "node_modules/zod": { version: "1.0.0" } });
  expect(npmStale(clone)).toBe("Node 24 is missing from node_modules");
});

it("asks for it when a version moved or a package is new", () => {
  putNode();
  lock("node_modules/.package-lock.json", { "node_modules/zod": { version: "1.0.0" } });
  lock("package-lock.json", { "node_modules/zod": { version: "1.0.1" } });
  expect(npmStale(clone)).toBe("node_modules/zod is not 1.0.1");
  lock("package-lock.json", {
    "node_modules/hono": { version: "1.0.0" },
    "node_modules/zod": { version: "1.0.0" },
  });
  expect(npmStale(clone)).toBe("node_modules/hono is missing");
});

it("looks for what Go builds where Go puts it", () => {
  expect(goFolder({ GOBIN: "/programs", GOPATH: "/go" })).toBe("/programs");
  expect(goFolder({ GOPATH: `/first${delimiter}/second` })).toBe(join("/first", "bin"));
  expect(goFolder({})).toBe(join(homedir(), "go", "bin"));
});

it("is content without the packages of other systems", () => {
  putNode();
  lock("node_modules/.package-lock.json", { "node_modules/zod": { version: "1.0.0" } });
  lock("package-lock.json", {
    "node_modules/zod": { version: "1.0.0" },
    "node_modules/@esbuild/aix-ppc64": { version: "1.0.0", optional: true },
  });
  expect(npmStale(clone)).toBeUndefined();
});
