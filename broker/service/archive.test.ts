// The zip of a job's results: read back with another program's library, names held to one folder, and memory flat.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { fromBufferPromise } from "yauzl";
import { sha256Of } from "../../test/support/blobs.ts";
import { submit } from "../../test/support/builders.ts";
import { untilStored } from "../../test/support/delivery.ts";
import { joinWorker, type FakeWorker } from "../../test/support/fake-worker.ts";
import { canListOpenFiles, openFilesBelow } from "../../test/support/open-files.ts";
import { testBroker, type TestBroker } from "../../test/support/start-broker.ts";
import { openResult, planArchive, writeArchive } from "./archive.ts";

interface List {
  job: number;
  files: { name: string; home: string; sha256: string; bytes: number; frame: string; step: string }[];
  notKept?: { home: string }[];
}

async function archiveOf(
  broker: TestBroker,
  job: number,
  query: Record<string, string> = {},
): Promise<Map<string, Buffer>> {
  const search = new URLSearchParams(query);
  const answer = await fetch(`${broker.url}/v1/jobs/${job}/archive?${search.toString()}`, {
    headers: { authorization: `Bearer ${broker.adminToken}` },
  });
  expect(answer.status).toBe(200);
  return unzip(Buffer.from(await answer.arrayBuffer()));
}

/** The files of a zip; the library refuses names that climb or are absolute. */
async function unzip(bytes: Buffer): Promise<Map<string, Buffer>> {
  const zip = await fromBufferPromise(bytes);
  const files = new Map<string, Buffer>();
  for await (const entry of zip.eachEntry()) {
    const stream = await zip.openReadStreamPromise(entry);
    const parts: Buffer[] = [];
    for await (const part of stream) parts.push(part as Buffer);
    expect(entry.compressionMethod, "pictures are compressed already").toBe(0);
    files.set(entry.fileName, Buffer.concat(parts));
  }
  return files;
}
const listOf = (files: Map<string, Buffer>) =>
  JSON.parse(files.get("manifest.json")?.toString() ?? "") as List;

async function render(worker: FakeWorker, files: Record<string, string>): Promise<void> {
  const held = await worker.work();
  const staged = Object.entries(files).map(([name, text], index) =>
    worker.stage(held, `f${index}`, text, name),
  );
  await worker.succeed(held, { files: staged });
}

test("results by their names below the folder that all share, with a list of what they are", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api, [{ frames: "7-8" }], { home: "pull" });
  const worker = await joinWorker(broker);
  await broker.api.problem("getArchive", "not-found", { params: { job: number } });
  await render(worker, { "/home/ann/out/0007.png": "seven", "/home/ann/out/depth/0007.exr": "deep" });
  await render(worker, { "/home/ann/out/0008.png": "" });
  const files = await archiveOf(broker, number);
  expect([...files.keys()].toSorted()).toEqual(["0007.png", "0008.png", "depth/0007.exr", "manifest.json"]);
  expect(files.get("depth/0007.exr")?.toString()).toBe("deep");
  const list = listOf(files);
  expect(list.job).toBe(number);
  expect(list.files[0]).toEqual({
    name: "0007.png",
    home: "/home/ann/out/0007.png",
    sha256: sha256Of("seven"),
    bytes: 5,
    frame: "7",
    step: "render",
  });
  const some = await archiveOf(broker, number, { filter: "*.exr", step: "render" });
  expect([...some.keys()].toSorted()).toEqual(["0007.exr", "manifest.json"]);
  await broker.api.problem("getArchive", "not-found", {
    params: { job: number },
    query: { filter: "*.tif" },
  });
  await broker.api.problem("getArchive", "not-found", { params: { job: number }, query: { step: "nope" } });
});

test("path traversal in zips: names that climb, are absolute elsewhere or are shared by two files are inside, once each", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api, [{ frames: "1" }], { home: "pull" });
  await render(await joinWorker(broker), {
    "/out/../../etc/passwd": "climbs",
    "C:\\out\\a.png": "windows",
    "/out/a\\..\\..\\b.png": "backslashes",
    "/C/out/a.png": "looks the same",
    "/manifest.json": "our own name",
    "relative.png": "relative",
  });
  const files = await archiveOf(broker, number);
  expect(files.size).toBe(7);
  for (const name of files.keys()) expect(name).toMatch(/^(?!\/)(?!.*(^|\/)\.\.(\/|$))(?!.*\\)/);
  const texts = [...files.values()].map((data) => data.toString()).filter((text) => !text.startsWith("{"));
  expect(texts.toSorted()).toEqual(
    ["climbs", "windows", "backslashes", "looks the same", "our own name", "relative"].toSorted(),
  );
});

