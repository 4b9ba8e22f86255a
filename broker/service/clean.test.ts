// Retention: what goes, what stays, and that nothing which is there points to bytes that are not.
import { randomBytes, randomUUID } from "node:crypto";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { maxSingleBytes } from "../contract/blob.ts";
import type { Job } from "../contract/job.ts";
import { sendBlob, sendManifest, sha256Of } from "../../test/support/blobs.ts";
import { submission, submit, taskStatesOf, untilState } from "../../test/support/builders.ts";
import { untilStored } from "../../test/support/delivery.ts";
import { createFakeClock, type FakeClock } from "../../test/support/fake-clock.ts";
import { joinWorker } from "../../test/support/fake-worker.ts";
import { testBroker, testFolder, type TestBroker } from "../../test/support/start-broker.ts";
import { letInputsGo, markInputsCleaned, nextHolder } from "../store/retention.ts";
import { createCleaner } from "./cleaner.ts";

const dayMs = 86_400_000;

/** A broker whose days go by as the test says; both its clocks and the files' own times are of now. */
async function brokerOfDays(config?: string): Promise<{ broker: TestBroker; clock: FakeClock }> {
  const clock = createFakeClock();
  const dataFolder = testFolder();
  if (config !== undefined) writeFileSync(join(dataFolder, "tally.yaml"), config);
  return { broker: await testBroker({ clock, dataFolder }), clock };
}

interface Made {
  job: Job;
  manifest: string;
}

/** A job with one input and one result that is (or is not) home. */
async function renderOne(
  broker: TestBroker,
  texture: string,
  result: string,
  isHome: boolean,
): Promise<Made> {
  const { api } = broker;
  const manifest = await sendManifest(api, { "/shot/texture.png": texture });
  const body = { ...submission([{ frames: "1" }], { home: "pull" }), manifest };
  const job = await api.ok("submitJob", { headers: { "idempotency-key": randomUUID() }, body });
  const worker = await joinWorker(broker, { name: randomUUID() });
  const held = await worker.work();
  await worker.succeed(held, { files: [worker.stage(held, "f", result, "/out/1.png")] });
  await worker.leave();
  await untilState(api, job.number, "succeeded");
  await untilStored(broker, job.number);
  if (isHome) {
    const { items } = await api.ok("listArtifacts", { params: { job: job.number } });
    await api.ok("markDelivered", {
      params: { job: job.number },
      body: { artifacts: items.map(({ id }) => id) },
    });
  }
  return { job, manifest: manifest.sha256 };
}

/** Which texts' bytes are on the disk; fails when a row points to bytes that are not there. */
function kept(broker: TestBroker, texts: readonly string[]): string[] {
  const folder = join(broker.dataFolder, "blobs");
  const onDisk = new Set(
    readdirSync(folder, { recursive: true, encoding: "utf8" }).map((path) => path.slice(3)),
  );
  const rows = broker.broker.reader
    .prepare("SELECT lower(hex(sha256)) FROM blobs WHERE dropped_at IS NULL")
    .pluck()
    .all() as string[];
  for (const sha256 of rows) expect(onDisk.has(sha256), `the bytes of ${sha256}`).toBe(true);
  return texts.filter((text) => onDisk.has(sha256Of(text)));
}

test("a dry run counts and removes nothing; it is what is asked for unless one says otherwise", async () => {
  const { broker, clock } = await brokerOfDays();
  await renderOne(broker, "texture", "result", true);
  clock.advance(8 * dayMs);
  const said = await broker.api.ok("clean", { body: {} });
  expect(said).toEqual({
    dryRun: true,
    results: { files: 1, bytes: 6 },
    undelivered: { files: 0, bytes: 0 },
    previews: { files: 0, bytes: 0 },
    inputs: { files: 0, bytes: 0 },
    orphans: { files: 0, bytes: 0 },
    later: { files: 0, bytes: 0 },
    uploads: 0,
  });
  expect(kept(broker, ["texture", "result"])).toEqual(["texture", "result"]);
});

