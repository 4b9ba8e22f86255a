// Bytes over real HTTP: missing, together, in one piece, in parts, by range; and what a worker may touch.
import { randomBytes } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { maxSingleBytes, type Upload } from "../contract/blob.ts";
import { packEnd, packHead, packStart, readPack, type PackedFile } from "../contract/pack.ts";
import { packOf, sendBlob, sendManifest, sha256Of } from "../../test/support/blobs.ts";
import { submission, submit } from "../../test/support/builders.ts";
import { joinWorker, leaseHeaders } from "../../test/support/fake-worker.ts";
import { testBroker, type TestBroker } from "../../test/support/start-broker.ts";
import type { Api } from "../../test/support/api.ts";

const refOf = (data: string | Uint8Array) => ({ sha256: sha256Of(data), bytes: Buffer.byteLength(data) });
const put = (
  broker: TestBroker,
  signed: { url: string; headers: Record<string, string> },
  data: Uint8Array,
) =>
  fetch(new URL(signed.url, broker.url), {
    method: "PUT",
    headers: signed.headers,
    body: new Uint8Array(data),
  });

async function readAll(bytes: Uint8Array): Promise<PackedFile[]> {
  const files: PackedFile[] = [];
  async function* stream() {
    yield bytes;
  }
  for await (const file of readPack(stream(), 1 << 20)) files.push(file);
  return files;
}

test("what is missing is told by its place, also of ten thousand; what was sent is not missing any more", async () => {
  const { api } = await testBroker();
  const blobs = Array.from({ length: 10_000 }, (_, index) => refOf(`file ${index}`));
  await api.ok("putPack", { bytes: packOf(["file 3", "file 9999", ""]) });
  const { missing } = await api.ok("findMissingBlobs", {
    body: { blobs: [...blobs.slice(0, 9_999), refOf("")] },
  });
  expect(missing.length).toBe(9_998);
  expect(missing).not.toContain(3);
  expect((await api.ok("findMissingBlobs", { body: { blobs: [blobs[9_999], blobs[0]] } })).missing).toEqual([
    1,
  ]);
  expect((await api.ok("findMissingBlobs", { body: { blobs: [] } })).missing).toEqual([]);
});

test("a pack that was cut off: what came before the cut counts, and only that", async () => {
  const { api } = await testBroker();
  const pack = packOf(["one", "two", "three"]);
  const cut = pack.slice(0, pack.length - 40 - 3);
  const problem = await api.problem("putPack", "malformed", { bytes: cut });
  expect(problem.detail).toContain("cut off");
  const blobs = [refOf("one"), refOf("two"), refOf("three")];
  expect((await api.ok("findMissingBlobs", { body: { blobs } })).missing).toEqual([2]);
  await api.problem("putPack", "malformed", { bytes: "no pack" });
  const wrong = Buffer.from(packOf(["good"]));
  wrong[wrong.length - 41] = (wrong[wrong.length - 41] ?? 0) ^ 1;
  await api.problem("putPack", "invalid", { bytes: new Uint8Array(wrong) });
  expect((await api.ok("findMissingBlobs", { body: { blobs: [refOf("good")] } })).missing).toEqual([0]);
});

test("small files come back together; what is not here, or not small, is left out", async () => {
  const { api } = await testBroker();
  const large = randomBytes(300_000);
  await sendBlob(api, large);
  const texts = Array.from({ length: 40 }, (_, index) => `file ${index}`);
  await api.ok("putPack", { bytes: packOf(texts) });
  const sha256s = [...texts.map(sha256Of), sha256Of(large), sha256Of("never sent")];
  const answer = await fetch(`${api.url}/v1/packs/read`, {
    method: "POST",
    headers: { authorization: `Bearer ${api.token}`, "content-type": "application/json" },
    body: JSON.stringify({ sha256s }),
  });
  const files = await readAll(new Uint8Array(await answer.arrayBuffer()));
  expect(files.map(({ data }) => Buffer.from(data).toString())).toEqual(texts);
});

test("a blob in one piece: signed, sent past the broker, confirmed; sent twice it is there already", async () => {
  const broker = await testBroker();
  const { api } = broker;
  const data = randomBytes(500_000);
  const blob = refOf(data);
  const upload = await api.ok("startUpload", { body: blob });
  if (upload.kind !== "single") throw new Error(upload.kind);
  expect((await api.ok("confirmBlobs", { body: { blobs: [blob] } })).missing).toEqual([0]);
  expect((await put(broker, upload.put, randomBytes(500_000))).status).toBe(400);
  expect((await put(broker, upload.put, data)).status).toBe(200);
  expect((await put(broker, upload.put, data)).status).toBe(412);
  const wrong = { ...blob, bytes: 499_999 };
  const asked = { blobs: [refOf("never sent"), wrong, blob] };
  expect((await api.ok("confirmBlobs", { body: asked })).missing).toEqual([0, 1]);
  expect((await api.ok("startUpload", { body: blob })).kind).toBe("present");
  const { downloads } = await api.ok("signDownloads", { body: { sha256s: [sha256Of("x"), blob.sha256] } });
  expect(downloads[0]).toBeNull();
  const get = downloads[1]?.get;
  const got = await fetch(new URL(get?.url ?? "", broker.url), { headers: get?.headers ?? {} });
  expect(Buffer.from(await got.arrayBuffer()).equals(data)).toBe(true);
});

