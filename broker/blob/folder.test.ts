// The folder store: what every store promises, and what only a folder can.
import { createHash, randomBytes } from "node:crypto";
import { linkSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import { describe, expect, onTestFinished, test } from "vitest";
import { canListOpenFiles, openFilesBelow } from "../../test/support/open-files.ts";
import { describeStore } from "./conformance.ts";
import { createSignedDoor } from "./door.ts";
import { blobPath, createFolderStore } from "./folder.ts";

const hashOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
async function* streamOf(...pieces: Uint8Array[]) {
  yield* pieces;
}

async function setUp() {
  const folder = mkdtempSync(join(tmpdir(), "tally-blobs-"));
  const secret = randomBytes(32);
  const store = createFolderStore({ folder, secret });
  const door = createSignedDoor(store);
  const bugs: unknown[] = [];
  const fetch: typeof door = (request, source) =>
    door(request, source).catch((error: unknown) => {
      bugs.push(error);
      throw error;
    });
  const server = createAdaptorServer({ fetch, overrideGlobalObjects: false }) as Server;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true, force: true });
    expect(bugs).toEqual([]);
  });
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const storeAt = (offsetMs: number) =>
    createFolderStore({ folder, secret, now: () => Date.now() + offsetMs });
  const finalNames = async () =>
    readdirSync(folder)
      .filter((name) => name.length === 2)
      .flatMap((name) => readdirSync(join(folder, name)))
      .toSorted();
  return { folder, store, storeAt, base, finalNames };
}

describe("every store", () => describeStore(setUp));

/** All files below a folder. */
const filesOf = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);

test("a put that failed leaves no temporary either", async () => {
  const { folder, store } = await setUp();
  async function* broken() {
    yield randomBytes(3_000_000);
    throw new Error("gone");
  }
  await expect(store.put("a".repeat(64), null, broken())).rejects.toThrow("gone");
  await expect(store.put("0".repeat(64), null, streamOf(Buffer.from("x")))).rejects.toThrow();
  expect(filesOf(folder)).toEqual([]);
});

test("a blob can only be read", async () => {
  const { folder, store } = await setUp();
  const data = Buffer.from("only read");
  await store.put(hashOf(data), null, streamOf(data));
  const other = Buffer.from("adopted");
  const file = join(folder, "frame.png");
  writeFileSync(file, other, { mode: 0o644 });
  await store.adopt(hashOf(other), other.length, file);
  await store.putMany([{ sha256: hashOf(Buffer.from("packed")), data: Buffer.from("packed") }]);
  for (const text of ["only read", "adopted", "packed"])
    expect(statSync(blobPath(folder, hashOf(Buffer.from(text)))).mode & 0o777).toBe(0o400);
});

test("a file with a second name is copied, so that writing to the other one does not change the blob", async () => {
  const { folder, store } = await setUp();
  const data = Buffer.from("first frame");
  const [file, kept] = [join(folder, "frame.png"), join(folder, "kept.png")];
  writeFileSync(file, data);
  linkSync(file, kept);
  await store.adopt(hashOf(data), data.length, file);
  writeFileSync(kept, "overwritten");
  expect(readFileSync(blobPath(folder, hashOf(data)), "utf8")).toBe("first frame");
});

test.skipIf(!canListOpenFiles)("a file that cannot be taken over is not left open", async () => {
  const { folder, store } = await setUp();
  const data = Buffer.from("a frame");
  const [file, second] = [join(folder, "frame.png"), join(folder, "second.png")];
  writeFileSync(file, data);
  // It is copied then, into a folder that cannot be made.
  linkSync(file, second);
  writeFileSync(join(folder, "incoming"), "in the way");
  await expect(store.adopt(hashOf(data), data.length, file)).rejects.toThrow();
  expect(openFilesBelow(folder)).toEqual([]);
  expect(readFileSync(file, "utf8")).toBe("a frame");
});

