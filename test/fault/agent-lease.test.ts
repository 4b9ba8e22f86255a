// One lease on a real broker, run by the agent's own code: what a stop at a bad moment or a careless command leaves behind.
import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createClient } from "../../broker/contract/client.ts";
import { createScriptCache, startLease, type LeaseRun } from "../../container/agent/run-lease.ts";
import { createSessionKeeper } from "../../container/agent/session-keeper.ts";
import { createPreviewMaker } from "../../container/agent/previews/make-preview.ts";
import { createPreviews } from "../../container/agent/previews/previews.ts";
import { createSpool } from "../../container/agent/spool.ts";
import { joinWorker, type Held } from "../support/fake-worker.ts";
import { testBroker, testFolder } from "../support/start-broker.ts";

/** A job of one step with an environment that sets READY, and a worker that runs its leases as an agent does. */
async function prepared(script: string, chunk: object = {}) {
  const broker = await testBroker();
  const template = JSON.stringify({
    specificationVersion: "jobtemplate-2023-09",
    ...(Object.keys(chunk).length > 0 && { extensions: ["TASK_CHUNKING"] }),
    name: "job",
    steps: [
      {
        name: "render",
        parameterSpace: {
          taskParameterDefinitions: [{ name: "Frame", type: "INT", range: "1-2", ...chunk }],
        },
        stepEnvironments: [
          {
            name: "tools",
            script: { actions: { onEnter: { command: "sh", args: ["-c", "echo openjd_env: READY=yes"] } } },
          },
        ],
        script: { actions: { onRun: { command: "sh", args: ["-c", script] } } },
      },
    ],
  });
  const { number } = await broker.api.ok("submitJob", {
    headers: { "idempotency-key": randomUUID() },
    body: { template, settings: { maxRetries: 0 } },
  });
  const worker = await joinWorker(broker);
  const work = testFolder();
  const client = createClient(broker.url, worker.token);
  const keeper = createSessionKeeper({
    client,
    work,
    blobs: undefined,
    cacheBytes: undefined,
    blenders: [],
    lowPriority: false,
    threads: undefined,
  });
  onTestFinished(() => keeper.abandon());
  const staging = join(work, "staging");
  mkdirSync(staging);
  const folder = join(work, "previews");
  const maker = createPreviewMaker([], process.env, folder);
  const previews = createPreviews({ client, maker, folder, say: () => {} });
  onTestFinished(() => previews.close(0));
  const host = {
    client,
    spool: createSpool(work),
    keeper,
    staging,
    sharesDisk: true,
    renewEveryMs: 5000,
    scripts: createScriptCache(),
    previews,
    wantsMore: () => false,
  };
  const task = async () => (await broker.api.ok("listTasks", { params: { job: number } })).items;
  const start = ({ lease }: Held): LeaseRun => startLease(host, lease);
  return { worker, start, task };
}

test("a stop before the environments are entered: the next frame finds them entered", async () => {
  const { worker, start, task } = await prepared('test "$READY" = yes');
  const stopped = start(await worker.work());
  stopped.stop();
  expect(await stopped.end).toEqual({ next: null });
  expect(await start(await worker.work()).end).toEqual({ next: null });
  expect((await task())[0]).toMatchObject({ state: "succeeded", reason: null });
});

test("a command that ends well and leaves out a frame: that frame fails, and is not tried for ever", async () => {
  const report = `echo 'tally_frame: {"frame": 1, "state": "succeeded"}'`;
  const chunks = { defaultTaskCount: 2, rangeConstraint: "CONTIGUOUS" };
  const { worker, start, task } = await prepared(report, { type: "CHUNK[INT]", chunks });
  await start(await worker.work()).end;
  const [first, second] = await task();
  expect(first).toMatchObject({ state: "succeeded" });
  expect(second).toMatchObject({ state: "failed" });
  expect(second?.reason).toContain("ended without a word about this frame");
});

const leaves = (
  frames: string,
): string => `until [ -e "$TALLY_LEASE_DIR/stop-after-frame" ]; do sleep 0.02; done
    for frame in ${frames}; do echo "tally_frame: {\\"frame\\": $frame, \\"state\\": \\"released\\"}"; done`;

test("a command that was told to stop before its first frame: no frame is done, all go back", async () => {
  const chunks = { defaultTaskCount: 2, rangeConstraint: "CONTIGUOUS" };
  const { worker, start, task } = await prepared(leaves("1 2"), { type: "CHUNK[INT]", chunks });
  const run = start(await worker.work());
  run.finishFrame();
  await run.end;
  expect((await task()).map(({ state, failures }) => [state, failures])).toEqual([
    ["ready", 0],
    ["ready", 0],
  ]);
});

test("a command that leaves a frame out though nobody told it to: that frame fails, and is not tried for ever", async () => {
  const report = `echo 'tally_frame: {"frame": 1, "state": "released"}'`;
  const { worker, start, task } = await prepared(report);
  await start(await worker.work()).end;
  const [first] = await task();
  expect(first).toMatchObject({ state: "failed" });
});

test("a command that was told to stop after its frame: the frames it left go back", async () => {
  const report = `echo 'tally_frame: {"frame": 1, "state": "started"}'
    until [ -e "$TALLY_LEASE_DIR/stop-after-frame" ]; do sleep 0.02; done
    echo 'tally_frame: {"frame": 1, "state": "succeeded"}'`;
  const chunks = { defaultTaskCount: 2, rangeConstraint: "CONTIGUOUS" };
  const { worker, start, task } = await prepared(report, { type: "CHUNK[INT]", chunks });
  const run = start(await worker.work());
  run.finishFrame();
  await run.end;
  expect((await task()).map(({ state, failures }) => [state, failures])).toEqual([
    ["succeeded", 0],
    ["ready", 0],
  ]);
});
