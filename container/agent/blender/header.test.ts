// Headers of real files from every Blender here, and of the damaged ones that artists send.
import { copyFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseBlenderVersion, readBlendHeader } from "./header.ts";
import { blenders, makeScenes, testFolder } from "./test-session.ts";

const folder = testFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  ["BLENDER-v402RENDH", "4.2"],
  ["BLENDER_v279REND", "2.79"],
  ["BLENDER-v293REND", "2.93"],
  ["BLENDER-V300REND", "3.0"],
  ["BLENDER17-01v0502REND", "5.2"],
  ["BLENDER17-01v0510REND", "5.10"],
  ["BLENDER", null],
  ["PK\u0003\u0004", null],
])("%s was saved by %s", (start, version) => {
  expect(parseBlenderVersion(Buffer.from(start, "latin1"))).toBe(version);
});

describe.each(blenders)("files of Blender $version", (install) => {
  const mine = join(folder, install.series);
  const plain = join(mine, "anim.blend");
  const packed = join(mine, "packed.blend");
  beforeAll(() => makeScenes(install, mine, "anim", "packed"));

  test("plain, zstd and gzip name their series", async () => {
    expect(await readBlendHeader(plain)).toEqual({ version: install.series, compression: "none" });
    expect(await readBlendHeader(packed)).toEqual({ version: install.series, compression: "zstd" });
    const gzip = join(mine, "old.blend1");
    writeFileSync(gzip, gzipSync(readFileSync(plain)));
    expect(await readBlendHeader(gzip)).toEqual({ version: install.series, compression: "gzip" });
  });

  test.each([3, 9, 20_000, -10])("files cut to %i bytes are told apart from whole ones", async (length) => {
    for (const whole of [plain, packed]) {
      const cut = join(mine, "cut.blend");
      copyFileSync(whole, cut);
      truncateSync(cut, length > 0 ? length : readFileSync(whole).length + length);
      const read = await readBlendHeader(cut);
      expect("problem" in read && read.problem).toMatch(/is cut off|is not a Blender file/);
    }
  });
});

test("what is no .blend gets a sentence", async () => {
  const text = join(folder, "text.blend");
  writeFileSync(text, "hello, I am a picture");
  const empty = join(folder, "empty.blend");
  writeFileSync(empty, "");
  const problems = await Promise.all(
    [text, empty, folder, join(folder, "none.blend")].map((path) => readBlendHeader(path)),
  );
  expect(problems.map((one) => ("problem" in one ? one.problem.replace(folder, "…") : one))).toEqual([
    "The file …/text.blend is not a Blender file. Name a .blend file.",
    "The file …/empty.blend is empty. Save the scene again in Blender.",
    "… is not a file. Name a .blend file.",
    "There is no file …/none.blend. Check the path and try again.",
  ]);
});
