// The S3 store: what every store promises, against a real S3 server, and what goes wrong between it and the broker.
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { startFaultProxy } from "../../test/support/fault-proxy.ts";
import { canListOpenFiles, openFilesBelow } from "../../test/support/open-files.ts";
import { startS3Server, type S3Server } from "../../test/support/s3-server.ts";
import { describeStore } from "./conformance.ts";
import { createS3Store } from "./s3.ts";

let server: S3Server;
beforeAll(async () => {
  server = await startS3Server();
});
afterAll(() => server.stop());

const hashOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
async function* streamOf(...pieces: Uint8Array[]) {
  yield* pieces;
}

/** A store of its own in the bucket, by a prefix. */
function setUp(options: { endpoint?: string; bucket?: string; secretAccessKey?: string } = {}) {
  const prefix = `${randomBytes(6).toString("hex")}/`;
  const { secretAccessKey = server.credentials.secretAccessKey } = options;
  const place = {
    bucket: options.bucket ?? server.bucket,
    prefix,
    region: "us-east-1",
    endpoint: options.endpoint ?? server.endpoint,
    credentials: { accessKeyId: server.credentials.accessKeyId, secretAccessKey },
  };
  const storeAt = (offsetMs: number) => createS3Store({ ...place, now: () => Date.now() + offsetMs });
  const finalNames = async () =>
    readdirSync(server.folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.parentPath.includes(`/${prefix}blobs/`))
      .map((entry) => entry.name)
      .toSorted();
  return { store: createS3Store(place), storeAt, base: server.endpoint, finalNames, prefix };
}

describe("every store", () => describeStore(async () => setUp()));

async function faulty() {
  const proxy = await startFaultProxy(server.endpoint);
  onTestFinished(() => proxy.close());
  return { proxy, ...setUp({ endpoint: proxy.url }) };
}

test("an address without its signed headers is refused", async () => {
  const { store, finalNames } = setUp();
  const data = randomBytes(100);
  const put = await store.signPut({ sha256: hashOf(data), bytes: 100 }, 60_000);
  for (const name of ["if-none-match", "x-amz-checksum-sha256"]) {
    const { [name]: _, ...headers } = put.headers;
    // oxlint-disable-next-line no-await-in-loop -- two requests
    const answer = await fetch(put.url, { method: "PUT", headers, body: new Uint8Array(data) });
    expect(answer.status).toBe(403);
  }
  expect(await finalNames()).toEqual([]);
});

test("store answers 500, then 503 with Retry-After: it is tried again after that time, and nobody notices", async () => {
  const { store, proxy } = await faulty();
  const data = randomBytes(1000);
  const answers = [{ status: 500 }, { status: 503, headers: { "retry-after": "1" } }];
  proxy.onRequest(({ method }) => {
    const answer = method === "PUT" ? answers.shift() : undefined;
    return answer && { answer };
  });
  const begun = performance.now();
  expect(await store.put(hashOf(data), 1000, streamOf(data))).toBe("stored");
  expect(performance.now() - begun).toBeGreaterThan(990);
  expect(proxy.seen.filter(({ method }) => method === "PUT")).toHaveLength(3);
  expect(await store.head(hashOf(data))).toBe(1000);
});

test("a store that does not answer, has no such bucket or refuses the keys is told in a sentence", async () => {
  const { store, proxy } = await faulty();
  proxy.setDown(true);
  await expect(store.head("a".repeat(64))).rejects.toMatchObject({
    code: "storage-down",
    detail: expect.stringMatching(
      new RegExp(`The storage \\(bucket tally-test at ${proxy.url}\\) does not answer as it should: \\w+`),
    ),
  });
  const data = Buffer.from("x");
  const noBucket = setUp({ bucket: "not-there" }).store;
  await expect(noBucket.put(hashOf(data), 1, streamOf(data))).rejects.toMatchObject({
    code: "storage-down",
    detail: expect.stringContaining("There is no bucket not-there at http"),
  });
  const wrongKeys = setUp({ secretAccessKey: "wrong" }).store;
  await expect(wrongKeys.put(hashOf(data), 1, streamOf(data))).rejects.toMatchObject({
    code: "storage-down",
    detail: expect.stringContaining("refuses the broker's keys"),
  });
});

test("a store without room is told in a sentence", async () => {
  const { store, proxy } = await faulty();
  const body = "<Error><Code>XMinioStorageFull</Code><Message>full</Message></Error>";
  const answer = { status: 507, headers: { "content-type": "application/xml" }, body };
  proxy.onRequest(({ method }) => (method === "PUT" ? { answer } : undefined));
  const data = Buffer.from("x");
  await expect(store.put(hashOf(data), 1, streamOf(data))).rejects.toMatchObject({
    code: "storage-full",
    detail: expect.stringContaining("has no room"),
  });
});