test("results that are home go after their days, inputs after theirs, results that never came home stay", async () => {
  const { broker, clock } = await brokerOfDays();
  const { api } = broker;
  const home = await renderOne(broker, "one", "home", true);
  await renderOne(broker, "two", "away", false);
  const texts = ["one", "two", "home", "away"];
  clock.advance(6 * dayMs);
  const none = await api.ok("clean", { body: { dryRun: false } });
  expect([none.results.files, none.inputs.files, none.orphans.files]).toEqual([0, 0, 0]);
  clock.advance(2 * dayMs);
  expect((await api.ok("clean", { body: { dryRun: false } })).results).toEqual({ files: 1, bytes: 4 });
  expect(kept(broker, texts)).toEqual(["one", "two", "away"]);
  const [gone] = (await api.ok("listArtifacts", { params: { job: home.job.number } })).items;
  expect(gone).toMatchObject({ kept: false, name: "/out/1.png" });
  expect(gone?.deliveredAt).not.toBeNull();
  // A requeue is still possible: the inputs are here.
  clock.advance(30 * dayMs);
  const counted = await api.ok("clean", { body: {} });
  const removed = await api.ok("clean", { body: { dryRun: false } });
  expect(removed).toEqual({ ...counted, dryRun: false });
  expect(removed.inputs.files, "two textures and two lists").toBe(4);
  expect(kept(broker, texts)).toEqual(["away"]);
  const cleaned = await api.problem("requeueTasks", "cleaned", {
    params: { job: home.job.number },
    body: {},
  });
  expect(cleaned.detail).toContain("Submit it again");
  await api.problem("getManifest", "cleaned", { params: { job: home.job.number } });
  const last = await api.ok("clean", { body: { dryRun: false, undeliveredDays: 1 } });
  expect(last.undelivered).toEqual({ files: 1, bytes: 4 });
  expect(kept(broker, texts)).toEqual([]);
});

test("a result that was left out because a file was there never came home: it stays", async () => {
  const { broker, clock } = await brokerOfDays();
  const { api } = broker;
  const { job } = await renderOne(broker, "texture", "result", false);
  const { items } = await api.ok("listArtifacts", { params: { job: job.number } });
  const body = { artifacts: [], leftOut: items.map(({ id }) => id) };
  await api.ok("markDelivered", { params: { job: job.number }, body });
  clock.advance(8 * dayMs);
  expect((await api.ok("clean", { body: { dryRun: false } })).results.files).toBe(0);
  expect(kept(broker, ["result"])).toEqual(["result"]);
  const asked = await api.ok("clean", { body: { dryRun: false, undeliveredDays: 7 } });
  expect(asked.undelivered.files).toBe(1);
  expect(kept(broker, ["result"])).toEqual([]);
});

test("bytes that another job still needs stay, whoever else lets them go", async () => {
  const { broker, clock } = await brokerOfDays();
  const { api } = broker;
  await renderOne(broker, "shared", "first", true);
  clock.advance(31 * dayMs);
  await renderOne(broker, "shared", "second", true);
  const removed = await api.ok("clean", { body: { dryRun: false } });
  expect(removed.inputs.files, "both jobs have one list, for they have the same files").toBe(0);
  expect(kept(broker, ["shared", "first", "second"])).toEqual(["shared", "second"]);
});

test("a job that is rendered again keeps its inputs, however old it is", async () => {
  const { broker, clock } = await brokerOfDays();
  const { job } = await renderOne(broker, "texture", "result", true);
  clock.advance(100 * dayMs);
  await broker.api.ok("requeueTasks", { params: { job: job.number }, body: {} });
  await broker.api.ok("clean", { body: { dryRun: false } });
  expect(kept(broker, ["texture", "result"])).toEqual(["texture", "result"]);
});

