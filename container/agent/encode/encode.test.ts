// Films of real pictures by the real ffmpeg: they play, their colours are right, and holes are refused with a list.
import { execFileSync, spawnSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pathMappingDocument } from "../../../broker/openjd/path-mapping.ts";
import { tiledExr } from "../previews/test-pictures.ts";
import { rateOf } from "./options.ts";
import { ranges } from "./pictures.ts";

const top = mkdtempSync(join(tmpdir(), "tally-encode-"));
afterAll(() => rmSync(top, { recursive: true, force: true }));
const TOOL = join(import.meta.dirname, "client.ts");

function ffmpeg(...args: string[]): Buffer {
  return execFileSync("ffmpeg", ["-v", "error", "-y", ...args], { maxBuffer: 1 << 28 });
}

/** Runs the tool as a session does; its lines and exit code. */
function encode(args: Record<string, string>, env: NodeJS.ProcessEnv = {}) {
  const given = Object.entries(args).map(([name, value]) => `--${name}=${value}`);
  const work = mkdtempSync(join(top, "work-"));
  const ran = spawnSync(process.execPath, [TOOL, ...given], {
    cwd: work,
    env: { ...process.env, ...env },
    encoding: "utf8",
  });
  expect(readdirSync(work)).toEqual([]);
  return { code: ran.status, text: ran.stdout + ran.stderr };
}

type Probe = {
  codec_name: string;
  nb_read_frames: string;
  r_frame_rate: string;
  width: number;
  height: number;
};
function probe(film: string): Probe & { duration: string } {
  const args = "-v error -count_frames -show_entries stream:format=duration -of json".split(" ");
  const told = JSON.parse(execFileSync("ffprobe", [...args, film], { encoding: "utf8" })) as {
    streams: Probe[];
    format: { duration: string };
  };
  return { ...(told.streams[0] as Probe), duration: told.format.duration };
}

/** Every frame's pixels, decoded. */
const pixels = (film: string, format = "rgb24", ...input: string[]): Buffer =>
  ffmpeg(...input, "-i", film, "-vf", `format=${format}`, "-f", "rawvideo", "-");

/** Ten moving pictures of 96 × 64, numbered from `first`. */
function movingPictures(folder: string, name: string, first: number, filter = "null"): void {
  mkdirSync(folder, { recursive: true });
  const source = `testsrc2=size=96x64:rate=10:duration=1,${filter}`;
  ffmpeg("-f", "lavfi", "-i", source, "-start_number", String(first), join(folder, name));
}

beforeAll(() => {
  movingPictures(join(top, "png"), "f_%04d.png", 1, "format=rgb24");
});

describe.each([
  ["h264", "mp4", "h264"],
  ["h265", "mov", "hevc"],
  ["prores", "mov", "prores"],
  ["vp9", "webm", "vp9"],
  ["av1", "mp4", "av1"],
])("%s", (codec, extension, name) => {
  test.each(["low", "medium", "high"])("plays in quality %s", (quality) => {
    const output = join(top, "films", `${codec}-${quality}.${extension}`);
    const pattern = join(top, "png", "f_####.png");
    const ran = encode({ pattern, frames: "1-10", fps: "23.976", codec, quality, output });
    expect(ran.code, ran.text).toBe(0);
    expect(ran.text).toContain("openjd_progress: 100");
    const film = probe(output);
    expect([film.codec_name, film.nb_read_frames, film.width, film.height]).toEqual([name, "10", 96, 64]);
    expect(film.r_frame_rate).toBe("24000/1001");
    expect(Number(film.duration)).toBeCloseTo(10.01 / 24, 2);
    expect(difference(pixels(output), pixels(join(top, "png", "f_%04d.png")))).toBeLessThan(24);
  });
});

test.each([
  ["h264", "mp4"],
  ["h265", "mov"],
  ["vp9", "webm"],
  ["av1", "mp4"],
])("%s without loss keeps every pixel", (codec, extension) => {
  const output = join(top, "films", `${codec}-lossless.${extension}`);
  const pattern = join(top, "png", "f_####.png");
  const ran = encode({ pattern, frames: "1-10", fps: "10", codec, quality: "lossless", output });
  expect(ran.code, ran.text).toBe(0);
  expect(pixels(output).equals(pixels(join(top, "png", "f_%04d.png")))).toBe(true);
});