/** Signs and sends the parts with these numbers. */
async function sendParts(
  broker: TestBroker,
  upload: Extract<Upload, { kind: "parts" }>,
  data: Buffer,
  numbers: readonly number[],
): Promise<void> {
  const parts = numbers.map((number) => {
    const part = data.subarray((number - 1) * upload.partBytes, number * upload.partBytes);
    return { number, sha256: sha256Of(part), bytes: part.length };
  });
  const { parts: signed } = await broker.api.ok("signParts", {
    params: { upload: upload.uploadId },
    body: { parts },
  });
  for (const [index, number] of numbers.entries()) {
    const part = data.subarray((number - 1) * upload.partBytes, number * upload.partBytes);
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const { status } = await put(broker, signed[index] as (typeof signed)[number], part);
    expect(status).toBe(200);
  }
}

async function startParts(api: Api, blob: { sha256: string; bytes: number }) {
  const upload = await api.ok("startUpload", { body: blob });
  if (upload.kind !== "parts") throw new Error(upload.kind);
  return upload;
}

test("a blob in parts: two who send it share the upload, it resumes, and completing twice is fine", async () => {
  const broker = await testBroker();
  const { api } = broker;
  const data = randomBytes(maxSingleBytes + 1_000_000);
  const blob = refOf(data);
  const [first, second] = await Promise.all([startParts(api, blob), startParts(api, blob)]);
  expect(second.uploadId).toBe(first.uploadId);
  expect(first.done).toEqual([]);
  await sendParts(broker, first, data, [1, 3]);
  const params = { upload: first.uploadId };
  await api.problem("completeUpload", "conflict", { params });
  expect((await startParts(api, blob)).done).toEqual([1, 3]);
  const part = { number: 2, sha256: sha256Of("x"), bytes: 1 };
  await api.problem("signParts", "invalid", { params, body: { parts: [part] } });
  await api.problem("signParts", "invalid", { params, body: { parts: [{ ...part, number: 4 }] } });
  await sendParts(broker, first, data, [2]);
  const completed = await Promise.all([1, 2].map(() => api.ok("completeUpload", { params })));
  expect(completed).toEqual([blob, blob]);
  expect(await api.ok("completeUpload", { params })).toEqual(blob);
  expect((await api.ok("startUpload", { body: blob })).kind).toBe("present");
});

test("parts whose bytes are not what the hash says: the first reader finds out, and the blob is dropped", async () => {
  const broker = await testBroker();
  const { api } = broker;
  const data = randomBytes(maxSingleBytes + 1);
  const lie = { sha256: sha256Of("something else"), bytes: data.length };
  const upload = await startParts(api, lie);
  await sendParts(broker, upload, data, [1, 2, 3]);
  await api.ok("completeUpload", { params: { upload: upload.uploadId } });
  // Nobody looks at what comes again under a name that is known: that makes it no truer.
  const again = Buffer.concat([packStart(), packHead(lie.sha256, 5), Buffer.from("wrong"), packEnd(1)]);
  await api.ok("putPack", { bytes: new Uint8Array(again) });
  // The answer breaks off: it never passes for what it is not.
  await expect(api.raw("getBlob", { params: { sha256: lie.sha256 } })).rejects.toThrow();
  await api.problem("doubtBlob", "not-found", { params: { sha256: lie.sha256 } });
  expect((await api.ok("findMissingBlobs", { body: { blobs: [lie] } })).missing).toEqual([0]);
  // The true ones can be sent now.
  expect(await sendBlob(api, "something else")).toEqual(refOf("something else"));
  expect((await api.raw("getBlob", { params: { sha256: lie.sha256 } })).text).toBe("something else");
});

test("an upload that was forgotten begins anew", async () => {
  const broker = await testBroker();
  const { api } = broker;
  const data = randomBytes(maxSingleBytes + 1);
  const upload = await startParts(api, refOf(data));
  await sendParts(broker, upload, data, [1]);
  const params = { upload: upload.uploadId };
  await api.ok("abortUpload", { params });
  await api.ok("abortUpload", { params });
  await api.problem("completeUpload", "not-found", { params });
  const again = await startParts(api, refOf(data));
  expect(again.done).toEqual([]);
  // The store forgot it by itself, as S3 does after some days.
  await broker.broker.blobs.abortStale(Date.now() + 1000);
  expect((await startParts(api, refOf(data))).done).toEqual([]);
});

