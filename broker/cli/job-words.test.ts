// Sentences and lines about jobs, as they are read on a terminal or in a pipe.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { JobDetail } from "../contract/job.ts";
import type { Worker } from "../contract/worker.ts";
import { jobSettingsSchema } from "../contract/job.ts";
import {
  countsWords,
  endingText,
  failedLines,
  failureLines,
  finishedLine,
  frameName,
  isHeld,
  pausedHint,
} from "./job-words.ts";

// The sentences name `npx tally` where npm started this; these tests are about the rest.
beforeAll(() => {
  vi.stubEnv("npm_command", undefined);
  vi.stubEnv("npm_lifecycle_event", undefined);
});
afterAll(() => vi.unstubAllEnvs());

const none = { blocked: 0, ready: 0, running: 0, succeeded: 0, failed: 0, canceled: 0 };

function job(change: Partial<JobDetail> = {}): JobDetail {
  const counts = change.counts ?? none;
  return {
    id: "job_12",
    number: 12,
    name: "shot",
    owner: "ana",
    state: "running",
    intent: "run",
    intentReason: null,
    priority: 50,
    labels: {},
    taskCount: 24,
    counts,
    deliveredFiles: 0,
    createdAt: "2026-03-01T10:00:00.000Z",
    startedAt: "2026-03-01T10:00:01.000Z",
    endedAt: null,
    outputPattern: "/shots/tally-demo/####.png",
    templateName: "blender-render",
    picture: null,
    steps: [{ index: 0, name: "Render", dependsOn: [], taskCount: 24, counts, meanSeconds: 2 }],
    parameters: {},
    settings: jobSettingsSchema.parse({}),
    pausedPools: [],
    pausedWorkers: [],
    failures: [],
    ...change,
  };
}

const frame = {
  step: "Render",
  frame: "7",
  seconds: 0.42,
  worker: "render-01",
  device: "CPU",
  file: "/shots/tally-demo/0007.png",
  kept: false,
};

test("a finished frame is one line", () => {
  expect(finishedLine(job(), frame, 100)).toBe("frame 7/24   0.4 s  …/tally-demo/0007.png  [render-01, CPU]");
  expect(finishedLine(job(), { ...frame, worker: "node-3", device: null, file: null }, 100)).toBe(
    "frame 7/24   0.4 s  [node-3]",
  );
});

test("a file that was there and stayed is called so", () => {
  expect(finishedLine(job(), { ...frame, worker: null, kept: true }, 100)).toContain(
    "…/tally-demo/0007.png  kept as it was",
  );
});

test("frames that do not count from one are named without a total", () => {
  expect(frameName(job(), "Render", "24")).toBe("frame 24/24");
  expect(frameName(job(), "Render", "107")).toBe("frame 107");
  expect(frameName(job(), "Render", "-3")).toBe("frame -3");
  expect(frameName(job(), "Encode", null)).toBe("Encode");
  const range = (value: string) => job({ parameters: { Frames: { type: "STRING", value } } });
  expect(frameName(range("1-24"), "Render", "11")).toBe("frame 11/24");
  expect(frameName(range("1-47:2"), "Render", "11")).toBe("frame 11");
  expect(frameName(range("10-33"), "Render", "11")).toBe("frame 11");
});

test("a failed frame is told with what to type; a try that is repeated is not alarming", () => {
  const failed = {
    step: "Render",
    frame: "7",
    worker: "pc",
    reason: "The GPU ran out of memory.",
    willRetry: false,
  };
  expect(failedLines(job(), failed)).toBe(
    "frame 7 failed on pc: The GPU ran out of memory.\n  Read on: tally logs 12 --frame 7",
  );
  expect(failedLines(job(), { ...failed, willRetry: true })).toBe(
    "frame 7 did not succeed on pc and is tried again: The GPU ran out of memory.",
  );
});

test("endings: done, failed, canceled, and rendered but not home", () => {
  const endedAt = "2026-03-01T10:00:13.000Z";
  const done = job({ state: "succeeded", endedAt, counts: { ...none, succeeded: 24 } });
  expect(endingText({ job: done, notHome: [], toPull: 0, failed: [] })).toBe(
    "Job 12 is done: 24 frames in 12 s. They are in /shots/tally-demo\n",
  );
  const failed = job({ state: "failed", endedAt, counts: { ...none, succeeded: 22, failed: 2 } });
  const lines = ["  frames 4, 5: No camera."];
  expect(endingText({ job: failed, notHome: [], toPull: 0, failed: lines })).toBe(
    "Job 12 failed: 2 of 24 frames.\n  frames 4, 5: No camera.\n  What the renderer said: tally logs 12\n  Render them again:      tally requeue 12 --failed\n",
  );
  const canceled = job({ state: "canceled", endedAt, counts: { ...none, succeeded: 7, canceled: 17 } });
  expect(endingText({ job: canceled, notHome: [], toPull: 0, failed: [] })).toContain(
    "Job 12 was canceled after 7 of 24 frames.\n",
  );
  const stuck = {
    id: "fil_1",
    kind: "file" as const,
    of: null,
    attemptId: "att_1",
    step: "Render",
    ordinal: 0,
    frame: "1",
    generation: 1,
    name: "/shots/0001.png",
    bytes: 1,
    sha256: "0".repeat(64),
    state: "current" as const,
    outside: false,
    executable: false,
    kept: true,
    deliveredAt: null,
  };
  const notHome = [{ ...stuck, problem: "the disk is full" }];
  expect(endingText({ job: done, notHome, toPull: 0, failed: [] })).toMatch(
    /is rendered, but 1 file could not be brought home:\n {2}\/shots\/0001\.png: the disk is full\n/,
  );
});

