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
  expect((await desk.tally("workers", "resume", "--pool", "elsewhere")).err).toBe(
    'No worker of the pool "elsewhere" is here now. List them: tally workers\n',
  );
  expect(await desk.tally("workers", "resume", "--pool", "local")).toMatchObject({
    code: 0,
    out: `${worker.name} takes frames again once it is back.\n`,
  });
  await Promise.all([2, 3].map(go));
  expect((await desk.tally("watch", "1")).out).toContain("Job 1 is done: 3 frames");
  expect((await desk.tally("watch", "2")).code).toBe(0);
  expect(await desk.tally("workers", "pause", "--pool", "local")).toMatchObject({
    code: 0,
    out: `${worker.name} takes no more frames. Let it go on: tally workers resume ${name}\n`,
  });
  expect((await desk.tally("workers", "pause", "--pool", "local")).err).toBe(
    'No worker of the pool "local" is left to pause. List them: tally workers\n',
  );
  const resumed = await desk.tally("workers", "resume", worker.name, "--json");
  expect(JSON.parse(resumed.out)).toMatchObject({ name: worker.name, state: "idle", intent: "run" });
});