/** Mean difference of two lists of bytes of one length. */
function difference(a: Buffer, b: Buffer): number {
  expect(a.length).toBe(b.length);
  return a.reduce((sum, value, index) => sum + Math.abs(value - (b[index] ?? 0)), 0) / a.length;
}

test("plain colours come out as they went in", () => {
  const folder = join(top, "plain");
  mkdirSync(folder);
  for (const kind of ["png", "tif", "jpg"])
    ffmpeg(
      "-f",
      "lavfi",
      "-i",
      "color=c=0xC83214:size=32x32,format=rgb24",
      "-frames:v",
      "1",
      join(folder, `p_1.${kind}`),
    );
  for (const kind of ["png", "tif", "jpg"]) {
    const output = join(folder, `${kind}.mp4`);
    const pattern = join(folder, `p_#.${kind}`);
    expect(encode({ pattern, frames: "1", fps: "25", codec: "h264", quality: "high", output }).code).toBe(0);
    const [red = 0, green = 0, blue = 0] = pixels(output);
    for (const [got, wanted] of [
      [red, 0xc8],
      [green, 0x32],
      [blue, 0x14],
    ] as const)
      expect(Math.abs(got - wanted), kind).toBeLessThan(6);
  }
});

test("the light of an EXR is shown as a screen shows it, of one layer or of many", () => {
  const folder = join(top, "light");
  mkdirSync(folder);
  // Half of the light is 188 of 255 on a screen.
  writeFileSync(join(folder, "g_0001.exr"), halfGrey([""]));
  writeFileSync(join(folder, "m_0001.exr"), halfGrey(["View.Depth.", "View.Combined."]));
  for (const name of ["g", "m"]) {
    const output = join(folder, `${name}.mp4`);
    const pattern = join(folder, `${name}_####.exr`);
    const ran = encode({ pattern, frames: "1", fps: "25", codec: "h264", quality: "high", output });
    expect(ran.code, ran.text).toBe(0);
    expect(Math.abs((pixels(output)[0] ?? 0) - 188), name).toBeLessThan(4);
  }
});

/** An EXR of 16 × 16 without compression: half of the light in the last layer, none in those before. */
function halfGrey(layers: string[]): Buffer {
  const word = (text: string): Buffer => Buffer.from(`${text}\0`, "latin1");
  const int = (...values: number[]): Buffer => {
    const made = Buffer.alloc(values.length * 4);
    values.forEach((value, index) => made.writeInt32LE(value, index * 4));
    return made;
  };
  const float = (value: number): Buffer => {
    const made = Buffer.alloc(4);
    made.writeFloatLE(value);
    return made;
  };
  const attribute = (name: string, kind: string, value: Buffer): Buffer =>
    Buffer.concat([word(name), word(kind), int(value.length), value]);
  const names = layers.flatMap((layer) => ["B", "G", "R"].map((one) => layer + one)).toSorted();
  const channels = names.map((name) => Buffer.concat([word(name), int(2, 0, 1, 1)]));
  const head = Buffer.concat([
    int(20000630, 2),
    attribute("channels", "chlist", Buffer.concat([...channels, Buffer.from([0])])),
    attribute("compression", "compression", Buffer.from([0])),
    attribute("dataWindow", "box2i", int(0, 0, 15, 15)),
    attribute("displayWindow", "box2i", int(0, 0, 15, 15)),
    attribute("lineOrder", "lineOrder", Buffer.from([0])),
    attribute("pixelAspectRatio", "float", float(1)),
    attribute("screenWindowCenter", "v2f", Buffer.concat([float(0), float(0)])),
    attribute("screenWindowWidth", "float", float(1)),
    Buffer.from([0]),
  ]);
  const lit = (name: string): boolean => name.startsWith(layers.find((one) => /Combined|^$/.test(one)) ?? "");
  const row = Buffer.concat(
    names.flatMap((name) => Array.from({ length: 16 }, () => float(lit(name) ? 0.5 : 0))),
  );
  const size = 8 + row.length;
  const offsets = Buffer.alloc(16 * 8);
  const rows = Array.from({ length: 16 }, (_, y) => {
    offsets.writeBigUInt64LE(BigInt(head.length + offsets.length + y * size), y * 8);
    return Buffer.concat([int(y, row.length), row]);
  });
  return Buffer.concat([head, offsets, ...rows]);
}