test("failed frames are named with their reason, by the step where there are several", async () => {
  const asked: number[] = [];
  const frameOf = async (step: string, ordinal: number) => {
    asked.push(ordinal);
    return step === "Render" ? String(ordinal + 1) : null;
  };
  const failure = (reason: string, step: string, ordinals: number[], count = ordinals.length) => ({
    reason,
    count,
    step,
    ordinals,
  });
  const failures = [
    failure("No camera.", "Render", [3]),
    failure("No texture.", "Render", [4, 6]),
    failure("No disk.", "Render", [8, 9, 10, 11, 12, 13, 14], 90),
    failure("No ffmpeg.", "Encode", [0]),
    failure("No tool.", "Encode", [1, 2]),
  ];
  expect(await failureLines(job({ failures }), frameOf)).toEqual([
    "  frame 4: No camera.",
    "  frames 5, 7: No texture.",
    "  frames 9, 10, 11, 12, 13, 14, …: No disk.",
    "  Encode: No ffmpeg.",
    "  2 tasks: No tool.",
  ]);
  asked.length = 0;
  const [step] = job().steps;
  const steps = [step, { ...step, index: 1, name: "Encode" }] as JobDetail["steps"];
  expect(await failureLines(job({ failures, steps }), frameOf, 2)).toEqual([
    "  Render frame 4: No camera.",
    "  Render frames 5, 7: No texture.",
    "  and 3 more reasons",
  ]);
  expect(asked).toEqual([3, 4, 6]);
});

test("a job goes on by itself unless it, its pools, or everyone at work on it is paused", () => {
  const at = (...states: Worker["state"][]) => states.map((state) => ({ state }));
  expect(isHeld(job(), at("busy"))).toBe(false);
  expect(isHeld(job(), at("busy", "pausing"))).toBe(false);
  expect(isHeld(job(), at("draining"))).toBe(false);
  expect(isHeld(job(), at("pausing", "pausing"))).toBe(true);
  expect(isHeld(job({ pausedPools: ["local"] }), [])).toBe(true);
  for (const state of ["pausing", "paused", "canceling"] as const)
    expect(isHeld(job({ state }), at("busy"))).toBe(true);
});

test("does not call frames running that a worker has only taken", () => {
  const taken = job({ counts: { ...none, succeeded: 29, running: 11, blocked: 1 } });
  expect(countsWords(taken, 1)).toBe("29 done, 11 running or next, 1 waiting for another step");
  expect(countsWords(taken, 11)).toBe("29 done, 11 running, 1 waiting for another step");
  expect(countsWords(job({ counts: { ...none, ready: 1200 } }), 0)).toBe("1,200 waiting");
});

test("a job that waits for paused workers says which, and how one goes on", () => {
  expect(pausedHint(job())).toBeNull();
  expect(pausedHint(job({ pausedPools: ["local"], pausedWorkers: ["render-01"] }))).toBe(
    "Job 12 waits: the pool local is paused. Let it go on: tally workers resume --pool local",
  );
  expect(pausedHint(job({ pausedPools: ["farm", "night shift"] }))).toBe(
    "Job 12 waits: its pools are paused (farm, night shift). Let it go on: tally workers resume --pool farm",
  );
  expect(pausedHint(job({ pausedWorkers: ["render-01"] }))).toBe(
    "Job 12 waits: the one worker that could render it, render-01, is paused. Let it go on: tally workers resume render-01",
  );
  expect(pausedHint(job({ pausedWorkers: ['anna\'s "desk"', "b", "c", "d"] }))).toBe(
    'Job 12 waits: every worker that could render it is paused (anna\'s "desk", b, others). Let it go on: tally workers resume "anna\'s \\"desk\\""',
  );
});

test("names, reasons and files of others are words in these sentences, and nothing that a terminal obeys", async () => {
  const bad = (word: string) => `${word}\u001b[2J\u001b]0;${word}\u0007\r\n\u009b1m\u202e`;
  const failed = {
    step: bad("step"),
    frame: "7",
    worker: bad("where"),
    reason: bad("reason"),
    willRetry: false,
  };
  const over = job({
    state: "failed",
    endedAt: "2026-03-01T10:00:13.000Z",
    intentReason: bad("intent"),
    failures: [{ reason: bad("why"), count: 1, step: bad("step"), ordinals: [3] }],
    pausedWorkers: [bad("machine")],
  });
  const done = job({
    state: "succeeded",
    endedAt: over.endedAt,
    outputPattern: `/${bad("folder")}/####.png`,
  });
  const said = [
    finishedLine(
      over,
      { ...frame, worker: bad("where"), file: `/shots/${bad("file")}`, device: bad("device") },
      200,
    ),
    failedLines(over, failed),
    failedLines(over, { ...failed, willRetry: true }),
    frameName(over, bad("step"), null),
    endingText({
      job: over,
      notHome: [],
      toPull: 0,
      failed: await failureLines(over, async () => bad("frame")),
    }),
    endingText({ job: done, notHome: [], toPull: 0, failed: [] }),
    pausedHint(over) ?? "",
  ];
  for (const text of said) expect(text).toMatch(/^[ -~…\n]+$/);
  // What it says is all there, in as many lines as ever.
  expect(said.map((text) => text.split("\n").length)).toEqual([1, 2, 1, 1, 5, 2, 1]);
  expect(pausedHint(over)).toContain('tally workers resume "machine [2J ]0;machine 1m "');
});
