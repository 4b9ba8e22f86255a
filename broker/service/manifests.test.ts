// Submitting with a manifest: every file is here, or the job is refused with what is wrong.
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { JobSettings, SubmitInput } from "../contract/job.ts";
import type { ManifestInput } from "../contract/manifest.ts";
import { packOf, sendBlob, sendManifest, sha256Of } from "../../test/support/blobs.ts";
import { submission, submit } from "../../test/support/builders.ts";
import { joinWorker, registration } from "../../test/support/fake-worker.ts";
import { testBroker, testFolder } from "../../test/support/start-broker.ts";
import { storedIn } from "../../test/support/unchanged.ts";
import { createToken } from "./tokens.ts";

const ask = (body: SubmitInput) => ({ headers: { "idempotency-key": randomUUID() }, body });
const file = (path: string, text = "x") => ({
  path,
  sha256: sha256Of(text),
  bytes: Buffer.byteLength(text),
});

test("a job with all its files is taken; its workers and everybody else read the list", async () => {
  const broker = await testBroker();
  const { api } = broker;
  const manifest = await sendManifest(
    api,
    { "/shot/a.png": "picture", "/shot/b.png": "picture", "/shot/c.txt": "" },
    { roots: ["/shot"], folders: [{ path: "/shot/cache" }] },
  );
  const job = await api.ok("submitJob", ask({ ...submission(), manifest }));
  const listed = await api.ok("getManifest", { params: { job: job.number } });
  expect(listed.files.map(({ path }) => path)).toEqual(["/shot/a.png", "/shot/b.png", "/shot/c.txt"]);
  expect(listed).toMatchObject({ folders: [{ path: "/shot/cache" }], shared: [] });
  const script = await api.ok("getStepScript", { params: { job: job.number, step: 0 } });
  expect(script.manifest).toEqual(manifest);
  const inputs = broker.broker.reader.prepare("SELECT count(*) FROM job_blobs").pluck().get();
  expect(inputs, "the picture once, the empty file, the list itself").toBe(3);
  const without = await submit(api);
  await api.problem("getManifest", "not-found", { params: { job: without.number } });
});

test("a file that is not here: the job is refused, and nothing is stored", async () => {
  const broker = await testBroker();
  const { api } = broker;
  const files = [file("/shot/a.png", "never sent"), file("/shot/b.png", "this neither"), file("/shot/c.png")];
  await api.ok("putPack", { bytes: packOf(["x"]) });
  const manifest = await sendManifest(api, {}, { files });
  const before = storedIn(broker);
  const refused = await api.problem("submitJob", "missing-blobs", ask({ ...submission(), manifest }));
  expect(refused.detail).toBe("2 of the job's input files are not here yet. Upload them and submit again.");
  const unknown = { sha256: sha256Of("no list"), bytes: 7 };
  await api.problem("submitJob", "missing-blobs", ask({ ...submission(), manifest: unknown }));
  expect(storedIn(broker)).toEqual(before);
  await api.ok("putPack", { bytes: packOf(["never sent", "this neither"]) });
  await api.ok("submitJob", ask({ ...submission(), manifest }));
});

test.each<[string, string | Partial<ManifestInput>, string]>([
  ["no JSON", "{", "not valid"],
  ["a list of nothing", "[]", "version"],
  ["another version", { version: 2 as 1 }, "version"],
  ["a path that climbs", { files: [file("/shot/../../etc/passwd")] }, "not an absolute path"],
  ["a relative path", { files: [file("a.png")] }, "not an absolute path"],
  ["a path with a NUL", { files: [file("/a\0b")] }, "not an absolute path"],
  [
    "a Windows path that climbs",
    { format: "windows", files: [file("C:\\a\\..\\..\\b")] },
    "not an absolute path",
  ],
  ["a root that climbs", { roots: ["/shot/.."] }, "not an absolute path"],
  ["an empty folder that climbs", { folders: [{ path: "/a/../b" }] }, "not an absolute path"],
  ["a path that is there twice", { files: [file("/a"), file("/a")] }, "is there twice"],
  ["a key that nobody knows", { files: [{ ...file("/a"), owner: "ann" } as never] }, "files.0"],
  ["a file of two sizes", { files: [file("/a"), { ...file("/b"), bytes: 9 }] }, "another size"],
])("a manifest that is none: %s", async (_, what, words) => {
  const broker = await testBroker();
  const { api } = broker;
  await api.ok("putPack", { bytes: packOf(["x"]) });
  const manifest =
    typeof what === "string"
      ? await sendBlob(api, what)
      : await sendManifest(api, {}, { files: [], ...what });
  const before = storedIn(broker);
  const refused = await api.problem("submitJob", "invalid", ask({ ...submission(), manifest }));
  expect(JSON.stringify([refused.detail, refused.errors])).toContain(words);
  expect(storedIn(broker)).toEqual(before);
});