test("transparency becomes black, and stays in ProRes 4444", () => {
  const folder = join(top, "clear");
  mkdirSync(folder);
  const source = "color=c=red@0.5:size=32x32,format=rgba";
  ffmpeg("-f", "lavfi", "-i", source, "-frames:v", "1", join(folder, "c_0001.png"));
  const films = [
    ["h264", "high", "mp4"],
    ["prores", "lossless", "mov"],
  ] as const;
  for (const [codec, quality, extension] of films) {
    const output = join(folder, `${codec}.${extension}`);
    const pattern = join(folder, "c_####.png");
    const ran = encode({ pattern, frames: "1", fps: "25", codec, quality, output });
    expect(ran.code, ran.text).toBe(0);
  }
  expect(Math.abs((pixels(join(folder, "h264.mp4"))[0] ?? 0) - 127)).toBeLessThan(6);
  const [red = 0, , , alpha = 0] = pixels(join(folder, "prores.mov"), "rgba");
  expect(Math.abs(red - 255)).toBeLessThan(6);
  expect(Math.abs(alpha - 127)).toBeLessThan(6);
});

test("frames may begin below zero, leave steps out, and have more digits than asked", () => {
  const folder = join(top, "numbers");
  movingPictures(folder, "tmp_%d.png", 0, "format=rgb24");
  const names = ["-0004", "-0002", "0000", "0002", "0004", "12345"];
  for (const [index, name] of names.entries())
    renameSync(join(folder, `tmp_${index}.png`), join(folder, `n${name}.png`));
  const output = join(folder, "film.mp4");
  const pattern = join(folder, "n####.png");
  const ran = encode({
    pattern,
    frames: "-4-4:2,12345",
    fps: "2",
    codec: "h264",
    quality: "lossless",
    output,
  });
  expect(ran.code, ran.text).toBe(0);
  expect(probe(output)).toMatchObject({ nb_read_frames: "6", r_frame_rate: "2/1" });
  expect(Number(probe(output).duration)).toBeCloseTo(3, 1);
  expect(
    pixels(output)
      .subarray(0, 96 * 64 * 3)
      .equals(pixels(join(folder, "n-0004.png"))),
  ).toBe(true);
});

test("pictures of an odd size lose an edge, never the film", () => {
  const folder = join(top, "odd");
  mkdirSync(folder);
  for (const size of ["33x17", "1x1"])
    ffmpeg(
      "-f",
      "lavfi",
      "-i",
      `color=c=red:size=${size},format=rgb24`,
      "-frames:v",
      "1",
      join(folder, `${size}_0001.png`),
    );
  for (const [size, width, height] of [
    ["33x17", 32, 16],
    ["1x1", 2, 2],
  ] as const) {
    const output = join(folder, `${size}.mp4`);
    const pattern = join(folder, `${size}_####.png`);
    for (const codec of ["h264", "av1"]) {
      const ran = encode({ pattern, frames: "1", fps: "25", codec, quality: "high", output });
      expect(ran.code, ran.text).toBe(0);
      expect(probe(output)).toMatchObject({ width, height, nb_read_frames: "1" });
    }
  }
});

