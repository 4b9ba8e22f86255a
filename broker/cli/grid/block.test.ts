// The block of lines that watching shows, at many sizes: what it says, and that it never outgrows the terminal.
import { expect, test } from "vitest";
import type { FeedJobDetail } from "../../contract/feed.ts";
import type { JobState, TaskState } from "../../contract/states.ts";
import { taskStates } from "../../contract/states.ts";
import { createTimings } from "../../contract/timings.ts";
import { drawBlock, type JobView } from "./block.ts";
import { columnsOf } from "../columns.ts";
import type { FrameInWork } from "./work.ts";

const look = { colour: false, unicode: true };
const ascii = { colour: false, unicode: false };
const began = Date.parse("2026-03-01T10:00:00.000Z");

const inWork: FrameInWork = {
  name: "frame 1",
  next: "",
  isBegun: true,
  percent: null,
  status: null,
  where: "node-3",
  isHere: false,
  since: null,
};

interface StepShape {
  name: string;
  frames: string | null;
  states: Uint8Array;
  meanSeconds?: number;
}

/** So many tasks of each state, one state after the other. */
function states(...runs: [number, TaskState][]): Uint8Array {
  return Uint8Array.from(
    runs.flatMap(([count, state]) => Array<number>(count).fill(taskStates.indexOf(state))),
  );
}

function viewOf(
  steps: readonly StepShape[],
  more: Partial<JobView> = {},
  state: JobState = "running",
): JobView {
  const countsOf = (all: Uint8Array) =>
    Object.fromEntries(
      taskStates.map((name, index) => [name, all.filter((one) => one === index).length]),
    ) as FeedJobDetail["counts"];
  const sum = (all: FeedJobDetail["counts"][]) =>
    Object.fromEntries(
      taskStates.map((name) => [name, all.reduce((total, one) => total + one[name], 0)]),
    ) as FeedJobDetail["counts"];
  const shown = steps.map((step, index) => ({
    index,
    name: step.name,
    dependsOn: [],
    taskCount: step.states.length,
    counts: countsOf(step.states),
    meanSeconds: step.meanSeconds ?? null,
  }));
  const timings = createTimings(12);
  for (const { name, meanSeconds } of steps)
    for (let ordinal = 0; meanSeconds !== undefined && ordinal < 4; ordinal++)
      timings.of(name).done.set(ordinal, meanSeconds * (ordinal % 2 === 0 ? 0.5 : 1.5));
  const isOver = state === "succeeded" || state === "failed" || state === "canceled";
  return {
    job: {
      id: "job_12",
      number: 12,
      name: "orbit_010",
      owner: "ana",
      state,
      intent: "run",
      intentReason: null,
      priority: 50,
      labels: {},
      taskCount: shown.reduce((total, { taskCount }) => total + taskCount, 0),
      counts: sum(shown.map(({ counts }) => counts)),
      deliveredFiles: 0,
      createdAt: new Date(began).toISOString(),
      startedAt: new Date(began).toISOString(),
      endedAt: isOver ? new Date(began + 720_000).toISOString() : null,
      outputPattern: null,
      templateName: null,
      picture: null,
      framesPerSecond: null,
      steps: shown,
      parameters: {},
      failures: [],
    },
    steps: new Map(steps.map((step) => [step.name, { states: step.states, frames: step.frames }])),
    timings,
    machines: 2,
    work: [
      {
        ...inWork,
        name: "frame 188",
        percent: 40,
        status: "Sample 64/160",
        since: began + 240_000,
      },
      { ...inWork, name: "frame 189", where: "desk-2", isHere: true },
    ],
    newest: "/shots/orbit/010/beauty_0187.exr",
    isHeld: false,
    isAway: false,
    isFinal: false,
    now: began + 250_000,
    ...more,
  };
}

const oneStep: StepShape = {
  name: "Render",
  frames: "101-340",
  states: states([75, "succeeded"], [1, "failed"], [11, "succeeded"], [2, "running"], [151, "ready"]),
  meanSeconds: 10,
};

