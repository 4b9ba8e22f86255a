// The bundle that users start, built anew: it starts a broker in the background, and a job goes through both.
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildAll } from "../../scripts/build.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
let folder: string;

function tally(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const env: NodeJS.ProcessEnv = { ...process.env, TALLY_DATA: join(folder, "data"), NO_COLOR: "1" };
  for (const name of Object.keys(env)) if (/^(npm_|TALLY_(URL|TOKEN)$)/.test(name)) delete env[name];
  return new Promise((done) => {
    execFile(
      process.execPath,
      [join(folder, "bin", "tally.js"), ...args],
      { env, cwd: folder },
      (error, out, err) => {
        done({ code: error === null ? 0 : Number(error.code), out, err });
      },
    );
  });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tally-bundle-"));
  for (const name of ["bin", "broker", "container", "package.json"])
    // oxlint-disable-next-line no-await-in-loop -- four small copies
    await cp(join(root, name), join(folder, name), { recursive: true });
  await symlink(join(root, "node_modules"), join(folder, "node_modules"), "dir");
  expect(await buildAll(folder)).toEqual([]);
  // Nothing but the bundle may be used from here on.
  await Promise.all(["broker", "container"].map((name) => rm(join(folder, name), { recursive: true })));
  await mkdir(join(folder, "data"));
  await writeFile(join(folder, "data", "tally.yaml"), "listen: { port: 0 }\n");
});

afterAll(async () => {
  await tally("stop");
  await rm(folder, { recursive: true, force: true });
});

test("submit --wait starts the bundled broker, which starts the bundled agent", async () => {
  const { code, out, err } = await tally(
    "submit",
    "--template",
    "generic-sample",
    "--frames",
    "1-3",
    "-o",
    "out/",
    "--wait",
  );
  expect(err).toBe("");
  expect(out).toContain("The broker was not running; it runs now in the background");
  expect(out).toContain("Job 1 is done: 3 frames");
  expect(code).toBe(0);
});