test("the pictures lie where the rules say, and holes are named as they are at home", () => {
  const folder = join(top, "holes");
  movingPictures(folder, "f_%04d.png", 1);
  for (const frame of ["0007", "0009", "0010"]) rmSync(join(folder, `f_${frame}.png`));
  const rules = join(top, "rules.json");
  const rule = { sourcePathFormat: "WINDOWS" as const, sourcePath: "C:\\shot\\out", destinationPath: folder };
  writeFileSync(rules, pathMappingDocument([rule]));
  const output = join(folder, "film.mp4");
  const all = { pattern: "C:\\shot\\out\\f_####.png", rules, fps: "25", output };
  const ran = encode({ ...all, frames: "1-10" });
  expect(ran.code).toBe(1);
  expect(ran.text).toBe(
    "openjd_fail: Frames 7,9-10 are missing: the film would have holes (C:\\shot\\out\\f_####.png). Render them again and the film is made after: tally requeue JOB --frames 7,9-10\n",
  );
  expect(encode({ ...all, frames: "7" }).text).toContain("None of the film's pictures is there");
  expect(encode({ ...all, frames: "1-6" }).code).toBe(0);
});

test("pictures that ffmpeg reads wrongly make no film of other colors", () => {
  const folder = join(top, "packed");
  mkdirSync(folder);
  // Of the file only the header is looked at: packed by DWAA, with channels of 32-bit numbers.
  const picture = tiledExr(64, 32, 32);
  const name = Buffer.from("compression\0compression\0");
  picture[picture.indexOf(name) + name.length + 4] = 8;
  writeFileSync(join(folder, "f_0001.exr"), picture);
  const output = join(folder, "film.mp4");
  const film = encode({ pattern: join(folder, "f_####.exr"), frames: "1", fps: "25", output });
  expect(film.code).toBe(1);
  expect(film.text).toContain(
    "openjd_fail: The picture of frame 1 is an EXR that packs 32-bit numbers by DWA",
  );
  expect(readdirSync(folder)).toEqual(["f_0001.exr"]);
});

test("what cannot be a film is refused in a sentence, and nothing half is left", () => {
  const folder = join(top, "wrong");
  movingPictures(folder, "f_%04d.png", 1);
  ffmpeg("-f", "lavfi", "-i", "testsrc2=size=32x32", "-frames:v", "1", join(folder, "f_0003.png"));
  const output = join(folder, "film.mp4");
  const base = { pattern: join(folder, "f_####.png"), frames: "1-10", fps: "25", output };
  expect(encode(base).text).toContain(
    "Frame 3 is 32 × 32 pixels and frame 1 is 96 × 64: a film has one size.",
  );
  rmSync(join(folder, "f_0003.png"));
  writeFileSync(join(folder, "f_0003.png"), "no picture");
  expect(encode(base).text).toContain("The picture of frame 3 is damaged");
  movingPictures(folder, "f_%04d.png", 1);
  truncateSync(join(folder, "f_0010.png"), 60);
  const cut = encode(base);
  expect(cut.code).toBe(1);
  expect(cut.text).toMatch(
    /openjd_fail: (?:ffmpeg could not make the film|The film has 9 frames instead of 10)/,
  );
  expect(readdirSync(folder).filter((name) => !name.endsWith(".png"))).toEqual([]);
  expect(encode({ ...base, output: join(folder, "film.webm") }).text).toContain(
    'A film in h264 cannot be a ".webm" file.',
  );
  expect(encode({ ...base, fps: "0" }).text).toContain('--fps is "0"; it must be a number from 0.01 to 1000');
  expect(encode({ ...base, pattern: join(folder, "f.png") }).text).toContain("has no ####");
  expect(encode({ ...base, pattern: join(folder, "f_##.hdr") }).text).toContain("PNG, JPEG, TIFF or EXR");
  const bare = (process.env["PATH"] ?? "").split(delimiter).filter((one) => one.includes("node_modules"));
  expect(encode(base, { PATH: bare.join(delimiter) }).text).toContain(
    "openjd_fail: This worker has no ffmpeg",
  );
});

test.each([
  ["24", "24"],
  ["23.976", "24000/1001"],
  ["23.98", "24000/1001"],
  ["29.97", "30000/1001"],
  ["59.94", "60000/1001"],
  ["12.5", "12500/1000"],
  ["0.5", "500/1000"],
])("%s frames a second are %s", (text, rate) => {
  expect(rateOf(text)).toBe(rate);
});

test("numbers are listed as ranges", () => {
  expect(ranges([-3, -2, 0, 7, 9, 10, 11])).toBe("-3--2,0,7,9-11");
});
