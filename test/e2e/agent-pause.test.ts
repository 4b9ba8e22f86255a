// A real agent is paused: it finishes its frame, takes no more, stays however long, gives its memory back, and goes on at once.
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, onTestFinished, test } from "vitest";
import { runAgent } from "../../container/agent/agent.ts";
import { shellStep, startFarm, until, type Farm } from "./agent-support.ts";

let farm: Farm;

afterEach(async () => {
  await farm.stop();
});

const tell = (worker: string, intent: string) =>
  farm.client.call("put", `/v1/workers/${worker}/intent`, { body: { intent } });

const states = async () => (await farm.workers()).map(({ state }) => state);

test("it finishes the frame in work, takes none, outlasts its idle limit, and goes on when it is resumed", async () => {
  farm = await startFarm({ idleExitMs: 300 });
  await farm.agent();
  const gate = join(farm.folder, "gate");
  const { number } = await farm.submit(shellStep(`while ! [ -e ${gate} ]; do sleep 0.02; done`, "1-3"), {
    settings: { pool: "test" },
  });
  await until("it runs", async () => (await farm.attempts(number)).some(({ state }) => state === "started"));
  const [worker] = await farm.workers();
  await tell(worker?.id ?? "", "pause");
  expect(await states()).toEqual(["pausing"]);
  await mkdir(gate);
  await until("its frame is done", async () => (await states())[0] === "paused");
  expect((await farm.job(number)).counts).toMatchObject({ succeeded: 1, ready: 2, running: 0 });
  // Another one comes later, and is gone for idleness before: so long it has been idle at least.
  const other = await farm.agent({ args: ["--pool", "other"] });
  expect(await other.ended).toBe(0);
  expect((await farm.workers()).map(({ id, state }) => [id, state])).toEqual([[worker?.id, "paused"]]);
  expect((await farm.job(number)).counts).toMatchObject({ succeeded: 1, ready: 2 });
  await tell(worker?.id ?? "", "run");
  await farm.jobIn(number, "succeeded");
  const attempts = await farm.attempts(number);
  expect(attempts.map(({ state }) => state)).toEqual(["succeeded", "succeeded", "succeeded"]);
});

test("of a chunk it finishes the frame in work, and what it did not begin goes back", async () => {
  farm = await startFarm();
  await farm.agent();
  const script = `
    for f in 1 2 3; do
      echo "tally_frame: {\\"frame\\":$f,\\"state\\":\\"started\\"}"
      if [ $f = 2 ]; then while ! [ -e "$TALLY_LEASE_DIR/stop-after-frame" ]; do sleep 0.02; done; fi
      echo "tally_frame: {\\"frame\\":$f,\\"state\\":\\"succeeded\\",\\"files\\":[]}"
      [ -e "$TALLY_LEASE_DIR/stop-after-frame" ] && exit 0
    done`;
  const chunks = { defaultTaskCount: 3, targetRuntimeSeconds: 60, rangeConstraint: "CONTIGUOUS" };
  const { number } = await farm.submit(shellStep(script, "1-3", { chunks }), {
    settings: { frameParameter: "F" },
  });
  await until("frame 2 is begun", async () => (await farm.job(number)).counts.succeeded === 1);
  const [worker] = await farm.workers();
  await tell(worker?.id ?? "", "pause");
  await until("it is paused", async () => (await states())[0] === "paused");
  expect((await farm.job(number)).counts).toMatchObject({ succeeded: 2, ready: 1, failed: 0 });
});

test("the session of a paused worker is ended after its usual time, and the worker stays", async () => {
  // Else than paused it would leave as soon as nothing waits for it.
  farm = await startFarm({ idleExitMs: 1 });
  const [gate, left] = [join(farm.folder, "gate"), join(farm.folder, "left")];
  const actions = { onEnter: { command: "true" }, onExit: { command: "touch", args: [left] } };
  const { number } = await farm.submit(
    shellStep(`while ! [ -e ${gate} ]; do sleep 0.02; done`, "1-2", {
      step: { stepEnvironments: [{ name: "Renderer", script: { actions } }] },
    }),
  );
  const leave = new AbortController();
  onTestFinished(() => leave.abort());
  const ended = runAgent({
    url: farm.client.url,
    token: await farm.workerToken(),
    work: join(farm.folder, "work"),
    pool: "test",
    warmMs: 50,
    leave: leave.signal,
  });
  await until("it runs", async () => (await farm.attempts(number)).some(({ state }) => state === "started"));
  const [worker] = await farm.workers();
  await tell(worker?.id ?? "", "pause");
  await mkdir(gate);
  await until("its session was ended", () => existsSync(left));
  expect(await states()).toEqual(["paused"]);
  await tell(worker?.id ?? "", "run");
  await farm.jobIn(number, "succeeded");
  expect(await ended).toBe(0);
});

test("a broker that is killed meanwhile, and an agent that is, forget nothing", async () => {
  farm = await startFarm();
  const token = await farm.workerToken();
  const agent = await farm.agent({ token });
  const [before] = await farm.workers();
  await tell(before?.id ?? "", "pause");
  await farm.killBroker();
  await farm.restartBroker();
  const { number } = await farm.submit(shellStep("true", "1-2"));
  expect((await farm.workers()).map(({ id, state }) => [id, state])).toEqual([[before?.id, "paused"]]);
  agent.signal("SIGKILL");
  await agent.ended;
  await farm.agent({ token });
  const after = await until("the new one took its place", async () => {
    const [only, ...others] = await farm.workers();
    return others.length === 0 && only?.id !== before?.id && only;
  });
  expect(after).toMatchObject({ name: before?.name, state: "paused", intent: "pause" });
  expect((await farm.job(number)).counts).toMatchObject({ ready: 2, running: 0, succeeded: 0 });
  await tell(after.id, "run");
  await farm.jobIn(number, "succeeded");
});

test("a paused pool outlives a killed broker and killed agents, and whoever comes begins paused", async () => {
  farm = await startFarm();
  const first = await farm.agent();
  const gate = join(farm.folder, "gate");
  const { number } = await farm.submit(shellStep(`while ! [ -e ${gate} ]; do sleep 0.02; done`, "1-3"));
  await until("it runs", async () => (await farm.attempts(number)).some(({ state }) => state === "started"));
  const tellPool = (intent: string) => farm.client.call("put", "/v1/pools/test/intent", { body: { intent } });
  await tellPool("pause");
  expect(await states()).toEqual(["pausing"]);
  await mkdir(gate);
  await until("its frame is done", async () => (await states())[0] === "paused");
  await farm.killBroker();
  first.signal("SIGKILL");
  await first.ended;
  await farm.restartBroker();
  await farm.agent({ args: ["--name", "another"] });
  const [another] = (await farm.workers()).filter(({ name }) => name === "another");
  expect(another).toMatchObject({ state: "paused", intent: "run" });
  expect((await farm.job(number)).counts).toMatchObject({ succeeded: 1, ready: 2, running: 0 });
  await tellPool("run");
  await farm.jobIn(number, "succeeded");
});