test("only results that count: the newest of a frame, nothing of a try that failed", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api, [{ frames: "1" }], { home: "pull" });
  const worker = await joinWorker(broker);
  await render(worker, { "/out/1.png": "old", "/out/stray.png": "old" });
  await broker.api.ok("requeueTasks", { params: { job: number }, body: {} });
  await render(worker, { "/out/1.png": "new" });
  const files = await archiveOf(broker, number);
  expect(files.get("1.png")?.toString()).toBe("new");
  expect(files.size).toBe(2);
});

test("results that were cleaned: the zip says so, and where they lie", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api, [{ frames: "1-2" }], { home: "pull" });
  const worker = await joinWorker(broker);
  await render(worker, { "/out/1.png": "one" });
  await render(worker, { "/out/2.png": "two" });
  await untilStored(broker, number);
  const { items } = await broker.api.ok("listArtifacts", { params: { job: number } });
  const gone = async (index: number) => {
    const sha256 = items[index]?.sha256 ?? "";
    await broker.broker.blobs.delete([sha256]);
    await broker.api.ok("doubtBlob", { params: { sha256 } });
  };
  await gone(0);
  const files = await archiveOf(broker, number);
  expect([...files.keys()].toSorted()).toEqual(["2.png", "manifest.json"]);
  expect(listOf(files).notKept).toMatchObject([{ home: "/out/1.png" }]);
  const body = { artifacts: items.map(({ id }) => id) };
  await broker.api.ok("markDelivered", { params: { job: number }, body });
  await gone(1);
  const refused = await broker.api.problem("getArchive", "cleaned", { params: { job: number } });
  expect(refused.detail).toContain("the first is /out/1.png");
});

test("whoever goes away half way is not read for any more, and memory stays flat", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api, [{ frames: "1" }], { home: "pull" });
  const worker = await joinWorker(broker);
  const held = await worker.work();
  const files = Array.from({ length: 6 }, (_, index) =>
    worker.stage(held, `f${index}`, randomBytes(8_000_000).toString("latin1"), `/out/${index}.bin`),
  );
  await worker.succeed(held, { files });
  await untilStored(broker, number);
  const before = process.memoryUsage().rss;
  const asked = get(`${broker.url}/v1/jobs/${number}/archive`, {
    headers: { authorization: `Bearer ${broker.adminToken}` },
  });
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  await once(answer, "data");
  answer.pause();
  // Nobody reads: the broker must not read on.
  for (let turn = 0; turn < 200; turn++)
    // oxlint-disable-next-line no-await-in-loop -- turns of the loop
    await new Promise((done) => setImmediate(done));
  expect(process.memoryUsage().rss - before).toBeLessThan(40_000_000);
  asked.destroy();
  await broker.api.ok("health", { token: null });
});

test.skipIf(!canListOpenFiles)("whoever goes away at any moment leaves no file open", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api, [{ frames: "1" }], { home: "pull" });
  const worker = await joinWorker(broker);
  const held = await worker.work();
  const files = [0, 1, 2].map((index) =>
    worker.stage(held, `f${index}`, `${index}`.repeat(2_000_000), `/out/${index}.bin`),
  );
  await worker.succeed(held, { files });
  await untilStored(broker, number);
  const blobs = join(broker.dataFolder, "blobs");
  const turn = () => new Promise((done) => setImmediate(done));
  for (let turns = 0; turns < 40; turns++) {
    // oxlint-disable no-await-in-loop -- a turn later each time
    const gone = new AbortController();
    const zip = writeArchive(broker.broker, await planArchive(broker.broker, number, {}), gone.signal);
    zip.resume();
    for (let waited = 0; waited < turns; waited++) await turn();
    gone.abort();
    // oxlint-enable no-await-in-loop
  }
  await expect.poll(() => openFilesBelow(blobs)).toEqual([]);
});

test("a result that moves into the store while the zip is made is found in the one place or the other", async () => {
  const { broker } = await testBroker();
  const sha256 = sha256Of("on its way");
  await broker.blobs.put(sha256, null, Readable.from([Buffer.from("on its way")]));
  const file = { id: 1, name: "/out/1.png", staged: join(broker.stagingFolder, "moved-away"), sha256 };
  expect(await text(await openResult(broker, file))).toBe("on its way");
});