test("one step on a usual terminal: lights, counts, times, the newest file, the frames in work", () => {
  expect(drawBlock(viewOf([oneStep]), { columns: 80, rows: 24 }, look)).toEqual([
    "",
    "Job 12  orbit_010                                        running for 4 min 10 s",
    "101 ■■■■■■■■■■ ■■■■■■■■■■ ■■■■■■■■■■ ■■■■■■■■■■ ■■■■■■■■■■ ■■■■■■■■■■",
    "161 ■■■■■■■■■■ ■■■■■X■■■■ ■■■■■■■►►· ·········· ·········· ··········",
    "221 ·········· ·········· ·········· ·········· ·········· ··········",
    "281 ·········· ·········· ·········· ·········· ·········· ··········",
    "■ 86 done  ► 2 running  X 1 failed  · 151 waiting                           35%",
    "about 13 min left (8 to 18 min)   10 s a frame   on 2 machines",
    "newest  /shots/orbit/010/beauty_0187.exr",
    "► frame 188  ━━━━──────  40%  Sample 64/160       node-3                   10 s",
    "► frame 189                                       desk-2 (this PC)",
  ]);
});

test("40 columns and 10 rows still say what matters", () => {
  expect(drawBlock(viewOf([oneStep]), { columns: 40, rows: 10 }, look)).toEqual([
    "Job 12  orbit_010               running",
    "101 ■■■■■■■■■■ ■■■■■■■■■■ ■■■■■X■■■►",
    "191 ·········· ·········· ··········",
    "281 ·········· ··········",
    "■ 86  ► 2  X 1  · 151  3 a light    35%",
    "about 13 min left   10 s a frame",
    "► frame 188  40%  Sample 64/160  node-3",
    "► frame 189                      desk-2",
  ]);
});

test("what a worker does next is said where there is room, and a frame that is not begun has the mark of those that wait", () => {
  const work = [
    { ...inWork, name: "frame 188", next: "then 6 more", percent: 40 },
    { ...inWork, name: "frame 195", next: "then 1 more", isBegun: false, status: "about to start" },
  ];
  const rows = (columns: number, with_ = look) =>
    drawBlock(viewOf([oneStep], { work }), { columns, rows: 24 }, with_).slice(-2);
  expect(rows(80)).toEqual([
    "► frame 188, then 6 more  ━━━━──────  40%                   node-3",
    "· frame 195, then 1 more                   about to start   node-3",
  ]);
  expect(rows(40)).toEqual([
    "► frame 188  40%                 node-3",
    "· frame 195       about to sta…  node-3",
  ]);
  expect(rows(80, ascii).map((row) => row[0])).toEqual([">", "."]);
});

test("without Unicode all of it is ASCII", () => {
  const view = viewOf([oneStep], { newest: `/a/long/way/${"x".repeat(60)}/to/beauty_0187.exr` });
  view.job.name = "Größe";
  const lines = drawBlock(view, { columns: 80, rows: 24 }, ascii);
  expect(lines.every((line) => /^[ -~]*$/.test(line))).toBe(true);
  expect(lines[3]).toBe("161 ########## #####X#### #######>>. .......... .......... ..........");
  expect(lines.find((line) => line.startsWith("newest"))).toBe("newest  .../to/beauty_0187.exr");
});