test("bytes that no job came to need go after a day, unfinished uploads too; what is asked for stays", async () => {
  const { broker, clock } = await brokerOfDays();
  const { api } = broker;
  const [left, asked] = [await sendBlob(api, "left"), await sendBlob(api, "asked for")];
  const part = randomBytes(maxSingleBytes + 1);
  await api.ok("startUpload", { body: { sha256: sha256Of(part), bytes: part.length } });
  expect((await api.ok("clean", { body: { dryRun: false } })).orphans.files).toBe(0);
  clock.advance(dayMs + 1);
  await api.ok("findMissingBlobs", { body: { blobs: [asked] } });
  const counted = await api.ok("clean", { body: {} });
  expect([counted.orphans, counted.uploads]).toEqual([{ files: 1, bytes: left.bytes }, 1]);
  expect(await api.ok("clean", { body: { dryRun: false } })).toEqual({ ...counted, dryRun: false });
  expect(kept(broker, ["left", "asked for"])).toEqual(["asked for"]);
});

test("stored bytes without a row, as a broker leaves them that dies in between, go too", async () => {
  const { broker, clock } = await brokerOfDays();
  await broker.broker.blobs.putMany([{ sha256: sha256Of("stray"), data: Buffer.from("stray") }]);
  await sendBlob(broker.api, "known");
  expect((await broker.api.ok("clean", { body: { dryRun: false } })).orphans.files).toBe(0);
  // The store goes by the file's own time, which is of now.
  clock.setWall(Date.now() + 2 * dayMs - clock.now());
  await broker.api.ok("findMissingBlobs", {
    body: { blobs: [{ sha256: sha256Of("known"), bytes: 5 }] },
  });
  const { orphans } = await broker.api.ok("clean", { body: { dryRun: false } });
  expect(orphans).toEqual({ files: 1, bytes: 5 });
  expect(kept(broker, ["stray", "known"])).toEqual(["known"]);
});

test("one job alone: all its bytes go at once, those that others need stay; a job that is not over is left", async () => {
  const { broker } = await brokerOfDays();
  const { api } = broker;
  const first = await renderOne(broker, "shared", "mine", false);
  await renderOne(broker, "shared", "theirs", false);
  const running = await api.ok("submitJob", {
    headers: { "idempotency-key": randomUUID() },
    body: submission(),
  });
  const refused = await api.problem("clean", "illegal-transition", {
    body: { dryRun: false, job: String(running.number) },
  });
  expect(refused.detail).toContain(`tally cancel ${running.number}`);
  await api.problem("clean", "not-found", { body: { job: "999" } });
  const counted = await api.ok("clean", { body: { job: String(first.job.number) } });
  expect([counted.undelivered.files, counted.orphans.files]).toEqual([1, 0]);
  const removed = await api.ok("clean", { body: { dryRun: false, job: String(first.job.number) } });
  expect(removed).toEqual({ ...counted, dryRun: false });
  expect(kept(broker, ["shared", "mine", "theirs"])).toEqual(["shared", "theirs"]);
});

test("a job of many results is cleaned in slices, each result once", async () => {
  const { broker } = await brokerOfDays();
  const { api } = broker;
  const { job } = await renderOne(broker, "texture", "theirs", false);
  await submit(api, [{ frames: "1" }], { home: "pull" });
  const worker = await joinWorker(broker);
  const held = await worker.work();
  const one = await worker.upload(held, "black", "/out/0.png");
  const files = Array.from({ length: 4500 }, (_, index) => ({ ...one, name: `/out/${index}.png` }));
  await worker.succeed(held, { files });
  await untilState(api, job.number + 1, "succeeded");
  const body = { job: String(job.number + 1) };
  const said = await api.ok("clean", { body });
  expect(said.undelivered, "they have the same bytes, which are stored once").toEqual({ files: 1, bytes: 5 });
  const removed = await api.ok("clean", { body: { ...body, dryRun: false } });
  expect(removed).toEqual({ ...said, dryRun: false });
  expect(kept(broker, ["black", "theirs"])).toEqual(["theirs"]);
  const left = broker.broker.rows.get(
    "SELECT count(*) AS count FROM artifacts WHERE job_id = ? AND (blob_id IS NOT NULL OR cleaned_at IS NULL)",
    job.number + 1,
  );
  expect(left).toEqual({ count: 0 });
});