test("a doubt about good bytes changes nothing; about damaged ones it drops them, also where a job names them", async () => {
  const { api, dataFolder } = await testBroker();
  const manifest = await sendManifest(api, { "/shot/a.png": "picture" });
  const headers = { "idempotency-key": "a submission" };
  const body = { ...submission(), manifest };
  await api.ok("submitJob", { headers, body });
  const sha256 = sha256Of("picture");
  expect(await api.ok("doubtBlob", { params: { sha256 } })).toEqual({ dropped: false });
  const path = join(dataFolder, "blobs", sha256.slice(0, 2), sha256);
  rmSync(path);
  writeFileSync(path, "PICTURE");
  expect(await api.ok("doubtBlob", { params: { sha256 } })).toEqual({ dropped: true });
  await api.problem("getBlob", "not-found", { params: { sha256 } });
  await api.ok("putPack", { bytes: packOf(["picture"]) });
  expect(readFileSync(path, "utf8")).toBe("picture");
  expect((await api.raw("getBlob", { params: { sha256 } })).text).toBe("picture");
});

test("a range of a blob", async () => {
  const { api } = await testBroker();
  const { sha256 } = await sendBlob(api, "0123456789");
  const get = async (range: string) => {
    const answer = await api.raw("getBlob", { params: { sha256 }, headers: { range } });
    return [answer.status, answer.headers.get("content-range"), answer.text];
  };
  expect(await get("bytes=2-4")).toEqual([206, "bytes 2-4/10", "234"]);
  expect(await get("bytes=7-")).toEqual([206, "bytes 7-9/10", "789"]);
  expect(await get("bytes=-2")).toEqual([206, "bytes 8-9/10", "89"]);
  expect(await get("bytes=5-99")).toEqual([206, "bytes 5-9/10", "56789"]);
  expect(await get("frames=1-2")).toEqual([200, null, "0123456789"]);
  expect((await get("bytes=10-"))[0]).toBe(422);
});

test("a worker fetches what its own job reads or made, and nothing else; without its lease nothing at all", async () => {
  const broker = await testBroker();
  const { api } = broker;
  const foreign = await sendBlob(api, "another job's texture");
  const manifest = await sendManifest(api, { "/shot/a.png": "a texture" });
  const body = { ...submission([{ frames: "1-2" }]), manifest };
  await api.ok("submitJob", { headers: { "idempotency-key": "a submission" }, body });
  const worker = await joinWorker(broker);
  const held = await worker.work();
  const headers = leaseHeaders(held);
  const sha256s = [sha256Of("a texture"), manifest.sha256, foreign.sha256];
  const { downloads } = await worker.api.ok("signDownloads", { headers, body: { sha256s } });
  expect(downloads.map((one) => one?.sha256 ?? null)).toEqual([sha256s[0], sha256s[1], null]);
  await worker.api.problem("doubtBlob", "not-found", { headers, params: { sha256: foreign.sha256 } });
  expect((await worker.api.raw("headBlob", { headers, params: { sha256: foreign.sha256 } })).status).toBe(
    404,
  );
  expect((await worker.api.raw("headBlob", { headers, params: { sha256: manifest.sha256 } })).status).toBe(
    200,
  );
  const pack = await worker.api.raw("getPack", { headers, body: { sha256s } });
  expect(pack.text).toContain("a texture");
  expect(pack.text).not.toContain("another job's texture");

  const other = await joinWorker(broker, { name: "other" });
  const bad = [
    {},
    { ...headers, "tally-lease-token": "x".repeat(32) },
    { ...headers, "tally-lease": "lea_999" },
    { ...headers, "tally-lease": "job_1" },
  ];
  const asks: [Api, Record<string, string>][] = bad.map((one) => [worker.api, one]);
  asks.push([other.api, headers]);
  for (const [who, wrong] of asks) {
    // oxlint-disable no-await-in-loop -- one after the other
    await who.problem("signDownloads", "lease-lost", { headers: wrong, body: { sha256s } });
    await who.problem("findMissingBlobs", "lease-lost", { headers: wrong, body: { blobs: [] } });
    await who.problem("putPack", "lease-lost", { headers: wrong, bytes: packOf(["x"]) });
    await who.problem("startUpload", "lease-lost", { headers: wrong, body: refOf("x") });
    // oxlint-enable no-await-in-loop
  }
  await worker.succeed(held);
  await worker.api.problem("signDownloads", "lease-lost", { headers, body: { sha256s } });
});

test("what a worker made is its job's: the next worker of that job may fetch it", async () => {
  const broker = await testBroker();
  await submit(broker.api, [{ frames: "1-2" }], { home: "pull" });
  const worker = await joinWorker(broker);
  const first = await worker.work();
  const sent = await worker.upload(first, "a frame", "/out/1.png");
  const fetchIt = async (held: typeof first) => {
    const ask = { headers: leaseHeaders(held), body: { sha256s: [sent.sha256] } };
    return (await worker.api.ok("signDownloads", ask)).downloads[0];
  };
  expect(await fetchIt(first)).toBeNull();
  await worker.succeed(first, { files: [sent] });
  expect(await fetchIt(await worker.work())).not.toBeNull();
});
