// Agents against a real broker: good days and bad days.
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { shellStep, startFarm, until, type Farm } from "./agent-support.ts";

let farm: Farm;

afterEach(async () => {
  await farm.stop();
});

const isRunning = (pid: number): boolean => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
};

test("a worker runs one task after the other in one session, each with its own log", async () => {
  farm = await startFarm();
  await farm.agent();
  const environment = {
    name: "E",
    script: {
      actions: {
        onEnter: { command: "sh", args: ["-c", "echo 'openjd_redacted_env: KEY=hush-hush'; echo entered"] },
      },
    },
  };
  const script = 'echo "frame $1 has $KEY"; env | grep -c TALLY_TOKEN; echo x >> count; wc -l < count';
  const { number } = await farm.submit({
    ...shellStep(script, "1-4", { step: { stepEnvironments: [environment] } }),
    extensions: ["REDACTED_ENV_VARS"],
  });
  await farm.jobIn(number, "succeeded");
  const attempts = await farm.attempts(number);
  const logs = await Promise.all(
    attempts.toSorted((a, b) => a.ordinal - b.ordinal).map((it) => farm.log(it)),
  );
  expect(logs).toEqual([1, 2, 3, 4].map((frame) => `frame ${frame} has ********\n0\n${frame}\n`));
});

test("a driver that reports frame by frame: files come home, a failed frame fails alone", async () => {
  farm = await startFarm();
  await farm.agent();
  const home = join(farm.folder, "home");
  const script = `
    for f in 1 2 3 4; do
      echo "tally_frame: {\\"frame\\":$f,\\"state\\":\\"started\\"}"
      if [ $f = 3 ]; then echo 'tally_frame: {"frame":3,"state":"failed","reason":"No camera in the scene."}'; continue; fi
      printf picture$f > "$TALLY_LEASE_DIR/$f.png"
      echo "tally_frame: {\\"frame\\":$f,\\"state\\":\\"succeeded\\",\\"seconds\\":0.5,\\"files\\":[{\\"path\\":\\"$TALLY_LEASE_DIR/$f.png\\",\\"name\\":\\"${home}/$f.png\\",\\"bytes\\":8}]}"
    done`;
  const { number } = await farm.submit(
    shellStep(script, "1-4", { chunks: { defaultTaskCount: 4, rangeConstraint: "CONTIGUOUS" } }),
    { settings: { maxRetries: 0, frameParameter: "F", outputFolders: [home] } },
  );
  await farm.jobIn(number, "failed");
  const tasks = await farm.tasks(number);
  expect(tasks.map(({ state, reason }) => [state, reason])).toEqual([
    ["succeeded", null],
    ["succeeded", null],
    ["failed", "No camera in the scene."],
    ["succeeded", null],
  ]);
  await until("the files are home", () => [1, 2, 4].every((frame) => existsSync(join(home, `${frame}.png`))));
  expect(await readFile(join(home, "4.png"), "utf8")).toBe("picture4");
});

test("an action that dies in a frame fails that frame alone; frames not begun go back and are rendered", async () => {
  farm = await startFarm();
  await farm.agent();
  const script = `
    first=\${1%%-*}; last=\${1##*-}; f=$first
    while [ $f -le $last ]; do
      echo "tally_frame: {\\"frame\\":$f,\\"state\\":\\"started\\"}"
      [ $f = 2 ] && { echo "Error: out of cheese"; kill -SEGV $$; }
      echo "tally_frame: {\\"frame\\":$f,\\"state\\":\\"succeeded\\",\\"files\\":[]}"
      f=$((f + 1))
    done`;
  const { number } = await farm.submit(
    shellStep(script, "1-5", {
      chunks: { defaultTaskCount: 5, targetRuntimeSeconds: 60, rangeConstraint: "CONTIGUOUS" },
    }),
    { settings: { maxRetries: 1, frameParameter: "F" } },
  );
  await farm.jobIn(number, "failed");
  const tasks = await farm.tasks(number);
  expect(tasks.map(({ state }) => state)).toEqual([
    "succeeded",
    "failed",
    "succeeded",
    "succeeded",
    "succeeded",
  ]);
  expect(tasks[1]?.failures).toBe(2);
  expect(tasks[1]?.reason).toBe(
    '"sh" was ended by SIGSEGV: it crashed. Its last words: Error: out of cheese',
  );
  const attempts = await farm.attempts(number);
  expect(attempts.filter(({ ordinal }) => ordinal !== 1).every(({ state }) => state !== "failed")).toBe(true);
});

