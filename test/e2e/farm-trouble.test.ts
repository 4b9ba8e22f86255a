// Bad days of workers that share no folder with the broker: full disks, hostile lists, deaths at the wrong moment.
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { uploadBytes } from "../../container/agent/files/upload.ts";
import { shellStep, startFarm, until, type Farm } from "./agent-support.ts";
import { artifactsOf, contentOf, readTree, uploadInputs, writeTree } from "./files-support.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { startHoldingProxy, type HoldingProxy } from "../support/holding-proxy.ts";

let farm: Farm;
let proxy: HoldingProxy | undefined;

afterEach(async () => {
  await proxy?.stop();
  proxy = undefined;
  await farm.stop();
});

const path = (name: string, objectType: string, dataFlow: string) => ({
  name,
  type: "PATH",
  objectType,
  dataFlow,
});

test("partial results of failed and canceled jobs are kept", async () => {
  farm = await startFarm();
  await farm.agent({ far: true });
  const out = join(farm.folder, "out");
  const definitions = { parameterDefinitions: [path("Out", "DIRECTORY", "OUT")] };
  const parameters = { Out: out };
  const failing = await farm.submit(
    { ...shellStep('echo half > "{{Param.Out}}/half.txt"; exit 3', "1"), ...definitions },
    { parameters, settings: { maxRetries: 0 } },
  );
  await farm.jobIn(failing.number, "failed");
  const [half, ...none] = await artifactsOf(farm.client, failing.number);
  expect(none).toEqual([]);
  expect(half).toMatchObject({ name: join(out, "half.txt"), state: "partial", bytes: 5, deliveredAt: null });
  expect(half && (await contentOf(farm.client, half))).toBe("half\n");

  const waiting = await farm.submit(
    {
      ...shellStep('echo begun > "{{Param.Out}}/begun.txt"; echo "openjd_progress: 50"; sleep 300', "1"),
      ...definitions,
    },
    { parameters, settings: { maxRetries: 0 } },
  );
  await until("it is half done", async () => (await farm.workers()).some(({ progress }) => progress === 50));
  await farm.client.call("put", `/v1/jobs/${waiting.number}/intent`, { body: { intent: "cancel" } });
  await farm.jobIn(waiting.number, "canceled");
  const [begun] = await artifactsOf(farm.client, waiting.number);
  expect(begun).toMatchObject({ name: join(out, "begun.txt"), state: "partial" });
  expect(begun && (await contentOf(farm.client, begun))).toBe("begun\n");
  // Nobody asked for them at home.
  expect(await readTree(out)).toEqual({});
});

test("a worker dies between upload and commit: the frame is rendered again and counts once", async () => {
  farm = await startFarm({ leaseTermMs: 1500, renewEveryMs: 300 });
  proxy = await startHoldingProxy(farm.client.url, (request, body) => {
    return request.url?.endsWith("/reports") === true && body.includes('"succeeded"');
  });
  const doomed = await farm.agent({ far: true, url: proxy.url });
  const out = join(farm.folder, "out");
  const { number } = await farm.submit(
    {
      ...shellStep('echo "by $PPID" > "{{Param.Out}}/frame_0001.txt"', "1"),
      parameterDefinitions: [path("Out", "DIRECTORY", "OUT")],
    },
    { parameters: { Out: out }, settings: { maxRetries: 0 } },
  );
  const report = JSON.parse(await proxy.held) as {
    items: { type: string; files?: { path?: string; sha256: string; bytes: number }[] }[];
  };
  const file = report.items.find(({ type }) => type === "succeeded")?.files?.[0];
  // It is uploaded, and the verdict is on its way: nothing counts yet.
  expect(file?.path).toBeUndefined();
  await farm.client.call("head", `/v1/blobs/${file?.sha256}`);
  expect(await artifactsOf(farm.client, number)).toEqual([]);
  doomed.signal("SIGKILL");
  await doomed.ended;
  await proxy.stop();

  // On another machine, so that nobody finds what the dead one left to say.
  await farm.agent({ far: true });
  await farm.jobIn(number, "succeeded");
  const files = await until("the frame is home", async () => {
    const found = await artifactsOf(farm.client, number);
    return found.every(({ deliveredAt }) => deliveredAt !== null) && found;
  });
  expect(files.map(({ state, name }) => [state, name])).toEqual([["current", join(out, "frame_0001.txt")]]);
  expect((await farm.job(number)).counts.succeeded).toBe(1);
  const attempts = await farm.attempts(number);
  expect(attempts.map(({ state }) => state).toSorted()).toEqual(["expired", "succeeded"]);
  const text = await readFile(join(out, "frame_0001.txt"), "utf8");
  expect(files[0] && (await contentOf(farm.client, files[0]))).toBe(text);
});