test("parts that an earlier broker took are read again before they count", async () => {
  const { folder, store, storeAt } = await setUp();
  const partBytes = 1_000_000;
  const data = randomBytes(2_500_000);
  const blob = { sha256: hashOf(data), bytes: data.length };
  const upload = await store.startParts(blob, partBytes);
  const piece = (number: number) => data.subarray((number - 1) * partBytes, number * partBytes);
  const partOf = (number: number) => {
    const bytes = piece(number);
    return { number, bytes: bytes.length, sha256: hashOf(bytes) };
  };
  for (const number of [1, 2, 3]) {
    // oxlint-disable-next-line no-await-in-loop -- three parts
    expect(await store.receivePart(upload, partOf(number), streamOf(piece(number)))).toBe(true);
  }
  // As after a power cut: the notes are there, the second part's bytes and half of the third's note are not.
  const place = join(folder, "uploads", upload);
  const bytes = readFileSync(join(place, "data"));
  bytes.fill(0, partBytes, 2 * partBytes);
  writeFileSync(join(place, "data"), bytes);
  writeFileSync(join(place, "3.part"), readFileSync(join(place, "3.part"), "utf8").slice(0, 20));

  const next = storeAt(0);
  expect(await next.listParts(upload, blob)).toEqual([{ number: 1, bytes: partBytes }]);
  await expect(next.completeParts(upload, blob, 3)).rejects.toMatchObject({ code: "conflict" });
  for (const number of [2, 3]) {
    // oxlint-disable-next-line no-await-in-loop -- two parts
    await next.receivePart(upload, partOf(number), streamOf(piece(number)));
  }
  await next.completeParts(upload, blob, 3);
  expect(hashOf(readFileSync(blobPath(folder, blob.sha256)))).toBe(blob.sha256);
  expect(filesOf(folder)).toEqual([blob.sha256]);
});

test("a sender whose line hangs neither keeps another one waiting nor spoils the part", async () => {
  const { folder, store } = await setUp();
  const data = randomBytes(3_000_000);
  const blob = { sha256: hashOf(data), bytes: data.length };
  const upload = await store.startParts(blob, data.length);
  const part = { number: 1, ...blob };
  const [hasBegun, mayGoOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  async function* hanging() {
    yield randomBytes(1_500_000);
    hasBegun.resolve();
    await mayGoOn.promise;
    yield randomBytes(1_500_000);
  }
  const first = store.receivePart(upload, part, hanging());
  await hasBegun.promise;
  expect(await store.receivePart(upload, part, streamOf(data))).toBe(true);
  await store.completeParts(upload, blob, 1);
  mayGoOn.resolve();
  await expect(first).rejects.toMatchObject({ code: "invalid" });
  expect(hashOf(readFileSync(blobPath(folder, blob.sha256)))).toBe(blob.sha256);
  expect(filesOf(folder)).toEqual([blob.sha256]);
});

test("a part of another size than it must have gets no address", async () => {
  const { store } = await setUp();
  const blob = { sha256: "a".repeat(64), bytes: 2500 };
  const upload = await store.startParts(blob, 1000);
  const sign = (number: number, bytes: number) =>
    store.signPart(upload, blob, { number, bytes, sha256: "b".repeat(64) }, 60_000);
  await expect(sign(1, 999)).rejects.toMatchObject({ code: "invalid" });
  await expect(sign(3, 1000)).rejects.toMatchObject({ code: "invalid" });
  await expect(sign(4, 500)).rejects.toMatchObject({ code: "invalid" });
  await expect(sign(3, 500)).resolves.toMatchObject({ headers: { "content-length": "500" } });
  const other = { ...blob, sha256: "c".repeat(64) };
  await expect(
    store.signPart(upload, other, { number: 3, bytes: 500, sha256: "b".repeat(64) }, 60_000),
  ).rejects.toMatchObject({ code: "not-found" });
});

test("what a broker that was killed left half-written is removed with stale uploads", async () => {
  const { folder, store } = await setUp();
  const data = Buffer.from("kept");
  await store.put(hashOf(data), null, streamOf(data));
  writeFileSync(join(folder, "incoming", "left"), "half a blob");
  await store.abortStale(Date.now() - 60_000);
  expect(readdirSync(join(folder, "incoming"))).toEqual(["left"]);
  await store.abortStale(Date.now() + 60_000);
  expect(filesOf(folder)).toEqual([hashOf(data)]);
});
