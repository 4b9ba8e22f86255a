// Small pictures of results: who may bring one, of what, and that they are results of nobody.
import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import type { Artifact } from "../../broker/contract/attempt.ts";
import { maxPreviewBytes } from "../../broker/contract/blob.ts";
import { addPreview } from "../../broker/service/add-preview.ts";
import { sha256Of } from "../support/blobs.ts";
import { submit, untilState } from "../support/builders.ts";
import { artifactsOf, shot, untilDelivered, untilStored } from "../support/delivery.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { joinWorker, leaseHeaders, type FakeWorker, type Held } from "../support/fake-worker.ts";
import { testBroker, type TestBroker } from "../support/start-broker.ts";

/** A picture as far as anybody looks: its first bytes. */
const jpeg = (text: string): string => `\xff\xd8\xff${text}`;
const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text, "latin1"));

async function rendered(
  broker: TestBroker,
  text = "a frame",
  settings: object = {},
): Promise<{
  number: number;
  worker: FakeWorker;
  held: Held;
  attempt: string;
  sha256: string;
  file: string;
}> {
  const { file, settings: own } = shot("0001.exr");
  const { number } = await submit(broker.api, [{ frames: "1" }], { ...own, ...settings });
  const worker = await joinWorker(broker);
  const held = await worker.work();
  const staged = worker.stage(held, "0001.exr", text, file);
  await worker.succeed(held, { files: [staged] });
  const attempt = held.lease.tasks[0]?.attemptId ?? "";
  return { number, worker, held, attempt, sha256: staged.sha256, file };
}

const asked = (attempt: string, sha256: string, held: Held, text: string) => ({
  params: { attempt, sha256 },
  headers: leaseHeaders(held),
  bytes: bytesOf(text),
});

async function all(broker: TestBroker, job: number, kind: "preview" | "any" = "any"): Promise<Artifact[]> {
  return (await broker.api.ok("listArtifacts", { params: { job }, query: { kind } })).items;
}

test("a preview comes after the frame is done and its lease closed; the feed's history tells it, files are listed without it", async () => {
  const broker = await testBroker();
  const { number, worker, held, attempt, sha256, file } = await rendered(broker);
  await untilState(broker.api, number, "succeeded");
  await worker.api.ok("putPreview", asked(attempt, sha256, held, jpeg("small")));
  const [kept, preview] = await all(broker, number);
  expect(kept).toMatchObject({ kind: "file", of: null, name: file });
  expect(preview).toMatchObject({
    kind: "preview",
    of: kept?.id,
    attemptId: attempt,
    ordinal: 0,
    frame: "1",
    name: file,
    sha256: sha256Of(bytesOf(jpeg("small"))),
    bytes: 8,
    state: "current",
    kept: true,
    deliveredAt: null,
  });
  expect(await all(broker, number, "preview")).toHaveLength(1);
  expect(await artifactsOf(broker.api, number)).toHaveLength(1);
  const { events } = await broker.api.ok("listEvents", { query: { after: 0, limit: 1000 } });
  expect(events.filter(({ kind }) => kind === "artifact.previewed")).toMatchObject([
    {
      jobNumber: number,
      first: 0,
      last: 0,
      state: null,
      data: { name: file, attempt, artifacts: [preview?.id], sha256: preview?.sha256, bytes: 8 },
    },
  ]);
  const shown = await broker.api.raw("getBlob", { params: { sha256: preview?.sha256 ?? "" } });
  expect(shown.status).toBe(200);
});

test("the first preview of a file stays; two files of the same bytes share one", async () => {
  const broker = await testBroker();
  const { file, settings } = shot("left.png");
  const { number } = await submit(broker.api, [{ frames: "1" }], settings);
  const worker = await joinWorker(broker);
  const held = await worker.work();
  const left = worker.stage(held, "left.png", "both eyes", file);
  const right = worker.stage(held, "right.png", "both eyes", file.replace("left", "right"));
  await worker.succeed(held, { files: [left, right] });
  const attempt = held.lease.tasks[0]?.attemptId ?? "";
  await worker.api.ok("putPreview", asked(attempt, left.sha256, held, jpeg("first")));
  await worker.api.ok("putPreview", asked(attempt, left.sha256, held, jpeg("second")));
  const previews = await all(broker, number, "preview");
  expect(previews.map(({ name }) => name)).toEqual([left.name, right.name]);
  expect(new Set(previews.map(({ sha256 }) => sha256))).toEqual(new Set([sha256Of(bytesOf(jpeg("first")))]));
});