test("a stop reaches the process within a second, whatever group it is in", async () => {
  farm = await startFarm();
  await farm.agent();
  const pidFile = join(farm.folder, "pids");
  const script = `setsid sh -c 'echo $$ >> ${pidFile}; sleep 300; :' & echo $$ >> ${pidFile}; sleep 300`;
  const { number } = await farm.submit(shellStep(script, "1"));
  const pids = await until("both processes run", () => {
    const found = existsSync(pidFile) ? readFileSync(pidFile, "utf8").trim().split("\n").map(Number) : [];
    return found.length === 2 && found;
  });
  await farm.jobIn(number, "running");
  const before = performance.now();
  await farm.client.call("put", `/v1/jobs/${number}/intent`, { body: { intent: "cancel" } });
  await until("both are dead", () => !pids.some((pid) => isRunning(pid)));
  expect(performance.now() - before).toBeLessThan(1000);
  await farm.jobIn(number, "canceled");
});

test("pausing stops after the frame in work: the driver is told by a file, frames not begun go back", async () => {
  farm = await startFarm();
  await farm.agent();
  const script = `
    for f in 1 2 3; do
      echo "tally_frame: {\\"frame\\":$f,\\"state\\":\\"started\\"}"
      if [ $f = 2 ]; then while ! [ -e "$TALLY_LEASE_DIR/stop-after-frame" ]; do sleep 0.02; done; fi
      echo "tally_frame: {\\"frame\\":$f,\\"state\\":\\"succeeded\\",\\"files\\":[]}"
      [ -e "$TALLY_LEASE_DIR/stop-after-frame" ] && exit 0
    done`;
  const { number } = await farm.submit(
    shellStep(script, "1-3", {
      chunks: { defaultTaskCount: 3, targetRuntimeSeconds: 60, rangeConstraint: "CONTIGUOUS" },
    }),
    { settings: { frameParameter: "F" } },
  );
  await until("frame 2 is begun", async () => (await farm.job(number)).counts.succeeded === 1);
  await farm.client.call("put", `/v1/jobs/${number}/intent`, { body: { intent: "pause" } });
  const job = await farm.jobIn(number, "paused");
  expect(job.counts).toMatchObject({ succeeded: 2, ready: 1, failed: 0 });
});

test("the broker is killed while a frame renders and comes back: the frame counts once", async () => {
  farm = await startFarm();
  const agent = await farm.agent();
  const gate = join(farm.folder, "gate");
  const { number } = await farm.submit(
    shellStep(`echo begun; while ! [ -e ${gate} ]; do sleep 0.02; done; echo done`, "1-2"),
  );
  await until("it runs", async () => (await farm.attempts(number)).some(({ state }) => state === "started"));
  await farm.killBroker();
  await mkdir(gate);
  await farm.restartBroker();
  await farm.jobIn(number, "succeeded");
  const attempts = await farm.attempts(number);
  expect(attempts.map(({ state }) => state)).toEqual(["succeeded", "succeeded"]);
  expect(await farm.log(attempts[0] as (typeof attempts)[number])).toBe("begun\ndone\n");
  expect((await farm.workers()).map(({ state }) => state)).toEqual(["idle"]);
  agent.signal("SIGTERM");
  expect(await agent.ended).toBe(0);
});

test("a report that could not be sent survives the agent too: the next one replays it", async () => {
  farm = await startFarm();
  const token = await farm.workerToken();
  const work = join(farm.folder, "work");
  const agent = await farm.agent({ token, work });
  const [gate, count] = [join(farm.folder, "gate"), join(farm.folder, "count")];
  const script = `echo x >> ${count}; while ! [ -e ${gate} ]; do sleep 0.02; done; echo said before the end`;
  const { number } = await farm.submit(shellStep(script, "1"));
  await until("it runs", async () => (await farm.attempts(number)).some(({ state }) => state === "started"));
  await farm.killBroker();
  await mkdir(gate);
  await until("the report lies on the disk", () =>
    readdirSync(join(work, "spool"), { recursive: true }).some((name) => String(name).endsWith(".json")),
  );
  agent.signal("SIGKILL");
  await agent.ended;
  await farm.restartBroker();
  await farm.agent({ token, work });
  await farm.jobIn(number, "succeeded");
  expect(readFileSync(count, "utf8")).toBe("x\n");
  const [attempt] = await farm.attempts(number);
  expect(attempt && (await farm.log(attempt))).toBe("said before the end\n");
  await until(
    "the spool is empty",
    () =>
      !readdirSync(join(work, "spool"), { recursive: true }).some((name) =>
        /\.(json|log)$/.test(String(name)),
      ),
  );
});

