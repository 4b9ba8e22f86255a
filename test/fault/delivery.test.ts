// Frames on their way home: whole or not at all, where they belong and nowhere else, whatever happens on the way.
import { execFileSync, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { blobPath } from "../../broker/blob/folder.ts";
import { bringHome } from "../../broker/home/bring-home.ts";
import { pendingArtifacts } from "../../broker/store/artifacts.ts";
import { sha256Of } from "../support/blobs.ts";
import { submit, until, untilState } from "../support/builders.ts";
import {
  artifactsOf,
  render,
  shot,
  untilDelivered,
  untilProblem,
  untilStored,
  type Shot,
} from "../support/delivery.ts";
import { joinWorker, started, succeeded } from "../support/fake-worker.ts";
import { openBroker, testBroker, testFolder } from "../support/start-broker.ts";
import { storedIn } from "../support/unchanged.ts";

test("a frame comes home whole, and the broker keeps one copy", async () => {
  const broker = await testBroker();
  const { home, file, settings } = shot();
  const { number } = await submit(broker.api, [{ frames: "1" }], settings);
  const { file: staged } = await render(await joinWorker(broker), file);
  const [artifact] = await untilDelivered(broker.api, number);
  expect(artifact).toMatchObject({ name: file, bytes: 7, problem: null });
  expect(readFileSync(file, "utf8")).toBe("a frame");
  expect(readdirSync(home)).toEqual(["0001.png"]);
  expect((await untilState(broker.api, number, "succeeded")).deliveredFiles).toBe(1);
  const { items } = await broker.api.ok("listTasks", { params: { job: number } });
  expect(items[0]?.files).toEqual([file]);
  await untilStored(broker, number);
  expect(existsSync(staged.path)).toBe(false);
  const [kept] = await artifactsOf(broker.api, number);
  expect(kept).toMatchObject({ kept: true, state: "current", outside: false, frame: "1", generation: 1 });
  // Blender overwrites in place: what it changes at home must not change the copy.
  writeFileSync(file, "painted over");
  const blob = await broker.api.raw("getBlob", { params: { sha256: staged.sha256 } });
  expect(blob.text).toBe("a frame");
});

test.each([
  ["overwrite", "the new one"],
  ["skip", "an older one"],
] as const)("a file that is there already: %s", async (conflict, expected) => {
  const broker = await testBroker();
  const { home, file, settings } = shot();
  mkdirSync(home, { recursive: true });
  writeFileSync(file, "an older one");
  const { number } = await submit(broker.api, [{ frames: "1" }], { ...settings, conflict });
  await render(await joinWorker(broker), file, "the new one");
  const [artifact] = await untilDelivered(broker.api, number);
  expect(readFileSync(file, "utf8")).toBe(expected);
  // What was left out is not told as delivered.
  const { deliveredFiles } = await broker.api.ok("getJob", { params: { job: number } });
  expect([deliveredFiles, artifact?.problem === null]).toEqual(conflict === "skip" ? [0, false] : [1, true]);
  expect(readdirSync(home)).toEqual(["0001.png"]);
});

test("a folder that cannot be made is told in a sentence, and the frame comes home once it can", async () => {
  const broker = await testBroker();
  const { home, file, settings } = shot();
  writeFileSync(home, "a file in the way");
  const { number } = await submit(broker.api, [{ frames: "1" }], settings);
  await render(await joinWorker(broker), file);
  const told = await untilProblem(broker.api, number);
  expect(told?.problem).toContain(
    `${file} could not be put in its place: a file stands where its folder should be.`,
  );
  // The frame itself is done all the same.
  expect((await untilState(broker.api, number, "succeeded")).deliveredFiles).toBe(0);
  rmSync(home);
  broker.broker.wake.deliveries();
  await untilDelivered(broker.api, number);
  expect(readFileSync(file, "utf8")).toBe("a frame");
});

test("a name outside the job's folders is not touched; the frame is kept where it is", async () => {
  const broker = await testBroker();
  const { home, settings } = shot();
  const worker = await joinWorker(broker);
  for (const name of [
    join(dirname(home), "elsewhere.png"),
    `${home}-other/0001.png`,
    `${home}/../elsewhere.png`,
    "relative.png",
  ]) {
    // oxlint-disable no-await-in-loop -- one job after the other
    const { number } = await submit(broker.api, [{ frames: "1" }], settings);
    await render(worker, name);
    const told = await untilProblem(broker.api, number);
    expect(told?.problem).toContain("outside the folders that this job may write to");
    expect(told).toMatchObject({ deliveredAt: null, outside: true, kept: true });
    const query = { troubled: true };
    const { items } = await broker.api.ok("listArtifacts", { params: { job: number }, query });
    expect(items).toEqual([told]);
    await untilState(broker.api, number, "succeeded");
    await untilStored(broker, number);
    const blob = await broker.api.raw("getBlob", { params: { sha256: sha256Of("a frame") } });
    expect(blob.text).toBe("a frame");
    // oxlint-enable no-await-in-loop
  }
  expect(existsSync(join(dirname(home), "elsewhere.png"))).toBe(false);
  expect(existsSync(home)).toBe(false);
});

test("a file that is not in the folder of its lease is refused, and nothing is stored", async () => {
  const broker = await testBroker();
  const { file, settings } = shot();
  await submit(broker.api, [{ frames: "1-2" }], settings);
  const [one, two] = [await joinWorker(broker), await joinWorker(broker, { name: "b" })];
  const [held, other] = [await one.work(), await two.work()];
  const foreign = two.stage(other, "x.png", "x", file);
  const own = one.stage(held, "x.png", "x", file);
  const before = storedIn(broker);
  const send = (path: string) =>
    one.api.problem("reportLease", "invalid", {
      params: { lease: held.lease.leaseId },
      body: {
        token: held.lease.token,
        seq: 1,
        items: [started(0), succeeded(0, 1, [{ ...own, path }])],
        done: true,
      },
    });
  await send("/etc/passwd");
  await send(foreign.path);
  await send(join(dirname(own.path), "..", other.lease.leaseId, "x.png"));
  await send(`${dirname(own.path)}/../../secret.json`);
  await send("x.png");
  expect(storedIn(broker)).toEqual(before);
  await one.succeed(held, { files: [own] });
});

test("an older generation never overwrites a newer one", async () => {
  const broker = await testBroker();
  const { home, file, settings } = shot();
  writeFileSync(home, "in the way, so that the first stays behind");
  const { number } = await submit(broker.api, [{ frames: "1" }], settings);
  const worker = await joinWorker(broker);
  await render(worker, file, "the old one");
  await untilProblem(broker.api, number);
  await broker.api.ok("requeueTasks", { params: { job: number }, body: {} });
  await render(worker, file, "the new one");
  rmSync(home);
  broker.broker.wake.deliveries();
  const [old] = await untilDelivered(broker.api, number, 2);
  expect(readFileSync(file, "utf8")).toBe("the new one");
  expect(old?.problem).toContain("a newer one of this frame is done");
  expect((await broker.api.ok("getJob", { params: { job: number } })).deliveredFiles).toBe(1);
});

test("a frame that is rendered again counts as one file at home, and a second file of it as another", async () => {
  const broker = await testBroker();
  const { home, file, settings } = shot();
  const { number } = await submit(broker.api, [{ frames: "1" }], settings);
  const worker = await joinWorker(broker);
  const filesHome = async () => (await broker.api.ok("getJob", { params: { job: number } })).deliveredFiles;
  await render(worker, file, "the old one");
  await untilDelivered(broker.api, number);
  expect(await filesHome()).toBe(1);
  await broker.api.ok("requeueTasks", { params: { job: number }, body: {} });
  await render(worker, file, "the new one");
  await untilDelivered(broker.api, number, 2);
  expect(readFileSync(file, "utf8")).toBe("the new one");
  expect(await filesHome()).toBe(1);
  await broker.api.ok("requeueTasks", { params: { job: number }, body: {} });
  await render(worker, join(home, "depth_0001.png"), "another one");
  await untilDelivered(broker.api, number, 3);
  expect(await filesHome()).toBe(2);
  const query = { troubled: true };
  expect((await broker.api.ok("listArtifacts", { params: { job: number }, query })).items).toEqual([]);
});

test("a frame that was asked for anew in vain still comes home as it was", async () => {
  const broker = await testBroker();
  const { home, file, settings } = shot();
  writeFileSync(home, "in the way");
  const { number } = await submit(broker.api, [{ frames: "1" }], { ...settings, maxRetries: 0 });
  const worker = await joinWorker(broker);
  await render(worker, file, "the only one");
  await untilProblem(broker.api, number);
  await broker.api.ok("requeueTasks", { params: { job: number }, body: {} });
  await worker.fail(await worker.work());
  rmSync(home);
  broker.broker.wake.deliveries();
  await untilDelivered(broker.api, number);
  expect(readFileSync(file, "utf8")).toBe("the only one");
});

test("files outside the job's folders are not looked at again", async () => {
  const broker = await testBroker();
  const { home, settings } = shot();
  const { number } = await submit(broker.api, [{ frames: "1" }], settings);
  await render(await joinWorker(broker), `${home}-other/0001.png`);
  await untilStored(broker, number);
  const pending = pendingArtifacts(
    { all: (sql, ...values) => broker.broker.reader.prepare(sql).all(...values) as never },
    0,
    10,
  );
  expect(pending).toEqual([]);
});

test("a crash after the rename, where files that are there are kept: what came home is told as home", async () => {
  const folder = testFolder();
  const name = join(folder, "0001.png");
  writeFileSync(name, "a frame");
  const source = { file: join(folder, "staged.png"), move: true };
  const conflict = "skip" as const;
  const file = { id: 1, name, bytes: 7, sha256: sha256Of("a frame"), conflict, source };
  expect(await bringHome(file)).toEqual({ kind: "delivered" });
  writeFileSync(source.file, "another");
  const other = { ...file, sha256: sha256Of("another") };
  expect(await bringHome(other)).toEqual({ kind: "skipped" });
  // Moved, but not renamed: somebody put a file there meanwhile.
  renameSync(source.file, join(folder, ".0001.png.tally-1.tmp"));
  expect(await bringHome(other)).toEqual({ kind: "skipped" });
  expect(readdirSync(folder)).toEqual(["0001.png"]);
});

/** A broker that died right after it took a report: one frame is staged, and neither home nor in the store. */
async function leftBehind(): Promise<Shot & { dataFolder: string; number: number; staged: string }> {
  const dataFolder = testFolder();
  const broker = await openBroker({ dataFolder });
  const made = shot();
  broker.broker.wake.deliveries = () => undefined;
  const { number } = await submit(broker.api, [{ frames: "1" }], made.settings);
  const { file } = await render(await joinWorker(broker), made.file);
  await broker.stop();
  mkdirSync(made.home);
  return { ...made, dataFolder, number, staged: file.path };
}
const temporaryOf = (file: string) => join(dirname(file), ".0001.png.tally-1.tmp");
/** What the store does when it takes over a staged file. */
function intoStore({ dataFolder, staged }: { dataFolder: string; staged: string }): void {
  const blob = blobPath(join(dataFolder, "blobs"), sha256Of("a frame"));
  mkdirSync(dirname(blob), { recursive: true });
  renameSync(staged, blob);
}

test.each<[string, (at: Awaited<ReturnType<typeof leftBehind>>) => void]>([
  ["before anything", () => undefined],
  ["with a whole copy that has no name yet", ({ staged, file }) => copyFileSync(staged, temporaryOf(file))],
  ["after the rename and before the commit", ({ staged, file }) => copyFileSync(staged, file)],
  ["after the store took the file and before the commit", intoStore],
  [
    "after home and store have it and before either commit",
    (left) => {
      copyFileSync(left.staged, left.file);
      intoStore(left);
    },
  ],
  ["in the middle of a copy", ({ file }) => writeFileSync(temporaryOf(file), "a f")],
  [
    "in the middle of a copy over an older frame",
    ({ file }) => {
      writeFileSync(file, "older");
      writeFileSync(temporaryOf(file), "a f");
    },
  ],
])("a crash %s: at the next start the frame comes home, once, and is kept", async (_, crash) => {
  const left = await leftBehind();
  crash(left);
  const broker = await testBroker({ dataFolder: left.dataFolder });
  await untilDelivered(broker.api, left.number);
  expect(readFileSync(left.file, "utf8")).toBe("a frame");
  expect(readdirSync(left.home)).toEqual(["0001.png"]);
  expect((await broker.api.ok("getJob", { params: { job: left.number } })).deliveredFiles).toBe(1);
  await untilStored(broker, left.number);
  expect(existsSync(left.staged)).toBe(false);
  const blob = await broker.api.raw("getBlob", { params: { sha256: sha256Of("a frame") } });
  expect(blob.text).toBe("a frame");
});

test("a frame whose staged file is gone or cut short is told, and never half at home", async () => {
  for (const harm of [rmSync, (path: string) => writeFileSync(path, "a f")]) {
    // oxlint-disable no-await-in-loop -- one after the other
    const left = await leftBehind();
    harm(left.staged);
    const broker = await testBroker({ dataFolder: left.dataFolder });
    const told = await until(broker.api, async () => {
      const [one] = await artifactsOf(broker.api, left.number);
      return one?.problem?.includes("tally requeue") ? one : undefined;
    });
    expect(told.deliveredAt).toBeNull();
    expect(readdirSync(left.home)).toEqual([]);
    // That was the last word: it is lost, and nothing is tried again.
    await broker.stop();
    const next = await testBroker({ dataFolder: left.dataFolder });
    const [last] = await artifactsOf(next.api, left.number);
    expect(last).toMatchObject({ kept: false, deliveredAt: null });
    expect(last?.problem).toMatch(/could not be kept: .* with `tally requeue`\.$/);
    // oxlint-enable no-await-in-loop
  }
});

test("names as long as the file system takes come home", async () => {
  const folder = testFolder();
  const staged = join(folder, "staged.png");
  writeFileSync(staged, "a frame");
  const name = join(folder, `${"名".repeat(80)}0001.png`);
  const source = { file: staged, move: false };
  const sha256 = sha256Of("a frame");
  const result = await bringHome({ id: 123_456, source, name, bytes: 7, sha256, conflict: "overwrite" });
  expect(result).toEqual({ kind: "delivered" });
  expect(readFileSync(name, "utf8")).toBe("a frame");
});

test("a disk that is full or read-only is told in a sentence, leaves no half file, and the frame comes home later (Linux only)", (context) => {
  const namespace = ["-rm", "--"];
  if (spawnSync("unshare", [...namespace, "true"]).status !== 0) context.skip();
  const folder = testFolder();
  const disk = join(folder, "disk");
  mkdirSync(disk);
  const program = join(import.meta.dirname, "../support/full-disk.ts");
  const said = execFileSync(
    "unshare",
    [...namespace, process.execPath, program, disk, join(folder, "staged.png")],
    { encoding: "utf8" },
  );
  const steps = JSON.parse(said) as { result: { kind: string; problem?: string }; files: string[] }[];
  expect(steps.map(({ result, files }) => [result.kind, files])).toEqual([
    ["failed", []],
    ["failed", []],
    ["delivered", ["shot_0001.png"]],
  ]);
  expect(steps[0]?.result.problem).toContain(
    "the disk is full. Free some space; it is tried again by itself",
  );
  expect(steps[1]?.result.problem).toContain("that folder cannot be written. Change its permissions");
});