test("only the worker of the try may bring it, with the right of that lease", async () => {
  const broker = await testBroker();
  const { worker, held, attempt, sha256, number } = await rendered(broker);
  const good = asked(attempt, sha256, held, jpeg("small"));
  const stranger = await joinWorker(broker, { name: "another" });
  await stranger.api.problem("putPreview", "lease-lost", good);
  const none = { params: good.params, bytes: good.bytes };
  await worker.api.problem("putPreview", "lease-lost", none);
  const forged = { ...good, headers: { ...good.headers, "tally-lease-token": "x" } };
  await worker.api.problem("putPreview", "lease-lost", forged);
  const other = await rendered(broker, "another frame");
  const foreign = { ...good, headers: leaseHeaders(other.held) };
  await other.worker.api.problem("putPreview", "lease-lost", foreign);
  await broker.api.problem("putPreview", "forbidden", good);
  expect(await all(broker, number, "preview")).toEqual([]);
});

test("what was not made by the try, is too large or is no picture is refused, and nothing is kept of it", async () => {
  const broker = await testBroker();
  const { worker, held, attempt, sha256, number } = await rendered(broker);
  const ask = (text: string, hash = sha256, of = attempt) => asked(of, hash, held, text);
  await worker.api.problem("putPreview", "not-found", ask(jpeg("small"), sha256Of("never made")));
  await worker.api.problem("putPreview", "not-found", ask(jpeg("small"), sha256, "att_999"));
  await worker.api.problem("putPreview", "not-found", ask(jpeg("small"), sha256, "x"));
  await worker.api.problem("putPreview", "malformed", ask(jpeg("small"), "no hash"));
  await worker.api.problem("putPreview", "too-large", ask(jpeg("x".repeat(maxPreviewBytes))));
  await worker.api.problem("putPreview", "invalid", ask("<script>alert(1)</script>"));
  await worker.api.problem("putPreview", "invalid", ask(""));
  await worker.api.ok("putPreview", ask("RIFF....WEBPVP8 "));
  expect(await all(broker, number, "preview")).toHaveLength(1);
});

test("a preview is no result: it does not come home, is in no zip, counts as no file, and saying that it is home changes nothing", async () => {
  const broker = await testBroker();
  const { worker, held, attempt, sha256, number, file } = await rendered(broker);
  await untilDelivered(broker.api, number);
  await worker.api.ok("putPreview", asked(attempt, sha256, held, jpeg("small")));
  const [preview] = await all(broker, number, "preview");
  expect(readFileSync(file, "utf8")).toBe("a frame");
  await broker.api.ok("markDelivered", { params: { job: number }, body: { artifacts: [preview?.id] } });
  expect((await broker.api.ok("getJob", { params: { job: number } })).deliveredFiles).toBe(1);
  expect((await all(broker, number, "preview"))[0]?.deliveredAt).toBeNull();
  await untilStored(broker, number);
  const zip = await broker.api.raw("getArchive", { params: { job: number } });
  expect(zip.text).toContain("a frame");
  expect(zip.text).not.toContain("small");
  const list = zip.text.slice(zip.text.indexOf('{"job"'));
  expect(list.match(/"home":/g)).toHaveLength(1);
});

test("a frame that is rendered again has the preview of its new picture as the one that counts", async () => {
  const broker = await testBroker();
  const { worker, held, attempt, sha256, number, file } = await rendered(broker);
  await worker.api.ok("putPreview", asked(attempt, sha256, held, jpeg("old")));
  await broker.api.ok("requeueTasks", { params: { job: number }, body: {} });
  const again = await worker.work();
  const staged = worker.stage(again, "0001.exr", "a better frame", file);
  await worker.succeed(again, { files: [staged] });
  const second = again.lease.tasks[0]?.attemptId ?? "";
  await worker.api.ok("putPreview", asked(second, staged.sha256, again, jpeg("new")));
  const states = (await all(broker, number)).map(({ kind, state, generation }) => [kind, generation, state]);
  expect(states).toEqual([
    ["file", 1, "replaced"],
    ["preview", 1, "replaced"],
    ["file", 2, "current"],
    ["preview", 2, "current"],
  ]);
});

