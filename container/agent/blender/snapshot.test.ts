// A snapshot holds the bytes of one moment, or says that there was none.
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { copyAsIfAt } from "./blendfile.ts";
import { snapshotScene } from "./snapshot.ts";
import { testFolder } from "./test-session.ts";

const folder = testFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the copy is whole, its own file, and named by its hash", async () => {
  const original = join(folder, "a.blend");
  writeFileSync(original, "bytes of a scene");
  const copy = join(folder, "deep", "er", "copy.blend");
  expect(await snapshotScene(original, copy)).toEqual({
    bytes: 16,
    sha256: createHash("sha256").update("bytes of a scene").digest("hex"),
  });
  writeFileSync(original, "OTHER");
  expect(readFileSync(copy, "utf8")).toBe("bytes of a scene");
  expect(statSync(copy).nlink).toBe(1);
});

test("a scene that keeps changing is refused and leaves nothing behind", async () => {
  const original = join(folder, "busy.blend");
  writeFileSync(original, Buffer.alloc(1 << 20));
  const into = join(folder, "busy");
  mkdirSync(into);
  let writing = true;
  const writer = (async () => {
    while (writing) {
      appendFileSync(original, "x");
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  await expect(snapshotScene(original, join(into, "copy.blend"))).rejects.toThrow(
    /changed while it was read/,
  );
  writing = false;
  await writer;
  expect(readdirSync(into)).toEqual([]);
});

test("a file that is no .blend cannot be prepared", async () => {
  const other = join(folder, "other.blend");
  writeFileSync(other, "not a scene at all, but long enough");
  await expect(copyAsIfAt(other, "/x.blend", join(folder, "out.blend"))).rejects.toThrow(
    /not a Blender file/,
  );
});