test("an agent killed in a frame: its process is ended by the next agent, and the frame is rendered", async () => {
  farm = await startFarm({ leaseTermMs: 1500, renewEveryMs: 300 });
  const work = join(farm.folder, "work");
  const agent = await farm.agent({ work });
  const [pidFile, gate] = [join(farm.folder, "pid"), join(farm.folder, "gate")];
  const { number } = await farm.submit(
    shellStep(`echo $$ > ${pidFile}; [ -e ${gate} ] || exec sleep 300`, "1"),
  );
  await until("it runs", async () => (await farm.attempts(number)).some(({ state }) => state === "started"));
  const pid = Number(
    await until("it said its number", () => existsSync(pidFile) && readFileSync(pidFile, "utf8")),
  );
  agent.signal("SIGKILL");
  await agent.ended;
  expect(isRunning(pid)).toBe(true);
  await mkdir(gate);
  await farm.agent({ work });
  await until("the orphan is dead", () => !isRunning(pid));
  await farm.jobIn(number, "succeeded");
  const [task] = await farm.tasks(number);
  expect(task).toMatchObject({ failures: 0, losses: 1 });
});

test("a worker stopped past its lease and woken changes nothing, on disk neither", async () => {
  farm = await startFarm({ leaseTermMs: 1200, renewEveryMs: 300 });
  const sleepy = await farm.agent();
  const home = join(farm.folder, "home");
  const [gate, pidFile] = [join(farm.folder, "gate"), join(farm.folder, "pid")];
  const script = `
    echo $$ >> ${pidFile}
    echo 'tally_frame: {"frame":1,"state":"started"}'
    while ! [ -e ${gate} ]; do sleep 0.02; done
    printf '%s' "$$" > "$TALLY_LEASE_DIR/1.png"; n=$(wc -c < "$TALLY_LEASE_DIR/1.png")
    echo "tally_frame: {\\"frame\\":1,\\"state\\":\\"succeeded\\",\\"files\\":[{\\"path\\":\\"$TALLY_LEASE_DIR/1.png\\",\\"name\\":\\"${home}/1.png\\",\\"bytes\\":$n}]}"
    exec sleep 0.01`;
  const { number } = await farm.submit(shellStep(script, "1"), {
    settings: { frameParameter: "F", outputFolders: [home] },
  });
  const first = Number(await until("it runs", () => existsSync(pidFile) && readFileSync(pidFile, "utf8")));
  await until("the broker knows", async () =>
    (await farm.attempts(number)).some(({ state }) => state === "started"),
  );
  sleepy.signal("SIGSTOP");
  await until("the lease is over", async () =>
    (await farm.attempts(number)).some(({ state }) => state === "expired"),
  );
  await farm.agent();
  await until("the other has it", () => readFileSync(pidFile, "utf8").trim().split("\n").length === 2);
  const second = readFileSync(pidFile, "utf8").trim().split("\n")[1];
  await mkdir(gate);
  await farm.jobIn(number, "succeeded");
  await until("the file is home", () => existsSync(join(home, "1.png")));
  const before = statSync(join(home, "1.png"));
  sleepy.signal("SIGCONT");
  await until("the first process is dead", () => !isRunning(first));
  await until("the first worker asks again or is idle", async () =>
    (await farm.workers()).every(({ state }) => state === "idle"),
  );
  expect(await readFile(join(home, "1.png"), "utf8")).toBe(second);
  expect(statSync(join(home, "1.png")).mtimeMs).toBe(before.mtimeMs);
  expect((await farm.attempts(number)).filter(({ state }) => state === "succeeded")).toHaveLength(1);
});

