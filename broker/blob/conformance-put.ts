// What every blob store promises of putting, reading, listing and removing.
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { SetUp } from "./conformance-kit.ts";
import { contents, hashOf, minute, named, partBytes, streamOf } from "./conformance-kit.ts";

/** Registers these tests. */
export function describePut(setUp: SetUp): void {
  test("what is put comes back, byte by byte; twice is fine", async () => {
    const { store } = await setUp();
    const pieces = [randomBytes(300_000), randomBytes(5)];
    const { sha256, bytes } = named(Buffer.concat(pieces));
    expect(await store.head(sha256)).toBeNull();
    expect(await store.get(sha256)).toBeNull();
    expect(await store.put(sha256, bytes, streamOf(...pieces))).toBe("stored");
    expect(await store.put(sha256, null, streamOf(...pieces))).toBe("present");
    expect(await store.head(sha256)).toBe(300_005);
    expect(await contents(store, sha256)).toEqual(Buffer.concat(pieces));
  });

  test("the first one who claims the store owns it, however many claim it at once", async () => {
    const { store, storeAt, finalNames } = await setUp();
    const said = await Promise.all(["a", "b", "c"].map((owner) => store.claim(owner)));
    expect(new Set(said).size).toBe(1);
    expect(await storeAt(minute).claim("late")).toBe(said[0]);
    expect(await finalNames()).toEqual([]);
    expect(await store.list(null, 10)).toEqual([]);
  });

  test("a stream of unknown length that is larger than a part", async () => {
    const { store } = await setUp();
    const pieces = Array.from({ length: 37 }, () => randomBytes(1_000_003));
    const { sha256, bytes } = named(Buffer.concat(pieces));
    expect(await store.put(sha256, null, streamOf(...pieces))).toBe("stored");
    expect(await store.head(sha256)).toBe(bytes);
    expect(hashOf((await contents(store, sha256)) as Buffer)).toBe(sha256);
  });

  test("nothing is a blob too", async () => {
    const { store, base } = await setUp();
    const { sha256 } = named(Buffer.alloc(0));
    expect(await store.put(sha256, 0, streamOf())).toBe("stored");
    expect(await store.head(sha256)).toBe(0);
    expect(await contents(store, sha256)).toEqual(Buffer.alloc(0));
    const got = await fetch(new URL((await store.signGet({ sha256, bytes: 0 }, minute)).url, base));
    expect([got.status, await got.text()]).toEqual([200, ""]);
  });

  test.each([
    ["small", 100],
    ["large", 20_000_000],
  ])("bytes with another hash or length are refused, and nothing is left: %s", async (_, length) => {
    const { store, finalNames } = await setUp();
    const data = randomBytes(length);
    const { sha256, bytes } = named(data);
    const other = "0".repeat(64);
    const refused = { code: "invalid" };
    await expect(store.put(other, bytes, streamOf(data))).rejects.toMatchObject(refused);
    await expect(store.put(other, null, streamOf(data))).rejects.toMatchObject(refused);
    await expect(store.put(sha256, bytes - 1, streamOf(data))).rejects.toMatchObject(refused);
    await expect(store.put(sha256, bytes + 1, streamOf(data))).rejects.toMatchObject(refused);
    await expect(store.putMany([{ sha256: other, data }])).rejects.toMatchObject(refused);
    expect(await finalNames()).toEqual([]);
  });

  test("a sender that breaks off leaves nothing", async () => {
    const { store, finalNames } = await setUp();
    async function* broken() {
      yield randomBytes(18_000_000);
      throw new Error("gone");
    }
    await expect(store.put("a".repeat(64), 20_000_000, broken())).rejects.toThrow("gone");
    expect(await finalNames()).toEqual([]);
  });

  test("of eight who put the same bytes at once one stores them, and the rest find them present", async () => {
    const { store, base } = await setUp();
    const data = randomBytes(400_000);
    const { sha256, bytes } = named(data);
    const results = await Promise.all(
      Array.from({ length: 8 }, () => store.put(sha256, bytes, streamOf(data))),
    );
    expect(results.toSorted()).toEqual([...Array.from({ length: 7 }, () => "present"), "stored"]);
    expect(await contents(store, sha256)).toEqual(data);

    const second = randomBytes(400_000);
    const to = await store.signPut(named(second), minute);
    const statuses = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const init = { method: "PUT", headers: to.headers, body: new Uint8Array(second) };
        return (await fetch(new URL(to.url, base), init)).status;
      }),
    );
    // S3 may also tell two at once to try again.
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 412 || status === 409)).toHaveLength(7);
    expect(await contents(store, hashOf(second))).toEqual(second);
  });

  test("many small ones at once, some of them there already", async () => {
    const { store } = await setUp();
    const blobs = Array.from({ length: 60 }, (_, index) => Buffer.from(`small ${index}`)).map((data) => ({
      sha256: hashOf(data),
      data,
    }));
    await store.putMany(blobs.slice(0, 20));
    await store.putMany([...blobs, ...blobs.slice(0, 3)]);
    await store.putMany([]);
    for (const { sha256, data } of blobs) {
      // oxlint-disable-next-line no-await-in-loop -- sixty look-ups
      expect(await contents(store, sha256)).toEqual(data);
    }
  });

  test("a file is taken over, and is gone afterwards; one of another length is refused and stays", async () => {
    const { store } = await setUp();
    const folder = mkdtempSync(join(tmpdir(), "tally-adopt-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const data = randomBytes(70_000);
    const { sha256, bytes } = named(data);
    const file = join(folder, "frame.png");
    // Twice: the second time the bytes are there already.
    for (let i = 0; i < 2; i++) {
      writeFileSync(file, data);
      // oxlint-disable-next-line no-await-in-loop -- one after the other is the point
      await store.adopt(sha256, bytes, file);
      expect(existsSync(file)).toBe(false);
      // oxlint-disable-next-line no-await-in-loop -- see above
      expect(await contents(store, sha256)).toEqual(data);
    }
    writeFileSync(file, "short");
    await expect(store.adopt("1".repeat(64), 70_000, file)).rejects.toMatchObject({ code: "invalid" });
    expect(existsSync(file)).toBe(true);
    expect(await store.head("1".repeat(64))).toBeNull();
  });

  test("ranges", async () => {
    const { store } = await setUp();
    const data = randomBytes(1000);
    const { sha256, bytes } = named(data);
    await store.put(sha256, bytes, streamOf(data));
    expect(await contents(store, sha256, { start: 10, end: 19 })).toEqual(data.subarray(10, 20));
    expect(await contents(store, sha256, { start: 990 })).toEqual(data.subarray(990));
    expect(await contents(store, sha256, { start: 990, end: 5000 })).toEqual(data.subarray(990));
    expect(await contents(store, sha256, { start: 999, end: 999 })).toEqual(data.subarray(999));
    await expect(store.get(sha256, { start: 1000 })).rejects.toMatchObject({ code: "invalid" });
    expect(await store.get("1".repeat(64), { start: 0, end: 1 })).toBeNull();
  });

  test("all blobs are listed in the order of names, page by page, and only blobs", async () => {
    const { store } = await setUp();
    const blobs = Array.from({ length: 25 }, (_, index) => Buffer.from(`listed ${index}`));
    expect(await store.list(null, 10)).toEqual([]);
    await store.putMany(blobs.map((data) => ({ sha256: hashOf(data), data })));
    await store.startParts({ sha256: "f".repeat(64), bytes: 10_000_000 }, partBytes);
    const names = blobs.map(hashOf).toSorted();
    const first = await store.list(null, 10);
    const second = await store.list(first.at(-1)?.sha256 ?? null, 10);
    const third = await store.list(second.at(-1)?.sha256 ?? null, 10);
    expect([...first, ...second, ...third].map(({ sha256 }) => sha256)).toEqual(names);
    expect(third).toHaveLength(5);
    expect(first.every(({ bytes }) => bytes === 8 || bytes === 9)).toBe(true);
    expect(Math.abs((first[0]?.storedAt ?? 0) - Date.now())).toBeLessThan(minute);
    expect(await store.list("f".repeat(64), 10)).toEqual([]);
  });

  test("blobs are removed; those that are not there are fine", async () => {
    const { store, finalNames } = await setUp();
    const blobs = ["one", "two", "three"].map((text) => Buffer.from(text));
    await store.putMany(blobs.map((data) => ({ sha256: hashOf(data), data })));
    const [one, two, three] = blobs.map(hashOf) as [string, string, string];
    await store.delete([one, "0".repeat(64), two]);
    await store.delete([]);
    expect(await finalNames()).toEqual([three]);
    expect([await store.head(one), await store.get(two)]).toEqual([null, null]);
  });

  test.each(["../../etc/passwd", "", "A".repeat(64), `${"a".repeat(63)}/`, `${"a".repeat(62)}..`])(
    "a name that is no hash is refused: %s",
    async (sha256) => {
      const { store } = await setUp();
      const refused = { code: "invalid" };
      await expect(store.head(sha256)).rejects.toMatchObject(refused);
      await expect(store.get(sha256)).rejects.toMatchObject(refused);
      await expect(store.put(sha256, 1, streamOf(Buffer.from("x")))).rejects.toMatchObject(refused);
      await expect(store.delete([sha256])).rejects.toMatchObject(refused);
      await expect(store.signPut({ sha256, bytes: 1 }, minute)).rejects.toMatchObject(refused);
      await expect(store.signGet({ sha256, bytes: 1 }, minute)).rejects.toMatchObject(refused);
      await expect(store.startParts({ sha256, bytes: 1 }, partBytes)).rejects.toMatchObject(refused);
    },
  );
}
