// What every blob store promises of signed addresses for whole blobs, tried by real requests.
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import type { SignedAddress } from "../domain/ports.ts";
import type { SetUp } from "./conformance-kit.ts";
import { contents, hashOf, minute, named, send, streamOf } from "./conformance-kit.ts";

/** Registers these tests. */
export function describeSigned(setUp: SetUp): void {
  test("a signed address takes a blob once, and gives it back, ranges too", async () => {
    const { store, base } = await setUp();
    const data = randomBytes(600_000);
    const blob = named(data);
    const put = await store.signPut(blob, minute);
    expect(put.headers["content-length"]).toBe("600000");
    expect(Math.abs(put.expiresAt - Date.now() - minute)).toBeLessThan(10_000);
    expect((await send(base, put, data)).status).toBe(200);
    expect((await send(base, put, data)).status).toBe(412);
    expect(await store.head(blob.sha256)).toBe(600_000);

    const get = await store.signGet(blob, minute);
    const whole = await send(base, get, data, "GET");
    expect([whole.status, hashOf(whole.body)]).toEqual([200, blob.sha256]);
    const ranged = async (range: string) => {
      const response = await fetch(new URL(get.url, base), { headers: { ...get.headers, range } });
      const body = Buffer.from(await response.arrayBuffer());
      return { status: response.status, body, said: response.headers.get("content-range") };
    };
    const part = await ranged("bytes=1000-1999");
    expect([part.status, part.said]).toEqual([206, "bytes 1000-1999/600000"]);
    expect(part.body).toEqual(data.subarray(1000, 2000));
    expect((await ranged("bytes=599990-")).body).toEqual(data.subarray(599_990));
    expect((await ranged("bytes=-10")).body).toEqual(data.subarray(599_990));
    expect((await ranged("bytes=600000-")).status).toBe(416);
  });

  test("bytes with another hash are refused by the store, and nothing is left", async () => {
    const { store, base, finalNames } = await setUp();
    const put = await store.signPut(named(randomBytes(5000)), minute);
    expect((await send(base, put, randomBytes(5000))).status).toBe(400);
    expect(await finalNames()).toEqual([]);
  });

  test("another length than was signed is refused, and nothing is left", async () => {
    const { store, base, finalNames } = await setUp();
    const data = randomBytes(5000);
    const put = await store.signPut(named(data), minute);
    for (const length of [4999, 5001]) {
      const headers = { ...put.headers, "content-length": String(length) };
      // oxlint-disable-next-line no-await-in-loop -- two requests
      const answer = await send(base, { ...put, headers }, randomBytes(length));
      expect(answer.status).toBe(403);
    }
    // Without the header: a body of unknown length.
    const { "content-length": _, ...headers } = put.headers;
    const body = ReadableStream.from(streamOf(new Uint8Array(data)));
    const chunked = await fetch(new URL(put.url, base), {
      method: "PUT",
      headers,
      body,
      duplex: "half",
    } as RequestInit);
    expect([403, 411]).toContain(chunked.status);
    await chunked.arrayBuffer();
    expect(await finalNames()).toEqual([]);
  });

  test("a body that is cut off leaves nothing", async () => {
    const { store, base, finalNames } = await setUp();
    const data = randomBytes(300_000);
    const put = await store.signPut(named(data), minute);
    async function* half() {
      yield new Uint8Array(data.subarray(0, 150_000));
      throw new Error("the line is cut");
    }
    const body = ReadableStream.from(half());
    const init = { method: "PUT", headers: put.headers, body, duplex: "half" } as RequestInit;
    await expect(fetch(new URL(put.url, base), init)).rejects.toThrow();
    expect(await finalNames()).toEqual([]);
    // And the same address still takes the whole.
    expect((await send(base, put, data)).status).toBe(200);
  });

  test("signed URLs work for a few minutes: an address that has expired is refused", async () => {
    const { store, storeAt, base, finalNames } = await setUp();
    const data = randomBytes(100);
    const late = storeAt(-10 * minute);
    expect((await send(base, await late.signPut(named(data), 5 * minute), data)).status).toBe(403);
    expect(await finalNames()).toEqual([]);
    await store.put(hashOf(data), 100, streamOf(data));
    expect((await send(base, await late.signGet(named(data), 5 * minute), data, "GET")).status).toBe(403);
    expect((await send(base, await late.signGet(named(data), 15 * minute), data, "GET")).status).toBe(200);
  });

  test("signed URLs work for one key, one method, one size alone", async () => {
    const { store, base, finalNames } = await setUp();
    const [data, other] = [randomBytes(100), randomBytes(100)];
    const [blob, another] = [named(data), named(other)];
    const put = await store.signPut(blob, minute);
    const elsewhere = (to: SignedAddress) => ({
      ...to,
      url: to.url
        .replaceAll(blob.sha256, another.sha256)
        .replace(`/${blob.sha256.slice(0, 2)}/`, `/${another.sha256.slice(0, 2)}/`),
    });
    expect((await send(base, elsewhere(put), other)).status).toBe(403);
    expect((await send(base, put, data, "GET")).status).toBe(403);
    expect((await send(base, put, data, "DELETE")).status).toBe(403);
    expect((await send(base, put, data, "POST")).status).not.toBe(200);
    expect(await finalNames()).toEqual([]);

    await store.put(blob.sha256, 100, streamOf(data));
    await store.put(another.sha256, 100, streamOf(other));
    const get = await store.signGet(blob, minute);
    expect((await send(base, elsewhere(get), data, "GET")).status).toBe(403);
    expect((await send(base, get, data, "HEAD")).status).toBe(403);
    expect((await send(base, get, data, "DELETE")).status).toBe(403);
    const changed = get.url.replace(/(signature=.)./i, (_, start: string) => `${start}_`);
    expect((await send(base, { ...get, url: changed }, data, "GET")).status).toBe(403);
    const longer = get.url.replace(/(expires=)/i, "$19");
    expect((await send(base, { ...get, url: longer }, data, "GET")).status).not.toBe(200);
    const bare = get.url.slice(0, get.url.indexOf("?"));
    expect((await send(base, { ...get, url: bare }, data, "GET")).status).toBe(403);
    expect(await contents(store, blob.sha256)).toEqual(data);
  });

  test("a blob that is gone is not found by its address", async () => {
    const { store, base } = await setUp();
    const get = await store.signGet({ sha256: "5".repeat(64), bytes: 10 }, minute);
    expect((await send(base, get, Buffer.alloc(0), "GET")).status).toBe(404);
  });
}