test("colours come beside the shapes, and only where they are wanted", () => {
  const size = { columns: 80, rows: 24 };
  const coloured = drawBlock(viewOf([oneStep]), size, { ...look, colour: true }).join("\n");
  expect(coloured).toContain("\u001b[31mX\u001b[39m");
  // oxlint-disable-next-line no-control-regex -- colours are escape sequences
  expect(coloured.replaceAll(/\u001b\[\d+m/g, "")).toBe(drawBlock(viewOf([oneStep]), size, look).join("\n"));
});

test("several steps are rows of their own", () => {
  const view = viewOf([
    { name: "Prepare", frames: null, states: states([1, "succeeded"]), meanSeconds: 2 },
    { ...oneStep, states: states([30, "succeeded"], [2, "running"], [88, "ready"]), frames: "1-120" },
    { name: "Film", frames: null, states: states([1, "blocked"]) },
  ]);
  expect(drawBlock(view, { columns: 80, rows: 24 }, look).slice(1, 8)).toEqual([
    "Job 12  orbit_010                                        running for 4 min 10 s",
    "Prepare      ■                                                              1/1",
    "Render     1 ■■■■■■■■■■ ■■■■■■■■■■ ■■■■■■■■■■ ►►········ ··········      30/120",
    "          51 ·········· ·········· ·········· ·········· ··········",
    "         101 ·········· ··········",
    "Film         ◦                                                              0/1",
    "■ 31 done  ► 2 running  · 88 waiting  ◦ 1 later                             25%",
  ]);
  expect(drawBlock(view, { columns: 80, rows: 24 }, look)[8]).toMatch(/, then Film {3}10 s a frame/);
});

test("of more steps than rows those that matter are shown, the others counted", () => {
  const many = Array.from({ length: 40 }, (_, n): StepShape => {
    const state = n < 20 ? "succeeded" : n === 20 ? "running" : n === 33 ? "failed" : "blocked";
    return { name: `Step ${n + 1}`, frames: null, states: states([1, state]) };
  });
  const text = drawBlock(viewOf(many), { columns: 80, rows: 14 }, look).join("\n");
  expect(text).toContain("Step 21  ►");
  expect(text).toContain("Step 34  X");
  expect(text).toMatch(/and \d+ more steps: 20 done, \d+ waiting/);
});

test("100,000 frames: a failed and a running one stay in sight, and a light says for how many it stands", () => {
  const all = states([40_000, "succeeded"], [60_000, "ready"]);
  all[777] = taskStates.indexOf("failed");
  all[7777] = taskStates.indexOf("failed");
  all[7778] = taskStates.indexOf("running");
  all[39_999] = taskStates.indexOf("running");
  const lines = drawBlock(
    viewOf([{ name: "Render", frames: "1-100000", states: all }]),
    { columns: 80, rows: 24 },
    look,
  );
  const [counts = ""] = lines.filter((line) => line.includes(" a light"));
  const lights = lines.slice(2, lines.indexOf(counts)).join("");
  expect(lights.replace(/[■·\d ]/g, "")).toBe("X&►");
  expect(counts).toMatch(
    /^■ 39,996 done {2}► 2 running {2}X 2 failed {2}· 60,000 waiting {2}200 a light +39%$/,
  );
});

test("what stays at the end: the lights, counts, how long it took", () => {
  const over = viewOf(
    [{ ...oneStep, states: states([239, "succeeded"], [1, "failed"]) }],
    { isFinal: true, machines: 0 },
    "failed",
  );
  const lines = drawBlock(over, { columns: 80, rows: 24 }, look);
  expect(lines[1]).toBe("Job 12  orbit_010                                      failed after 12 min 00 s");
  expect(lines.slice(-2)).toEqual([
    "■ 239 done  X 1 failed                                                      99%",
    "10 s a frame",
  ]);
});

test.each<[string, JobState, Partial<JobView>]>([
  ["waiting", "queued", {}],
  ["paused", "paused", { isHeld: true }],
  ["pausing after these frames", "pausing", { isHeld: true }],
  ["stopping", "canceling", { isHeld: true }],
  ["done in 12 min 00 s", "succeeded", {}],
  ["canceled after 12 min 00 s", "canceled", {}],
  ["no answer from the broker", "running", { isAway: true }],
])("the title says %s", (words, state, more) => {
  const lines = drawBlock(viewOf([oneStep], more, state), { columns: 80, rows: 24 }, look);
  expect(lines[1]?.endsWith(` ${words}`)).toBe(true);
  // Nobody can say how long it takes while nothing is heard.
  if (more.isAway || more.isHeld) expect(lines.join("\n")).not.toContain("left");
});

test("no size makes it taller or wider than the terminal, and every size says how far the job is", () => {
  const jobs = [
    [oneStep],
    [{ ...oneStep, states: new Uint8Array(100_000).fill(3), frames: "1-100000" }],
    Array.from({ length: 12 }, (_, n) => ({ ...oneStep, name: `A rather long name ${n}` })),
  ];
  for (const steps of jobs)
    for (const columns of [12, 20, 33, 40, 57, 80, 120, 250])
      for (const rows of [3, 4, 5, 6, 8, 10, 13, 24, 60]) {
        const lines = drawBlock(viewOf(steps), { columns, rows }, look);
        const size = `${columns}x${rows}`;
        expect(lines.length, size).toBeLessThan(rows);
        for (const line of lines) expect(columnsOf(line), `${size}: ${line}`).toBeLessThan(columns);
        expect(lines.join("\n"), size).toMatch(/[■&X]/);
      }
});
