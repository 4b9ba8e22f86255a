// The command line with a real broker and the agent that it starts itself: pausing a worker, over the broker's own restart.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Worker } from "../../broker/contract/worker.ts";
import { until } from "./agent-support.ts";
import { createDesk, type Desk } from "./cli-support.ts";

let desk: Desk;
beforeAll(async () => {
  desk = await createDesk();
  const wait = `while [ ! -e "${desk.folder}/go-{{Task.Param.Frame}}" ]; do sleep 0.05; done`;
  const lines = [
    "specificationVersion: jobtemplate-2023-09",
    "name: Waits",
    "steps:",
    "  - name: Draw",
    "    parameterSpace:",
    "      taskParameterDefinitions:",
    '        - { name: Frame, type: INT, range: "1-3" }',
    "    script:",
    "      actions:",
    `        onRun: { command: sh, args: ["-c", ${JSON.stringify(wait)}] }`,
  ];
  await writeFile(join(desk.folder, "waits.yaml"), lines.join("\n"));
});
afterAll(() => desk?.close());

const go = (frame: number) => writeFile(join(desk.folder, `go-${frame}`), "");

async function listed(...options: string[]): Promise<Worker[]> {
  const { out } = await desk.tally("workers", "--json", ...options);
  return (JSON.parse(out) as { workers: Worker[] }).workers;
}

test("what cannot be done ends with a sentence", async () => {
  const mistakes: [string[], string][] = [
    [["--pool", ""], "--pool needs a value."],
    [["resume", "--pool="], "--pool needs a value."],
    [["list", "vm"], "tally workers lists all of them, not one by its name."],
    [["nap"], 'tally workers knows pause, resume, drain, not "nap".'],
    [["pause"], "Which worker? Give its name: tally workers pause NAME, or --pool POOL."],
    [
      ["pause", "a", "--pool", "local"],
      "Which worker? Give its name: tally workers pause NAME, or --pool POOL.",
    ],
  ];
  for (const [args, sentence] of mistakes) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    expect(await desk.tally("workers", ...args)).toMatchObject({
      code: 2,
      err: `${sentence} Type: tally workers --help\n`,
    });
  }
});

test("pause finishes the frame, holds over the broker's restart, says why the job waits; resume goes on", async () => {
  expect((await desk.tally("submit", "waits.yaml")).out).toContain("Job 1: Waits, 3 frames");
  const worker = await until("a frame is begun", async () =>
    (await listed()).find(({ jobNumber }) => jobNumber === 1),
  );
  const name = /^[\w.@-]+$/.test(worker.name) ? worker.name : `"${worker.name}"`;
  expect(await desk.tally("workers", "pause", worker.name.slice(0, -1) + "x")).toMatchObject({
    code: 1,
    err: `There is no worker "${worker.name.slice(0, -1)}x" here. Did you mean ${worker.name}?\n`,
  });
  await desk.tally("workers", "drain", "--pool", "local");
  expect((await listed())[0]).toMatchObject({ state: "draining" });
  expect((await desk.tally("workers", "drain", "--pool", "local")).err).toBe(
    'Every worker of the pool "local" finishes and leaves already. List them: tally workers\n',
  );
  const stays = JSON.parse(
    (await desk.tally("workers", "resume", "--pool", "local", "--json")).out,
  ) as object;
  expect(stays).toMatchObject({ pool: "local", intent: "run", workers: [{ state: "busy", intent: "run" }] });
  expect((await desk.tally("workers", "pause", "--pool", "local")).out).toBe(
    "The pool local is paused: nothing renders in it once the frame in work is done. Let it go on: tally workers resume --pool local\n",
  );
  expect((await listed())[0]).toMatchObject({ state: "pausing", intent: "run" });
  await desk.tally("workers", "resume", "--pool", "local");
  expect(await desk.tally("workers", "pause", worker.name)).toMatchObject({
    code: 0,
    out: `${worker.name} finishes its frame, then takes no more. Let it go on: tally workers resume ${name}\n`,
  });
  expect((await desk.tally("workers")).out).toContain("pausing");
  await go(1);
  await until("its frame is done", async () => (await listed())[0]?.state === "paused");
  const why = `Job 1 waits: the one worker that could render it, ${worker.name}, is paused. Let it go on: tally workers resume ${name}\n`;
  expect((await desk.tally("show", "1")).out).toContain(why);

  await desk.tally("stop");
  await desk.tally("submit", "waits.yaml");
  expect((await desk.tally("workers")).out).toContain("paused, away");
  expect((await desk.tally("show", "1")).out).toContain(why);
  expect(await listed("--pool", "elsewhere")).toEqual([]);
  expect(await desk.tally("workers", "resume", worker.name)).toMatchObject({
    code: 0,
    out: `${worker.name} takes frames again once it is back.\n`,
  });
  await Promise.all([2, 3].map(go));
  expect((await desk.tally("watch", "1")).out).toContain("Job 1 is done: 3 frames");
  expect((await desk.tally("watch", "2")).code).toBe(0);
  await desk.tally("workers", "pause", worker.name);
  const resumed = await desk.tally("workers", "resume", worker.name, "--json");
  expect(JSON.parse(resumed.out)).toMatchObject({ name: worker.name, state: "idle", intent: "run" });
});