test("disk full on the worker's side: a plain sentence, and no half file in the cache (Linux only)", async (context) => {
  const namespace = ["unshare", "-rm", "--"];
  if (spawnSync("unshare", ["-rm", "--", "true"]).status !== 0) context.skip();
  farm = await startFarm();
  const folder = join(farm.folder, "tex");
  await writeTree(folder, { "large.bin": randomBytes(12 * 1024 * 1024) });
  const manifest = await uploadInputs(farm.client, [{ group: "In", folder }]);
  await rm(folder, { recursive: true });
  const work = join(farm.folder, "small-disk");
  await mkdir(work);
  const mount = 'mount -t tmpfs -o size=8m,mode=700 tmpfs "$0" && exec "$@"';
  const agent = await farm.agent({ far: true, work, program: [...namespace, "sh", "-c", mount, work] });
  const { number } = await farm.submit(
    { ...shellStep("ls {{Param.In}}", "1"), parameterDefinitions: [path("In", "DIRECTORY", "IN")] },
    { manifest, parameters: { In: folder }, settings: { maxRetries: 0 } },
  );
  await farm.jobIn(number, "failed");
  // A worker's own trouble uses up no try of the frame, but not for ever.
  const [task] = await farm.tasks(number);
  expect(task).toMatchObject({ state: "failed", failures: 0 });
  expect(task?.reason).toMatch(
    /^The disk of this worker is full: its input files do not fit below .*\. Free some space there, or give the worker a folder on another disk with --work\./,
  );
  const cached = await readTree(join(`/proc/${agent.pid}/root${work}`, "cache"));
  const list = Object.entries(cached).filter(([name]) => name.endsWith(manifest.sha256));
  // The job's list of files alone: of the large one not a byte.
  expect(Object.keys(cached)).toEqual(list.map(([name]) => name));
});

test("path traversal in manifests is refused", async () => {
  farm = await startFarm();
  const folder = join(farm.folder, "in");
  await writeTree(folder, { "a.txt": "a" });
  await uploadInputs(farm.client, [{ folder }]);
  const sha256 = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
  for (const evil of [`${folder}/../../../etc/passwd`, "../a.txt", "/etc//passwd", "//server/a"]) {
    const manifest = await uploadBytes(
      farm.client,
      new TextEncoder().encode(
        JSON.stringify({ version: 1, format: "posix", roots: [], files: [{ path: evil, sha256, bytes: 1 }] }),
      ),
    );
    await expect(farm.submit(shellStep("true", "1"), { manifest })).rejects.toMatchObject({
      code: "invalid",
    });
  }
});

test("an input that the broker lost after the submit fails the frame at once, in a sentence with the file's name", async () => {
  farm = await startFarm();
  const file = join(farm.folder, "plate.exr");
  await writeTree(farm.folder, { "plate.exr": randomBytes(400_000) });
  const manifest = await uploadInputs(farm.client, [{ group: "In", file }]);
  const blobs = join(farm.dataFolder, "blobs");
  for (const name of Object.keys(await readTree(blobs))) {
    if (!name.endsWith(manifest.sha256) && (await stat(join(blobs, name))).size === 400_000)
      await rm(join(blobs, name));
  }
  await rm(file);
  await farm.agent({ far: true });
  const { number } = await farm.submit(
    { ...shellStep('cat "{{Param.In}}"', "1"), parameterDefinitions: [path("In", "FILE", "IN")] },
    { manifest, parameters: { In: file } },
  );
  await farm.jobIn(number, "failed");
  const [task] = await farm.tasks(number);
  expect(task?.reason).toBe(
    `The input file ${file} is no longer at the broker. Submit the job again, so that it is sent anew.`,
  );
  expect(await farm.attempts(number)).toHaveLength(1);
});

test("the store is full while a result is sent: the log says so, the lease is kept, and the frame counts once there is room", async () => {
  farm = await startFarm({ renewEveryMs: 100 });
  const line = await startFaultProxy(farm.client.url);
  try {
    let refused = 0;
    const full = {
      type: "about:blank",
      title: "Full",
      status: 507,
      detail: "The disk with Tally's files is full.",
      instance: "",
      code: "storage-full",
    };
    line.onRequest(({ path: at }) => {
      if (at !== "/v1/packs" || refused === 4) return undefined;
      refused += 1;
      const headers = { "content-type": "application/problem+json" };
      return { answer: { status: 507, headers, body: JSON.stringify(full) } };
    });
    await farm.agent({ far: true, url: line.url });
    const out = join(farm.folder, "out");
    const { number } = await farm.submit(
      {
        ...shellStep('echo done > "{{Param.Out}}/frame_0001.txt"', "1"),
        parameterDefinitions: [path("Out", "DIRECTORY", "OUT")],
      },
      { parameters: { Out: out }, settings: { maxRetries: 0 } },
    );
    await farm.jobIn(number, "succeeded");
    const [attempt, ...others] = await farm.attempts(number);
    expect(others).toEqual([]);
    expect(attempt && (await farm.log(attempt))).toBe(
      "tally: Results wait on this worker: The disk with Tally's files is full. They are sent as soon as that passes.\n",
    );
    const packs = line.seen.filter(({ path: at }) => at === "/v1/packs");
    const between = line.seen.filter(
      ({ path: at, number: place }) =>
        at.endsWith("/renew") && place > (packs[0]?.number ?? 0) && place < (packs.at(-1)?.number ?? 0),
    );
    expect(packs).toHaveLength(5);
    expect(between.length).toBeGreaterThan(0);
    await until("it is home", async () => (await readTree(out))["frame_0001.txt"] === "done\n");
  } finally {
    await line.close();
  }
});