test("what was used today is let go, said apart, and leaves the disk a day later, or at once with its job", async () => {
  const { broker, clock } = await brokerOfDays();
  const { api } = broker;
  const texts = ["one", "home one", "two", "home two"];
  const first = await renderOne(broker, "one", "home one", true);
  const second = await renderOne(broker, "two", "home two", true);
  clock.advance(31 * dayMs);
  const asked = texts.map((text) => ({ sha256: sha256Of(text), bytes: text.length }));
  await api.ok("findMissingBlobs", { body: { blobs: asked } });
  const said = await api.ok("clean", { body: {} });
  expect(said).toMatchObject({ results: { files: 0 }, inputs: { files: 2 }, later: { files: 4, bytes: 22 } });
  expect(await api.ok("clean", { body: { dryRun: false } })).toEqual({ ...said, dryRun: false });
  expect(kept(broker, texts), "the two lists are gone").toEqual(texts);
  const params = { params: { job: first.job.number }, body: {} };
  await api.problem("requeueTasks", "cleaned", params);

  const body = { job: String(first.job.number) };
  const mine = await api.ok("clean", { body });
  expect(mine).toMatchObject({ results: { files: 1, bytes: 8 }, inputs: { files: 1, bytes: 3 } });
  expect(await api.ok("clean", { body: { ...body, dryRun: false } })).toEqual({ ...mine, dryRun: false });
  expect(kept(broker, texts)).toEqual(["two", "home two"]);

  clock.advance(dayMs + 1);
  const rest = await api.ok("clean", { body: {} });
  expect([rest.inputs.files + rest.orphans.files, rest.later.files]).toEqual([2, 0]);
  expect(await api.ok("clean", { body: { dryRun: false } })).toEqual({ ...rest, dryRun: false });
  expect(kept(broker, texts)).toEqual([]);
  expect(second.job.number).toBeGreaterThan(first.job.number);
});

test("stored bytes without a row are in a dry run too, unless the store is not to be looked through", async () => {
  const { broker, clock } = await brokerOfDays();
  await broker.broker.blobs.putMany([{ sha256: sha256Of("stray"), data: Buffer.from("stray") }]);
  // The store goes by the file's own time, which is of now.
  clock.setWall(Date.now() + 2 * dayMs - clock.now());
  const clean = (body: object) => broker.api.ok("clean", { body });
  expect((await clean({ strays: false })).orphans.files).toBe(0);
  expect((await clean({ strays: false, dryRun: false })).orphans.files).toBe(0);
  const said = await clean({});
  expect(said.orphans).toEqual({ files: 1, bytes: 5 });
  expect(await clean({ dryRun: false })).toEqual({ ...said, dryRun: false });
  expect(kept(broker, ["stray"])).toEqual([]);
});

test("a cleaning that broke off half way through a job's inputs is ended by the next one", async () => {
  const { broker, clock } = await brokerOfDays();
  const { api } = broker;
  const { job } = await renderOne(broker, "texture", "result", true);
  clock.advance(31 * dayMs);
  await broker.broker.writer.write((tx) => markInputsCleaned(tx, job.number));
  const counted = await api.ok("clean", { body: {} });
  expect(counted.inputs.files).toBe(2);
  expect(await api.ok("clean", { body: { dryRun: false } })).toEqual({ ...counted, dryRun: false });
  expect(kept(broker, ["texture", "result"])).toEqual([]);
});