test("a download that is cut or truncated goes on where it broke off", async () => {
  const { store, proxy } = await faulty();
  const data = randomBytes(3_000_000);
  await store.put(hashOf(data), data.length, streamOf(data));
  const faults = [{ cutDown: 1_000_000 }, { truncateDown: 700_000 }, { cutDown: 0 }];
  proxy.onRequest(({ method }) => (method === "GET" ? faults.shift() : undefined));
  const found = await store.get(hashOf(data));
  expect(hashOf(await buffer(found!.stream))).toBe(hashOf(data));
  expect(faults).toEqual([]);
  faults.push({ cutDown: 5 });
  const range = await store.get(hashOf(data), { start: 1_000_000, end: 1_499_999 });
  expect(await buffer(range!.stream)).toEqual(data.subarray(1_000_000, 1_500_000));
});

test("an upload that is cut on its way is sent again, and a large one leaves no parts when it fails", async () => {
  const { store, proxy, finalNames } = await faulty();
  const data = randomBytes(20_000_000);
  const faults = [{ cutUp: 1_000_000 }, { cutUp: 3_000_000 }];
  proxy.onRequest(({ method }) => (method === "PUT" ? faults.shift() : undefined));
  expect(await store.put(hashOf(data), null, streamOf(data))).toBe("stored");
  expect(faults).toEqual([]);
  const other = randomBytes(20_000_000);
  proxy.onRequest(({ path }) => (/partNumber=2/.test(path) ? { answer: { status: 500 } } : undefined));
  await expect(store.put(hashOf(other), other.length, streamOf(other))).rejects.toMatchObject({
    code: "storage-down",
  });
  expect(await finalNames()).toEqual([hashOf(data)]);
  expect(await store.abortStale(Date.now() + 60_000)).toBe(0);
});

test.skipIf(!canListOpenFiles)(
  "a store that refuses, at first or half way, leaves no file open",
  async () => {
    const { store, proxy } = await faulty();
    const folder = mkdtempSync(join(tmpdir(), "tally-s3-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const data = randomBytes(20_000_000);
    const file = join(folder, "frame.exr");
    writeFileSync(file, data);
    for (const refused of ["HEAD", "POST", "PUT"]) {
      proxy.onRequest(({ method }) => (method === refused ? { answer: { status: 403 } } : undefined));
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await expect(store.adopt(hashOf(data), data.length, file)).rejects.toMatchObject({
        code: "storage-down",
      });
      // Closing takes a turn of a thread of its own.
      // oxlint-disable-next-line no-await-in-loop -- see above
      await expect.poll(() => openFilesBelow(folder), { message: refused }).toEqual([]);
    }
  },
);

test("a download that is given up before its first byte hangs up", async () => {
  const { store } = setUp();
  const data = randomBytes(20_000_000);
  await store.put(hashOf(data), null, streamOf(data));
  // More than the client has lines: each was given back.
  for (let index = 0; index < 60; index++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const found = await store.get(hashOf(data));
    (found!.stream as Readable).destroy();
  }
  expect(await store.head(hashOf(data))).toBe(data.length);
});

test("wrong bytes: what changes on its way is refused by the store, and sent again", async () => {
  const { store, proxy, finalNames } = await faulty();
  const damage = { changeUp: (piece: Buffer) => Buffer.alloc(piece.length) };
  for (const length of [1000, 20_000_000]) {
    const data = randomBytes(length);
    proxy.onRequest(({ method }) => (method === "PUT" ? damage : undefined));
    // oxlint-disable-next-line no-await-in-loop -- in one piece and in parts
    await expect(store.put(hashOf(data), length, streamOf(data))).rejects.toMatchObject({
      code: "storage-down",
    });
    // oxlint-disable-next-line no-await-in-loop -- see above
    expect(await store.head(hashOf(data))).toBeNull();
    const faults = [damage, damage];
    proxy.onRequest(({ method }) => (method === "PUT" ? faults.shift() : undefined));
    // oxlint-disable-next-line no-await-in-loop -- see above
    expect(await store.put(hashOf(data), length, streamOf(data))).toBe("stored");
  }
  expect(await finalNames()).toHaveLength(2);
});

test("a completion whose answer is lost counts", async () => {
  const { store, proxy } = await faulty();
  const data = randomBytes(6_000_000);
  const blob = { sha256: hashOf(data), bytes: data.length };
  const upload = await store.startParts(blob, 8_000_000);
  const put = await store.signPart(upload, blob, { number: 1, ...blob }, 60_000);
  expect((await fetch(put.url, { method: "PUT", headers: put.headers, body: data })).status).toBe(200);
  let cuts = 0;
  proxy.onRequest(({ method, path }) =>
    method === "POST" && /uploadId/.test(path) && cuts++ === 0 ? { cutDown: 0 } : undefined,
  );
  await store.completeParts(upload, blob, 1);
  expect(cuts).toBeGreaterThan(0);
  expect(await store.head(blob.sha256)).toBe(blob.bytes);
});