test("drain lets the lease finish, then the agent leaves with exit code 0", async () => {
  farm = await startFarm();
  const agent = await farm.agent();
  const gate = join(farm.folder, "gate");
  const { number } = await farm.submit(shellStep(`while ! [ -e ${gate} ]; do sleep 0.02; done`, "1-2"));
  await until("it runs", async () => (await farm.attempts(number)).some(({ state }) => state === "started"));
  const [worker] = await farm.workers();
  await farm.client.call("put", `/v1/workers/${worker?.id}/intent`, { body: { intent: "drain" } });
  await mkdir(gate);
  expect(await agent.ended).toBe(0);
  expect((await farm.job(number)).counts).toMatchObject({ succeeded: 1, ready: 1 });
  expect(await farm.workers()).toEqual([]);
});

test("SIGTERM gives the frame back, leaves its environments and exits with 0", async () => {
  farm = await startFarm();
  const agent = await farm.agent();
  const left = join(farm.folder, "left");
  const environment = { name: "E", script: { actions: { onExit: { command: "touch", args: [left] } } } };
  const { number } = await farm.submit(
    shellStep("sleep 300", "1", { step: { stepEnvironments: [environment] } }),
  );
  await until("it runs", async () => (await farm.attempts(number)).some(({ state }) => state === "started"));
  agent.signal("SIGTERM");
  expect(await agent.ended).toBe(0);
  expect(existsSync(left)).toBe(true);
  const [task] = await farm.tasks(number);
  expect(task).toMatchObject({ state: "ready", failures: 0, losses: 0 });
  expect(await farm.workers()).toEqual([]);
});

test("an environment that cannot be entered fails one task with its reason", async () => {
  farm = await startFarm();
  await farm.agent();
  const onEnter = { command: "sh", args: ["-c", "echo 'openjd_fail: No licence left.'; exit 1"] };
  const environment = { name: "E", script: { actions: { onEnter } } };
  const { number } = await farm.submit(
    shellStep("echo never", "1", { step: { stepEnvironments: [environment] } }),
    {
      settings: { maxRetries: 0 },
    },
  );
  await farm.jobIn(number, "failed");
  expect((await farm.tasks(number))[0]?.reason).toBe("No licence left.");
});

test("a hung frame is stopped by its timeout, and the reason names it", async () => {
  farm = await startFarm();
  await farm.agent();
  const { number } = await farm.submit(shellStep("echo thinking; sleep 300", "1"), {
    settings: { maxRetries: 0, frameTimeoutSeconds: 1 },
  });
  await farm.jobIn(number, "failed");
  expect((await farm.tasks(number))[0]?.reason).toContain("did not finish within 1 second and was stopped");
});

test("a driver that names a file outside its folder fails the frame with the broker's sentence, at once", async () => {
  farm = await startFarm();
  await farm.agent();
  const outside = join(farm.folder, "outside.png");
  const file = `{\\"path\\":\\"${outside}\\",\\"name\\":\\"${outside}\\",\\"bytes\\":1}`;
  const script = `printf x > ${outside}; echo "tally_frame: {\\"frame\\":1,\\"state\\":\\"succeeded\\",\\"files\\":[${file}]}"`;
  const { number } = await farm.submit(shellStep(script, "1"), { settings: { frameParameter: "F" } });
  await farm.jobIn(number, "failed");
  const [task] = await farm.tasks(number);
  expect(task).toMatchObject({ failures: 1 });
  expect(task?.reason).toContain("is not in the folder of this lease");
});

test("an idle agent leaves by itself", async () => {
  farm = await startFarm({ idleExitMs: 100 });
  const agent = await farm.agent();
  expect(await agent.ended).toBe(0);
  expect(await farm.workers()).toEqual([]);
});

test("progress of the frame in work is passed on", async () => {
  farm = await startFarm({ renewEveryMs: 300 });
  await farm.agent();
  const gate = join(farm.folder, "gate");
  const { number } = await farm.submit(
    shellStep(`echo "openjd_progress: 42"; while ! [ -e ${gate} ]; do sleep 0.02; done`, "1"),
  );
  await until("the broker knows", async () => (await farm.workers())[0]?.progress === 42);
  await mkdir(gate);
  await farm.jobIn(number, "succeeded");
});