test("a job whose inputs go at the moment of its requeue is not rendered again without them", async () => {
  const { broker } = await brokerOfDays();
  const { writer } = broker.broker;
  const { job } = await renderOne(broker, "texture", "result", true);
  const cleaned = Promise.withResolvers<void>();
  let isFirst = true;
  // Right after the requeue's first change, ahead of its second.
  writer.onCommit(() => {
    if (!isFirst) return;
    isFirst = false;
    const change = writer.write((tx) => {
      expect(nextHolder(tx, 0, tx.now + 1, job.number)).toBe(job.number);
      markInputsCleaned(tx, job.number);
      letInputsGo(tx, job.number, 0, 100);
    });
    change.then(cleaned.resolve, cleaned.reject);
  });
  await broker.api.problem("requeueTasks", "cleaned", { params: { job: job.number }, body: {} });
  await cleaned.promise;
  expect(await taskStatesOf(broker.api, job.number)).toEqual(["succeeded"]);
});

test("an upload that takes days is left alone as long as somebody goes on with it", async () => {
  const { broker, clock } = await brokerOfDays();
  const { api } = broker;
  const large = { sha256: sha256Of("large"), bytes: maxSingleBytes + 1 };
  const begun = await api.ok("startUpload", { body: large });
  // The store goes by its own clock.
  clock.setWall(Date.now() + 2 * dayMs - clock.now());
  expect(await api.ok("startUpload", { body: large })).toEqual(begun);
  expect((await api.ok("clean", { body: { dryRun: false } })).uploads).toBe(0);
  expect(await api.ok("startUpload", { body: large })).toEqual(begun);
});

test("while bytes go, the same bytes come again: afterwards they are there", async () => {
  const { broker, clock } = await brokerOfDays();
  const { api } = broker;
  const texts = Array.from({ length: 60 }, (_, index) => `blob ${index}`);
  for (let round = 0; round < 3; round++) {
    // oxlint-disable no-await-in-loop -- rounds
    for (const text of texts) await sendBlob(api, text);
    clock.advance(2 * dayMs);
    await Promise.all([
      api.ok("clean", { body: { dryRun: false } }),
      ...texts.filter((_, index) => index % 2 === 0).map((text) => sendBlob(api, text)),
    ]);
    const there = kept(broker, texts);
    for (const [index, text] of texts.entries())
      if (index % 2 === 0) expect(there, `round ${round}`).toContain(text);
    // oxlint-enable no-await-in-loop
  }
});

test("it is looked after by itself, every so many hours however often the broker starts", async () => {
  const { broker, clock } = await brokerOfDays("retention: { everyHours: 0 }\n");
  await renderOne(broker, "texture", "result", true);
  const days = { everyHours: 24, deliveredDays: 1, inputDays: null };
  const done: number[] = [];
  const cleaner = () =>
    createCleaner(
      broker.broker,
      days,
      ({ results }) => done.push(results.files),
      (error) => expect.unreachable(String(error)),
    );
  const look = async () => {
    const one = cleaner();
    await one.look();
    await one.stop();
  };
  await look();
  clock.advance(dayMs + 1000);
  await look();
  await look();
  expect(done).toEqual([1]);
  clock.advance(dayMs + 1000);
  await look();
  expect(done).toEqual([1, 0]);
  expect(kept(broker, ["texture", "result"])).toEqual(["texture"]);
});

test("two brokers on one store: the one that does not own it removes nothing, and says so", async () => {
  const { broker, clock } = await brokerOfDays();
  const other = await testBroker({ clock, configFile: storeIn(join(broker.dataFolder, "blobs")) });
  await broker.api.ok("clean", { body: { dryRun: false } });
  await sendBlob(broker.api, "needed there");
  await sendBlob(other.api, "needed there");
  clock.setWall(Date.now() + 2 * dayMs - clock.now());
  await other.api.problem("clean", "conflict", { body: { dryRun: false } });
  expect(await broker.broker.blobs.head(sha256Of("needed there"))).toBe("needed there".length);
});

/** A tally.yaml whose storage is that folder. */
function storeIn(folder: string): string {
  const file = join(testFolder(), "tally.yaml");
  writeFileSync(file, `storage: { kind: folder, folder: ${JSON.stringify(folder)} }\n`);
  return file;
}