test("mistakes far down in a long list are found, and named by their place", async () => {
  const { api } = await testBroker();
  await api.ok("putPack", { bytes: packOf(["x"]) });
  const files = Array.from({ length: 4500 }, (_, index) => file(`/shot/${index}.png`));
  const late = [...files, { ...file("/shot/z.png"), bytes: -1 }];
  const manifest = await sendManifest(api, {}, { files: late });
  const refused = await api.problem("submitJob", "invalid", ask({ ...submission(), manifest }));
  expect(refused.detail).toContain("files.4500.bytes");
  const twice = await sendManifest(api, {}, { files: [...files, file("/shot/7.png")] });
  const again = await api.problem("submitJob", "invalid", ask({ ...submission(), manifest: twice }));
  expect(again.detail).toContain('"/shot/7.png" is there twice');
});

function withParameters(parameterDefinitions: object[], more: object = {}): string {
  const { template } = submission();
  return JSON.stringify({ ...JSON.parse(template ?? ""), parameterDefinitions, ...more });
}

test("a step is told which parameters it needs and where it may write", async () => {
  const { api } = await testBroker();
  const path = { type: "PATH", default: "x" };
  const template = withParameters(
    [
      { ...path, name: "Scene", objectType: "FILE", dataFlow: "IN" },
      { ...path, name: "Unused", objectType: "FILE", dataFlow: "IN" },
      { ...path, name: "Out", objectType: "DIRECTORY", dataFlow: "OUT" },
      { ...path, name: "Film", objectType: "FILE", dataFlow: "INOUT" },
      { ...path, name: "Nothing", dataFlow: "OUT", default: "" },
    ],
    {
      steps: [
        {
          name: "render",
          script: {
            actions: { onRun: { command: "true", args: ["{{Param.Scene}}", "{{ RawParam.Out }}"] } },
          },
        },
        {
          name: "encode",
          dependencies: [{ dependsOn: "render" }],
          script: { actions: { onRun: { command: "true", args: ["{{Param.Film}}"] } } },
        },
      ],
    },
  );
  const settings = { resultFolders: ["/shot/more"] };
  const { number: job } = await api.ok("submitJob", ask({ template, templateDirectory: "/shot", settings }));
  const render = await api.ok("getStepScript", { params: { job, step: 0 } });
  expect(render).toMatchObject({ needs: ["Out", "Scene"], upstream: false, filesInPlace: false });
  expect(render.outputs).toEqual([
    { parameter: "Out", path: "/shot/x", objectType: "DIRECTORY", dataFlow: "OUT" },
    { parameter: "Film", path: "/shot/x", objectType: "FILE", dataFlow: "INOUT" },
    { parameter: "", path: "/shot/more", objectType: "DIRECTORY", dataFlow: "OUT" },
  ]);
  const encode = await api.ok("getStepScript", { params: { job, step: 1 } });
  expect(encode).toMatchObject({ needs: ["Film"], upstream: true });
});

test("a worker reads what its own job runs, as long as it holds it, and no other job", async () => {
  const broker = await testBroker();
  const mine = await submit(broker.api, [{ frames: "1" }]);
  const worker = await joinWorker(broker);
  const scriptOf = (job: number) => ({ params: { job, step: 0 } });
  await worker.api.problem("getStepScript", "lease-lost", scriptOf(mine.number));
  const held = await worker.work();
  const theirs = await submit(broker.api, [{ frames: "1" }]);
  expect(await worker.api.ok("getStepScript", scriptOf(mine.number))).toMatchObject({ stepName: "render" });
  await worker.api.problem("getStepScript", "lease-lost", scriptOf(theirs.number));
  await worker.succeed(held);
  await worker.api.problem("getStepScript", "lease-lost", scriptOf(mine.number));
});

test("files in place: only a worker that the broker itself started on its machine gets the job", async () => {
  const broker = await testBroker();
  const settings: Partial<JobSettings> = { filesInPlace: true };
  await submit(broker.api, [{ frames: "1" }], settings);
  const far = await joinWorker(broker);
  expect(await far.lease()).toBeNull();
  // What a local pool does when it starts an agent.
  const { token, launch } = await broker.broker.writer.write((tx) => {
    const made = createToken(tx, "worker", "local", null);
    const sql = "INSERT INTO launches (pool, token_id, started_at) VALUES ('local', ?, ?)";
    return { token: made.token, launch: tx.run(sql, made.id, tx.now).id };
  });
  const body = registration({ name: "near", launchId: `lau_${launch}` });
  const { workerId } = await broker.api.as(token).ok("registerWorker", { body });
  const { lease } = await broker.api.as(token).ok("leaseTask", { params: { worker: workerId } });
  expect(lease?.jobNumber).toBe(1);
});

test("files in place on a broker without workers of its own: refused with the way out", async () => {
  const dataFolder = testFolder();
  writeFileSync(join(dataFolder, "tally.yaml"), "pools: { farm: { kind: joined } }\n");
  const { api } = await testBroker({ dataFolder });
  const refused = await api.problem("submitJob", "invalid", ask(submission([{}], { filesInPlace: true })));
  expect(refused.detail).toContain("--upload");
});
