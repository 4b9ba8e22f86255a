// Which program makes a preview: the Blender of the scene, ffmpeg, or whichever of them can.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { pythonCommand } from "../blender/blender-process.ts";
import type { BlenderInstall } from "../blender/discover.ts";
import { blenders, testFolder } from "../blender/test-session.ts";
import { createPreviewMaker, type PreviewMaker } from "./make-preview.ts";
import { difference } from "./test-pictures.ts";

const folder = testFolder();
const target = join(folder, "small.jpg");
const [install] = blenders;
const look = (version: string, view: string): string => {
  const path = join(folder, `${version}-${view}.json`);
  const settings = { view_transform: view, exposure: 0, gamma: 1 };
  writeFileSync(path, JSON.stringify({ version, display: {}, view: settings, curves: null, space: null }));
  return path;
};

beforeAll(() => {
  if (install === undefined) throw new Error("This machine has no Blender. Type npm test.");
  const maker = join(import.meta.dirname, "../../blender/tests/make_exr_codecs.py");
  const args = install.kind === "bpy" ? [maker, "--"] : pythonCommand(install, maker);
  execFileSync(install.path, [...args, folder], { stdio: "pipe" });
});

function maker(known: readonly BlenderInstall[], env: NodeJS.ProcessEnv = process.env): PreviewMaker {
  const scratch = join(testFolder(), "scratch");
  mkdirSync(scratch);
  const made = createPreviewMaker(known, env, scratch);
  onTestFinished(() => made.close());
  return made;
}

const nowhere = { PATH: testFolder() };
const light = join(folder, "zip-16.exr");
const packed = join(folder, "dwaa-32.exr");
const apart = (): number => difference(target, join(folder, "truth.png"));

test("the Blender of the scene's version makes it, with the scene's look, and needs no ffmpeg", async () => {
  await maker(blenders, nowhere).make(light, target, look(install?.version ?? "", "Standard"));
  expect(apart()).toBeLessThan(2.5);
  await maker(blenders, nowhere).make(light, target, look(install?.version ?? "", "Filmic"));
  expect(apart()).toBeGreaterThan(10);
});

test("without that Blender ffmpeg makes it; without a look too", async () => {
  await maker([]).make(light, target, look("4.5.0", "Filmic"));
  expect(apart()).toBeLessThan(2.5);
  await maker(blenders).make(light, target, undefined);
  expect(apart()).toBeLessThan(2.5);
});

test("what ffmpeg cannot show a Blender shows, and so it does where there is no ffmpeg", async () => {
  await maker(blenders).make(packed, target, undefined);
  expect(apart()).toBeLessThan(2.5);
  await maker(blenders, nowhere).make(light, target, undefined);
  expect(apart()).toBeLessThan(2.5);
});

test("where neither can, it is said why", async () => {
  await expect(maker([]).make(packed, target, undefined)).rejects.toThrow("DWA");
  await expect(maker([], nowhere).make(light, target, undefined)).rejects.toThrow("no ffmpeg");
});

test("once it is closed nothing is started any more, whatever hangs at that moment", async () => {
  const programs = testFolder();
  const [began, started] = [join(programs, "began"), join(programs, "started")];
  writeFileSync(join(programs, "ffmpeg"), `#!/bin/sh\ntouch "${began}"\nexec sleep 1000\n`, { mode: 0o755 });
  const path = join(programs, "blender");
  writeFileSync(path, `#!/bin/sh\ntouch "${started}"\nexec sleep 1000\n`, { mode: 0o755 });
  const slow: BlenderInstall = { series: "4.5", version: "4.5.0", path, kind: "blender", source: "config" };
  const env = { PATH: [programs, process.env["PATH"]].join(delimiter) };
  const one = maker([slow], env);
  const made = one.make(light, target, undefined);
  await until(() => existsSync(began));
  one.close();
  await expect(made).rejects.toThrow(/abort/i);
  await expect(one.make(light, target, undefined)).rejects.toThrow(/abort/i);
  expect(existsSync(started)).toBe(false);
  const other = maker([slow], env);
  const hanging = other.make(light, target, look("4.5.0", "Filmic"));
  await until(() => existsSync(started));
  rmSync(began);
  other.close();
  await expect(hanging).rejects.toThrow(/abort/i);
  expect(existsSync(began)).toBe(false);
});

test("a picture of more pixels than this machine can hold is left alone, and it is said why", async () => {
  const programs = testFolder();
  const started = join(programs, "started");
  const path = join(programs, "ffmpeg");
  writeFileSync(path, `#!/bin/sh\ntouch "${started}"\n`, { mode: 0o755 });
  const source = join(programs, "huge.png");
  const head = readFileSync(join(folder, "truth.png")).subarray(0, 33);
  head.writeUInt32BE(100_000, 16);
  head.writeUInt32BE(100_000, 20);
  writeFileSync(source, head);
  const one = maker([], { PATH: programs });
  await expect(one.make(source, target, undefined)).rejects.toThrow("100,000 × 100,000 pixels");
  expect(existsSync(started)).toBe(false);
});

test("an ffmpeg that hears no request to end is ended all the same once nobody waits for it", async () => {
  const programs = testFolder();
  const began = join(programs, "began");
  const deaf = `#!/bin/sh\ntrap '' TERM\necho $$ > "${began}.new"\nmv "${began}.new" "${began}"\nexec sleep 1000\n`;
  writeFileSync(join(programs, "ffmpeg"), deaf, { mode: 0o755 });
  const one = maker([], { PATH: [programs, process.env["PATH"]].join(delimiter) });
  const made = one.make(light, target, undefined);
  await until(() => existsSync(began));
  const pid = Number(readFileSync(began, "utf8"));
  one.close();
  await expect(made).rejects.toThrow(/abort/i);
  await until(() => !isAlive(pid));
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function until(check: () => boolean): Promise<void> {
  while (!check()) await new Promise((again) => setTimeout(again, 5));
}

test("a Blender that does not come up is asked once, then ffmpeg makes them", async () => {
  const path = join(folder, "no-blender");
  writeFileSync(path, "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  const broken: BlenderInstall = { series: "4.5", version: "4.5.0", path, kind: "blender", source: "config" };
  const one = maker([broken]);
  await one.make(light, target, look("4.5.0", "Filmic"));
  expect(apart()).toBeLessThan(2.5);
  await one.make(light, target, look("4.5.0", "Filmic"));
  await expect(maker([broken], nowhere).make(light, target, look("4.5.0", "Filmic"))).rejects.toThrow(
    "Blender ended (exit code 1)",
  );
});