test("a whole pool is paused though nobody is in it, over the broker's restart; resume --pool goes on, but not with who was paused alone", async () => {
  const [worker] = await listed();
  const name = worker?.name ?? "";
  const typed = /^[\w.@-]+$/.test(name) ? name : `"${name}"`;
  await desk.tally("workers", "drain", name);
  await until("it has left", async () => (await listed()).length === 0);
  expect((await desk.tally("workers", "pause", "--pool", "lcoal")).err).toBe(
    'There is no pool "lcoal". There are: local.\n',
  );
  const goOn = "Let it go on: tally workers resume --pool local\n";
  expect(await desk.tally("workers", "pause", "--pool", "local")).toMatchObject({
    code: 0,
    out: `The pool local is paused: nothing renders in it. ${goOn}`,
  });
  await desk.tally("stop");
  expect((await desk.tally("submit", "waits.yaml")).out).toContain("Job 3");
  expect((await desk.tally("workers")).out).toBe(`No worker is here now.\nThe pool local is paused. ${goOn}`);
  expect((await desk.tally("workers", "--pool", "elsewhere")).out).not.toContain("paused");
  expect((await desk.tally("show", "3")).out).toContain(`Job 3 waits: the pool local is paused. ${goOn}`);
  expect(await desk.tally("workers", "resume", "--pool", "local")).toMatchObject({
    code: 0,
    out: "The pool local takes frames again.\n",
  });
  expect((await desk.tally("watch", "3")).out).toContain("Job 3 is done: 3 frames");

  await desk.tally("workers", "pause", "--pool", "local");
  expect((await desk.tally("workers")).out).toContain(`The pool local is paused. ${goOn}`);
  expect(await desk.tally("workers", "resume", name)).toMatchObject({
    code: 0,
    out: `${name} takes no frames yet: its whole pool is paused. ${goOn}`,
  });
  await desk.tally("workers", "pause", name);
  expect((await desk.tally("workers", "resume", "--pool", "local")).out).toBe(
    `The pool local takes frames again. ${name} was paused separately and stays paused: tally workers resume ${typed}\n`,
  );
  expect(await desk.tally("workers", "drain", "--pool", "local")).toMatchObject({
    code: 0,
    out: `${name} finishes its frame and leaves.\n`,
  });
  await until("it has left", async () => (await listed()).length === 0);
  expect((await desk.tally("workers", "drain", "--pool", "local")).err).toBe(
    'No worker of the pool "local" is here now. List them: tally workers\n',
  );
});
