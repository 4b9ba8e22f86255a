// What every blob store promises of uploads in parts, tried by real requests.
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import type { SetUp } from "./conformance-kit.ts";
import { contents, hashOf, minute, named, partBytes, send, streamOf } from "./conformance-kit.ts";

/** Registers these tests. */
export function describeParts(setUp: SetUp): void {
  const lengths = [partBytes, partBytes, 1234];
  function cut() {
    const data = randomBytes(partBytes * 2 + 1234);
    const pieces = lengths.map((length, index) =>
      data.subarray(index * partBytes, index * partBytes + length),
    );
    const parts = pieces.map((piece, index) => ({ number: index + 1, ...named(piece) }));
    return { data, blob: named(data), pieces, parts };
  }

  test("a blob in parts: sent in any order, resumed, made one; then it is like every other", async () => {
    const { store, base, finalNames } = await setUp();
    const { data, blob, pieces, parts } = cut();
    const upload = await store.startParts(blob, partBytes);
    expect(await store.listParts(upload, blob)).toEqual([]);
    for (const index of [2, 0]) {
      // oxlint-disable-next-line no-await-in-loop -- in this order
      const to = await store.signPart(upload, blob, parts[index]!, minute);
      // oxlint-disable-next-line no-await-in-loop -- see above
      expect((await send(base, to, pieces[index]!)).status).toBe(200);
    }
    expect(await store.listParts(upload, blob)).toEqual([
      { number: 1, bytes: partBytes },
      { number: 3, bytes: 1234 },
    ]);
    await expect(store.completeParts(upload, blob, 3)).rejects.toMatchObject({ code: "conflict" });
    expect(await finalNames()).toEqual([]);
    const to = await store.signPart(upload, blob, parts[1]!, minute);
    expect((await send(base, to, pieces[1]!)).status).toBe(200);
    // The same once more does no harm.
    expect((await send(base, to, pieces[1]!)).status).toBe(200);
    await store.completeParts(upload, blob, 3);
    await store.completeParts(upload, blob, 3);
    expect(await store.head(blob.sha256)).toBe(data.length);
    expect(hashOf((await contents(store, blob.sha256)) as Buffer)).toBe(blob.sha256);
    expect(await store.listParts(upload, blob)).toBeNull();
    expect(await finalNames()).toEqual([blob.sha256]);
  });

  test("the store checks the hash and the size of each part", async () => {
    const { store, base } = await setUp();
    const { blob, pieces, parts } = cut();
    const upload = await store.startParts(blob, partBytes);
    // The last part: what is so short is sent whole before a refusal can break the line.
    const last = pieces[2]!;
    const to = await store.signPart(upload, blob, parts[2]!, minute);
    expect((await send(base, to, randomBytes(last.length))).status).toBe(400);
    const short = last.subarray(1);
    const headers = { ...to.headers, "content-length": String(short.length) };
    expect((await send(base, { ...to, headers }, short)).status).toBe(403);
    const second = { ...to, url: to.url.replace(/part(Number)?=3/i, "part$1=2") };
    expect(second.url).not.toBe(to.url);
    expect((await send(base, second, last)).status).toBe(403);
    expect((await send(base, to, last, "GET")).status).toBe(403);
    expect(await store.listParts(upload, blob)).toEqual([]);
    expect((await send(base, to, last)).status).toBe(200);
    // Wrong bytes do not spoil a part that is right.
    expect((await send(base, to, randomBytes(last.length))).status).toBe(400);
    expect(await store.listParts(upload, blob)).toEqual([{ number: 3, bytes: last.length }]);
  });

  test("an address of a part that has expired is refused", async () => {
    const { store, storeAt, base } = await setUp();
    const { blob, pieces, parts } = cut();
    const upload = await store.startParts(blob, partBytes);
    const to = await storeAt(-10 * minute).signPart(upload, blob, parts[2]!, minute);
    expect((await send(base, to, pieces[2]!)).status).toBe(403);
    expect(await store.listParts(upload, blob)).toEqual([]);
  });

  test("two who send the same parts at once do no harm", async () => {
    const { store, base } = await setUp();
    const { blob, pieces, parts } = cut();
    const upload = await store.startParts(blob, partBytes);
    const sendAll = async () => {
      for (const [index, part] of parts.entries()) {
        // oxlint-disable-next-line no-await-in-loop -- one client sends one part after another
        const to = await store.signPart(upload, blob, part, minute);
        // oxlint-disable-next-line no-await-in-loop -- see above
        for (let tries = 0; (await send(base, to, pieces[index]!)).status !== 200; tries++)
          if (tries > 5) throw new Error("a part is refused again and again");
      }
    };
    await Promise.all([sendAll(), sendAll(), sendAll()]);
    await Promise.all([store.completeParts(upload, blob, 3), store.completeParts(upload, blob, 3)]);
    expect(hashOf((await contents(store, blob.sha256)) as Buffer)).toBe(blob.sha256);
  });

  test("a blob that somebody else stored meanwhile stays as it is", async () => {
    const { store, base } = await setUp();
    const { data, blob, pieces, parts } = cut();
    const upload = await store.startParts(blob, partBytes);
    for (const [index, part] of parts.entries()) {
      // oxlint-disable-next-line no-await-in-loop -- three parts
      const to = await store.signPart(upload, blob, part, minute);
      // oxlint-disable-next-line no-await-in-loop -- see above
      expect((await send(base, to, pieces[index]!)).status).toBe(200);
    }
    await store.put(blob.sha256, blob.bytes, streamOf(data));
    await store.completeParts(upload, blob, 3);
    expect(hashOf((await contents(store, blob.sha256)) as Buffer)).toBe(blob.sha256);
    expect(await store.listParts(upload, blob)).toBeNull();
  });

  test("an upload is forgotten on request, and when it is stale", async () => {
    const { store, storeAt, base } = await setUp();
    const { blob, pieces, parts } = cut();
    const [one, two] = [await store.startParts(blob, partBytes), await store.startParts(blob, partBytes)];
    const to = await store.signPart(one, blob, parts[2]!, minute);
    await store.abortParts(one, blob);
    await store.abortParts(one, blob);
    expect(await store.listParts(one, blob)).toBeNull();
    expect((await send(base, to, pieces[2]!)).status).toBe(404);
    await expect(store.completeParts(one, blob, 3)).rejects.toMatchObject({ code: "conflict" });
    expect(await store.abortStale(Date.now() - 10 * minute)).toBe(0);
    expect(await store.listParts(two, blob)).toEqual([]);
    // Begun long ago, but somebody still sends.
    expect(await storeAt(0).abortStale(Date.now() + 10 * minute, new Set([two]))).toBe(0);
    expect(await storeAt(0).listParts(two, blob)).toEqual([]);
    expect(await storeAt(0).abortStale(Date.now() + 10 * minute, new Set(), true)).toBe(1);
    expect(await storeAt(0).listParts(two, blob)).toEqual([]);
    expect(await storeAt(0).abortStale(Date.now() + 10 * minute)).toBe(1);
    expect(await storeAt(0).listParts(two, blob)).toBeNull();
  });
}
