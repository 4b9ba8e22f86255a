// The folder blob store: whole blobs under their hash, or none.
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { blobPath, createFolderStore } from "./folder.ts";

function setUp() {
  const folder = mkdtempSync(join(tmpdir(), "tally-blobs-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return { folder, store: createFolderStore(folder) };
}
const hashOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
async function* parts(...list: Uint8Array[]) {
  yield* list;
}

test("what is put comes back, byte by byte; twice is fine", async () => {
  const { store } = setUp();
  const [one, two] = [randomBytes(300_000), randomBytes(5)];
  const sha256 = hashOf(Buffer.concat([one, two]));
  expect(await store.size(sha256)).toBeNull();
  expect(await store.get(sha256)).toBeNull();
  await store.put(sha256, parts(one, two));
  await store.put(sha256, parts(one, two));
  expect(await store.size(sha256)).toBe(300_005);
  const found = await store.get(sha256);
  expect(hashOf(await buffer(found?.stream as NodeJS.ReadableStream))).toBe(sha256);
});

test("bytes with another hash are refused, and nothing is left", async () => {
  const { folder, store } = setUp();
  await expect(store.put("0".repeat(64), parts(Buffer.from("x")))).rejects.toMatchObject({ code: "invalid" });
  expect(readdirSync(join(folder, "00"))).toEqual([]);
});

test("a sender that breaks off leaves nothing", async () => {
  const { folder, store } = setUp();
  async function* broken() {
    yield Buffer.from("half");
    throw new Error("gone");
  }
  await expect(store.put(hashOf(Buffer.from("half")), broken())).rejects.toThrow("gone");
  expect(readdirSync(folder, { recursive: true }).filter((name) => String(name).includes("."))).toEqual([]);
});

test.each(["../../etc/passwd", "", "A".repeat(64), `${"a".repeat(63)}/`])(
  "a name that is no hash: %s",
  (name) => {
    expect(() => blobPath("/blobs", name)).toThrow("64 hexadecimal digits");
  },
);

test("nothing is a blob too", async () => {
  const { store } = setUp();
  const sha256 = hashOf(Buffer.alloc(0));
  await store.put(sha256, parts());
  expect(await store.size(sha256)).toBe(0);
});