test("a job's picture is of the first file that has one, of a try that counts, and the newest", async () => {
  const broker = await testBroker();
  const { file, settings } = shot("0001.exr");
  const { number } = await submit(broker.api, [{ frames: "1-2" }], settings);
  const worker = await joinWorker(broker);
  const picture = async () => (await broker.api.ok("getJob", { params: { job: number } })).picture;
  const hashOf = (text: string) => sha256Of(bytesOf(jpeg(text)));
  const renderOne = async (name: string) => {
    const held = await worker.work();
    const [notes, beauty, depth] = ["notes.json", "beauty.exr", "depth.exr"].map((one) =>
      worker.stage(held, one, `${one} of ${name}`, file.replace("0001.exr", `${name}_${one}`)),
    );
    if (!notes || !beauty || !depth) throw new Error("no files");
    await worker.succeed(held, { files: [notes, beauty, depth] });
    const bring = (of: typeof beauty, text: string) =>
      worker.api.ok("putPreview", asked(held.lease.tasks[0]?.attemptId ?? "", of.sha256, held, jpeg(text)));
    return { beauty: () => bring(beauty, `${name} beauty`), depth: () => bring(depth, `${name} depth`) };
  };
  expect(await picture()).toBeNull();
  const first = await renderOne("a");
  await first.beauty();
  await first.depth();
  expect(await picture()).toBe(hashOf("a beauty"));
  await broker.api.ok("requeueTasks", { params: { job: number }, body: { frames: "1" } });
  const second = await renderOne("b");
  await broker.api.ok("requeueTasks", { params: { job: number }, body: { frames: "1" } });
  const third = await renderOne("c");
  await third.beauty();
  expect(await picture()).toBe(hashOf("c beauty"));
  // Of a frame that has a newer result an older one may still come.
  await second.beauty();
  expect(await picture()).toBe(hashOf("c beauty"));
});

test("previews go with the input files of a job that ended long ago; the picture of a copy that was cleaned is still seen", async () => {
  const clock = createFakeClock();
  const broker = await testBroker({ clock });
  const { worker, held, attempt, sha256, number } = await rendered(broker);
  await untilDelivered(broker.api, number);
  await untilStored(broker, number);
  await worker.api.ok("putPreview", asked(attempt, sha256, held, jpeg("small")));
  clock.advance(8 * 86_400_000);
  const week = await broker.api.ok("clean", { body: { dryRun: false } });
  expect(week).toMatchObject({ results: { files: 1 }, previews: { files: 0 } });
  expect((await all(broker, number)).map(({ kind, kept }) => [kind, kept])).toEqual([
    ["file", false],
    ["preview", true],
  ]);
  clock.advance(30 * 86_400_000);
  expect(await broker.api.ok("clean", { body: { dryRun: true } })).toMatchObject({
    previews: { files: 1, bytes: 8 },
  });
  expect(await broker.api.ok("clean", { body: { dryRun: false } })).toMatchObject({ previews: { files: 1 } });
  expect((await all(broker, number)).map(({ kept }) => kept)).toEqual([false, false]);
});

test("a job whose previews were cleaned names no picture that is gone", async () => {
  const broker = await testBroker();
  const { worker, held, attempt, sha256, number } = await rendered(broker);
  await untilState(broker.api, number, "succeeded");
  await worker.api.ok("putPreview", asked(attempt, sha256, held, jpeg("small")));
  const { picture } = await broker.api.ok("getJob", { params: { job: number } });
  expect(picture).toBe(sha256Of(bytesOf(jpeg("small"))));
  await broker.api.ok("clean", { body: { dryRun: true, job: String(number) } });
  expect((await broker.api.ok("getJob", { params: { job: number } })).picture).toBe(picture);
  await broker.api.ok("clean", { body: { dryRun: false, job: String(number) } });
  expect((await broker.api.ok("getJob", { params: { job: number } })).picture).toBeNull();
});

test("a preview whose bytes another job just gave up, between being stored and being noted, is really here", async () => {
  const broker = await testBroker();
  const first = await rendered(broker);
  const second = await rendered(broker, "another frame");
  await untilState(broker.api, second.number, "succeeded");
  const text = jpeg("both are black");
  await first.worker.api.ok("putPreview", asked(first.attempt, first.sha256, first.held, text));
  // The worst moment, made to come: all is cleaned of the first job as soon as the bytes of the second count as stored.
  const { guard } = broker.broker;
  const adding: typeof guard.adding = async (sha256s, add) => {
    const added = await guard.adding(sha256s, add);
    await broker.api.ok("clean", { body: { dryRun: false, job: String(first.number) } });
    return added;
  };
  const who = { tokenId: 0, role: "worker" as const, name: "" };
  const row = broker.broker.rows.get<{ tokenId: number }>(
    "SELECT token_id AS tokenId FROM workers WHERE id = ?",
    Number(second.worker.id.replace("wrk_", "")),
  );
  await addPreview(
    { ...broker.broker, guard: { ...guard, adding } },
    { ...who, tokenId: row?.tokenId ?? 0 },
    leaseHeaders(second.held),
    second.attempt,
    second.sha256,
    Readable.from([bytesOf(text)]),
  );
  const [preview] = await all(broker, second.number, "preview");
  expect(preview?.kept).toBe(true);
  const shown = await broker.api.raw("getBlob", { params: { sha256: preview?.sha256 ?? "" } });
  expect(shown.status).toBe(200);
});
