// Previews by ffmpeg: EXR of every packing, tiled, of many layers; names that look like patterns; what is no picture.
import { execFileSync } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { pythonCommand } from "../blender/blender-process.ts";
import { blenders, testFolder } from "../blender/test-session.ts";
import { describePicture } from "../encode/picture-facts.ts";
import { findFfmpeg } from "../encode/ffmpeg.ts";
import { ffmpegPreview } from "./ffmpeg-preview.ts";
import { difference, psd, sizeOf, tiledExr } from "./test-pictures.ts";

const folder = testFolder();
const truth = join(folder, "truth.png");
const target = join(folder, "small.jpg");
let ffmpeg: string;

beforeAll(async () => {
  ffmpeg = (await findFfmpeg(process.env)) ?? "ffmpeg";
  // Any of them writes the same light; the oldest knows every packing.
  const [install] = blenders;
  if (install === undefined) throw new Error("This machine has no Blender. Type npm test.");
  const maker = join(import.meta.dirname, "../../blender/tests/make_exr_codecs.py");
  const args = install.kind === "bpy" ? [maker, "--"] : pythonCommand(install, maker);
  execFileSync(install.path, [...args, folder], { stdio: "pipe" });
});

async function preview(source: string, side = 960): Promise<number> {
  await ffmpegPreview(ffmpeg, source, target, side);
  return difference(target, truth);
}

// Sixteen previews, each after everything else that runs on this machine.
test(
  "EXR of every packing that Blender knows looks as sRGB shows its light",
  { timeout: 180_000 },
  async () => {
    const all = readdirSync(folder).filter((name) => name.endsWith(".exr"));
    expect(all.length).toBe(18);
    const files = all.filter((name) => !/^dwa.-32/.test(name));
    for (const name of files) {
      // oxlint-disable-next-line no-await-in-loop -- one ffmpeg at a time
      expect(await preview(join(folder, name)), name).toBeLessThan(2.5);
    }
    expect(sizeOf(target)).toEqual([96, 54]);
  },
);

test("what ffmpeg reads wrongly, 32-bit numbers that DWA packed, is said rather than shown", async () => {
  for (const name of ["dwaa-32.exr", "dwab-32.exr"]) {
    // oxlint-disable-next-line no-await-in-loop -- one ffmpeg at a time
    await expect(preview(join(folder, name))).rejects.toThrow(
      "ffmpeg reads 32-bit numbers that DWA packed wrongly",
    );
  }
});

test("tiled EXR, and tiled with many layers, look the same", async () => {
  const [plain, layered] = [join(folder, "tiled.exr"), join(folder, "tiled-layers.exr")];
  writeFileSync(plain, tiledExr(96, 54, 32));
  writeFileSync(layered, tiledExr(96, 54, 16, "ViewLayer.Combined"));
  expect(await preview(plain)).toBeLessThan(2.5);
  expect(await preview(layered)).toBeLessThan(2.5);
});

test("a large picture becomes small, a name with %04d and blanks is a name", async () => {
  const odd = join(folder, "a %04d #b.exr");
  copyFileSync(join(folder, "zip-16.exr"), odd);
  expect(await preview(odd, 48)).toBeLessThan(3);
  expect(sizeOf(target)).toEqual([48, 27]);
});

test("what shines through becomes black, not what was behind it", async () => {
  const source = join(folder, "through.png");
  const paint = "color=white:s=96x54,format=rgba,geq=r=255:g=255:b=255:a='if(lt(X,48),0,255)'";
  execFileSync("ffmpeg", ["-v", "error", "-y", "-f", "lavfi", "-i", paint, "-frames:v", "1", source]);
  await ffmpegPreview(ffmpeg, source, target, 960);
  expect(difference(target, source)).toBeLessThan(2);
});

test("a damaged EXR ends: a list of channels without an end, at every length it may be cut at", async () => {
  const whole = tiledExr(96, 54, 32);
  const list = whole.indexOf("channels\0chlist\0") + "channels\0chlist\0".length;
  // No name in the list ends any more.
  const endless = Buffer.from(whole);
  endless.fill(0x41, list + 4, list + 4 + endless.readUInt32LE(list));
  const source = join(folder, "damaged.exr");
  writeFileSync(source, endless);
  await expect(preview(source)).rejects.toThrow(/./);
  expect(await describePicture(source)).toBeNull();
  for (let length = 0; length < list + 80; length += 3) {
    writeFileSync(source, whole.subarray(0, length));
    // oxlint-disable-next-line no-await-in-loop -- one file
    expect(await describePicture(source), String(length)).toBeNull();
  }
});

test("what is no picture is said in ffmpeg's words", async () => {
  const source = join(folder, "none.png");
  writeFileSync(source, "not a picture");
  await expect(ffmpegPreview(ffmpeg, source, target, 960)).rejects.toThrow("Invalid PNG signature");
});

test("kinds of pictures that ffmpeg does not find by their name's end are shown too", async () => {
  for (const name of ["moving.gif", "plain.gif"]) {
    const source = join(folder, name);
    const frames = ["-frames:v", name === "moving.gif" ? "3" : "1"];
    const paint = ["-f", "lavfi", "-i", "testsrc=s=96x54:d=1", ...frames];
    execFileSync("ffmpeg", ["-v", "error", "-y", ...paint, source]);
    // oxlint-disable-next-line no-await-in-loop -- one ffmpeg at a time
    await ffmpegPreview(ffmpeg, source, target, 960);
    expect(sizeOf(target)).toEqual([96, 54]);
  }
  const photoshop = join(folder, "plain.psd");
  writeFileSync(photoshop, psd(96, 54, 200));
  await ffmpegPreview(ffmpeg, photoshop, target, 960);
  expect(sizeOf(target)).toEqual([96, 54]);
});

test("what ffmpeg does not know at all, and what is empty, is said in words", async () => {
  const [unknown, empty] = [join(folder, "unknown.cin"), join(folder, "empty.png")];
  writeFileSync(unknown, "something else altogether, of no kind that anybody knows");
  writeFileSync(empty, "");
  await expect(ffmpegPreview(ffmpeg, unknown, target, 960)).rejects.toThrow(
    "this worker's ffmpeg does not read .cin",
  );
  await expect(ffmpegPreview(ffmpeg, empty, target, 960)).rejects.toThrow("there is no picture in it");
});

test.skipIf(process.platform !== "linux")(
  "where memory is short it is the preview that the system ends, not a render (Linux only)",
  async () => {
    const waits = join(folder, "waits");
    const first = `until grep -qx 1000 /proc/$$/oom_score_adj; do sleep 0.01; done`;
    writeFileSync(waits, `#!/bin/sh\n${first}\n`, { mode: 0o755 });
    await ffmpegPreview(waits, truth, target, 960);
  },
);

test("an ffmpeg that is left behind ends by itself, whatever the picture does to it", async () => {
  const told = join(folder, "told");
  const program = join(folder, "tells");
  writeFileSync(program, `#!/bin/sh\necho "$@" > "${told}"\n`, { mode: 0o755 });
  await ffmpegPreview(program, truth, target, 960);
  // Seconds of a processor's time.
  expect(readFileSync(told, "utf8")).toContain(" -timelimit 60 ");
  expect(execFileSync(ffmpeg, ["-hide_banner", "-h", "long"], { encoding: "utf8" })).toContain("-timelimit");
});
