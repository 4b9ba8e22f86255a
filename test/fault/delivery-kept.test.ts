// Results that are kept, uploaded, pulled or below a shared root: what the broker does not bring home from its own staging.
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { ReportFile } from "../../broker/contract/worker.ts";
import { sha256Of } from "../support/blobs.ts";
import { submit, untilState } from "../support/builders.ts";
import { artifactsOf, render, shot, untilDelivered, untilStored } from "../support/delivery.ts";
import { failed, joinWorker, started, succeeded } from "../support/fake-worker.ts";
import { testBroker, testFolder } from "../support/start-broker.ts";

test("files of a frame that failed are kept, and never brought home by themselves", async () => {
  const broker = await testBroker();
  const { home, file, settings } = shot();
  const { number } = await submit(broker.api, [{ frames: "1" }], { ...settings, maxRetries: 0 });
  const worker = await joinWorker(broker);
  const held = await worker.work();
  const half = worker.stage(held, "0001.png", "half", file);
  const verdict = { ...failed(0), files: [half] };
  await worker.report(held, [started(0), verdict], { done: true });
  await untilState(broker.api, number, "failed");
  await untilStored(broker, number);
  const [artifact] = await artifactsOf(broker.api, number);
  expect(artifact).toMatchObject({
    name: file,
    state: "partial",
    kept: true,
    deliveredAt: null,
    problem: null,
  });
  expect(existsSync(home)).toBe(false);
  expect((await broker.api.raw("getBlob", { params: { sha256: half.sha256 } })).text).toBe("half");
  // Somebody may fetch it; it is no frame that came home.
  const body = { artifacts: [artifact?.id] };
  await broker.api.ok("markDelivered", { params: { job: number }, body });
  expect((await broker.api.ok("getJob", { params: { job: number } })).deliveredFiles).toBe(0);
});

test("files of a canceled frame are kept too", async () => {
  const broker = await testBroker();
  const { home, file, settings } = shot();
  const { number } = await submit(broker.api, [{ frames: "1" }], settings);
  const worker = await joinWorker(broker);
  const held = await worker.work();
  await worker.report(held, [started(0)]);
  const half = worker.stage(held, "0001.png", "half", file);
  await broker.api.ok("setJobIntent", { params: { job: number }, body: { intent: "cancel" } });
  await worker.report(held, [{ type: "canceled", ordinal: 0, logOffset: 0, files: [half] }], { done: true });
  await untilStored(broker, number);
  expect(await artifactsOf(broker.api, number)).toMatchObject([{ name: file, state: "partial", kept: true }]);
  expect(existsSync(home)).toBe(false);
});

test("a worker on another machine uploads first; the broker brings the frame home from its store", async () => {
  const broker = await testBroker();
  const { file, home, settings } = shot("run.sh");
  const { number } = await submit(broker.api, [{ frames: "1" }], settings);
  const worker = await joinWorker(broker);
  const held = await worker.work();
  const sent = { ...(await worker.upload(held, "a frame", file)), executable: true as const };
  await worker.succeed(held, { files: [sent] });
  await untilDelivered(broker.api, number);
  expect(readFileSync(file, "utf8")).toBe("a frame");
  expect(readdirSync(home)).toEqual(["run.sh"]);
  if (process.platform !== "win32") expect(statSync(file).mode & 0o111).not.toBe(0);
});

test("a worker dies between upload and commit: no result is left; one that reports what is not there leaves none either", async () => {
  const broker = await testBroker();
  const { file, settings } = shot();
  const { number } = await submit(broker.api, [{ frames: "1" }], settings);
  const worker = await joinWorker(broker);
  const held = await worker.work();
  const sent = await worker.upload(held, "a frame", file);
  const report = (files: ReportFile[]) => ({
    params: { lease: held.lease.leaseId },
    body: { token: held.lease.token, seq: 1, items: [started(0), succeeded(0, 1, files)], done: true },
  });
  const other = { ...sent, sha256: sha256Of("never sent") };
  await worker.api.problem("reportLease", "missing-blobs", report([sent, other]));
  await worker.api.problem("reportLease", "missing-blobs", report([{ ...sent, bytes: 8 }]));
  expect(await artifactsOf(broker.api, number)).toEqual([]);
  await worker.leave();
  expect(await artifactsOf(broker.api, number)).toEqual([]);
  await (await joinWorker(broker)).work();
});

test("pull: the broker leaves the files alone until somebody says that they are home; saying it twice counts once", async () => {
  const broker = await testBroker();
  const { file, home, settings } = shot();
  const { number } = await submit(broker.api, [{ frames: "1" }], { ...settings, home: "pull" });
  await render(await joinWorker(broker), file);
  await untilStored(broker, number);
  const [artifact] = await artifactsOf(broker.api, number);
  expect(artifact).toMatchObject({ name: file, kept: true, deliveredAt: null, problem: null });
  expect(existsSync(home)).toBe(false);
  const said = { params: { job: number }, body: { artifacts: [artifact?.id, artifact?.id, "fil_999", "x"] } };
  await broker.api.ok("markDelivered", said);
  await broker.api.ok("markDelivered", said);
  expect((await artifactsOf(broker.api, number))[0]?.deliveredAt).not.toBeNull();
  expect((await broker.api.ok("getJob", { params: { job: number } })).deliveredFiles).toBe(1);
  const { events } = await broker.api.ok("listEvents", { query: { after: 0, limit: 1000 } });
  expect(events.filter((event) => event.kind === "artifact.delivered")).toMatchObject([
    { state: "delivered", jobNumber: number, first: 0, data: { name: file, bytes: 7 } },
  ]);
});

test("a place below a shared root in another system's spelling is found on this one", async () => {
  const dataFolder = testFolder();
  const share = testFolder();
  const roots = `[{ name: show, windows: "P:\\\\", linux: "${share}", macos: "${share}" }]`;
  writeFileSync(join(dataFolder, "tally.yaml"), `sharedRoots: ${roots}\n`);
  const broker = await testBroker({ dataFolder });
  const { number } = await submit(broker.api, [{ frames: "1" }], { outputFolders: ["P:\\shot\\render"] });
  await render(await joinWorker(broker), "P:\\shot\\render\\0001.png");
  await untilDelivered(broker.api, number);
  expect(readFileSync(join(share, "shot", "render", "0001.png"), "utf8")).toBe("a frame");
});
