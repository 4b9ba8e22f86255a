// Bad input, line by line: the right problem code, a pointer to the field, and nothing stored.
import { afterAll, beforeAll, expect, test } from "vitest";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { maxLabels } from "../../broker/contract/job.ts";
import type { ProblemBody, ProblemCode } from "../../broker/contract/problem.ts";
import { submission, submit, taskStatesOf, templateOf, until } from "../support/builders.ts";
import { openBroker, type TestBroker } from "../support/start-broker.ts";
import { storedIn } from "../support/unchanged.ts";

const folder = mkdtempSync(join(tmpdir(), "tally-bad-input-"));
let broker: TestBroker;

beforeAll(async () => {
  broker = await openBroker({ dataFolder: folder });
});
afterAll(async () => {
  await broker.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Submits, expects this refusal at this field, and that nothing was stored. */
async function refused(body: unknown, code: ProblemCode, pointer?: string): Promise<ProblemBody> {
  const before = storedIn(broker);
  const headers = { "idempotency-key": randomUUID() };
  const problem = await broker.api.problem("submitJob", code, { body, headers });
  expect(storedIn(broker)).toEqual(before);
  if (pointer !== undefined) expect(problem.errors?.map((one) => one.pointer)).toContain(pointer);
  expect(problem.detail).toMatch(/^[A-Z"“].*[^ ]$/s);
  // The plan says the same, so that a dry run never promises what submit refuses.
  expect((await broker.api.problem("planJob", code, { body })).errors).toEqual(problem.errors);
  return problem;
}

function withParameter(parameter: object): string {
  return JSON.stringify({ ...JSON.parse(templateOf([{}])), parameterDefinitions: [parameter] });
}

test("a malformed template: not YAML", async () => {
  const { detail } = await refused({ template: "name: [unclosed\nsteps: }" }, "invalid", "template");
  expect(detail).toContain("cannot be read");
});

test("a malformed template: a key that does not exist, and one that is missing", async () => {
  const template = JSON.stringify({ specificationVersion: "jobtemplate-2023-09", name: "x", stepz: [] });
  const problem = await refused({ template }, "invalid");
  expect(problem.errors?.every((one) => one.pointer.startsWith("template"))).toBe(true);
  expect(JSON.stringify(problem.errors)).toContain("stepz");
});

test("a malformed template: every mistake is named at once, with where it stands", async () => {
  const template = templateOf([{ name: "" }, { frames: "1-x" }]);
  const problem = await refused({ template }, "invalid", "template.steps[0].name");
  expect(problem.errors?.length).toBeGreaterThan(1);
});

test("an unknown parameter", async () => {
  const body = { ...submission(), parameters: { Sampels: 4 } };
  const { detail } = await refused(body, "invalid");
  expect(detail).toContain("Sampels");
});

test("a wrong type", async () => {
  const template = withParameter({ name: "Samples", type: "INT", default: 4 });
  const problem = await refused({ template, parameters: { Samples: "many" } }, "invalid");
  expect(problem.errors?.[0]?.pointer).toMatch(/^parameters\.Samples/);
  await refused({ template, parameters: { Samples: [4] } }, "invalid", "parameters.Samples");
});

test("a missing setting, and a misspelt one", async () => {
  await refused(
    { template: withParameter({ name: "Scene", type: "STRING" }) },
    "invalid",
    "parameters.Scene",
  );
  const { detail } = await refused({ ...submission(), settings: { pirority: 3 } }, "invalid", "settings");
  expect(detail).toContain("pirority");
});

test.each([
  ["priority", 101],
  ["priority", 1.5],
  ["maxRetries", -1],
  ["order", "backwards"],
  ["conflict", "ask"],
  ["blenderSeries", "4"],
])("a setting out of its range: %s %s", async (name, value) => {
  const { detail } = await refused(
    { ...submission(), settings: { [name]: value } },
    "invalid",
    `settings.${name}`,
  );
  expect(detail).toMatch(/^The field settings\.\w+ is not valid\. It .*\.$/);
});

test("more labels than lists of jobs, and everybody who follows them, can carry", async () => {
  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`label ${n}`, "x"]));
  const bad = await refused(submission([{}], { labels: many(maxLabels + 1) }), "invalid", "settings.labels");
  expect(bad.detail).toBe(`The field settings.labels is not valid. A job has at most ${maxLabels} labels.`);
  expect((await submit(broker.api, [{}], { labels: many(maxLabels) })).labels["label 7"]).toBe("x");
});

test("a pool that nobody knows: found at submit, with the flag that mends it", async () => {
  const body = { ...submission(), settings: { pool: "loacl" } };
  const { detail } = await refused(body, "invalid", "settings.pool");
  expect(detail).toBe(
    'There is no pool "loacl". There are: local. Name one of them with --pool, or leave it out.',
  );
});

test("a range with an end before its start", async () => {
  const problem = await refused(submission([{ frames: "10-1" }]), "invalid");
  expect(problem.errors?.[0]?.pointer).toContain("template.steps[0].parameterSpace");
});

test("duplicate frames", async () => {
  const problem = await refused(submission([{ frames: "1-10,5" }]), "invalid");
  expect(problem.errors?.[0]?.pointer).toContain("template.steps[0].parameterSpace");
  expect(problem.detail).toMatch(/5|overlap|twice/);
});

/** A template whose frames are a parameter, with others beside it. */
const withFrames = JSON.stringify({
  specificationVersion: "jobtemplate-2023-09",
  name: "x",
  parameterDefinitions: [
    { name: "Frames", type: "STRING" },
    { name: "Samples", type: "INT", minValue: 0 },
    { name: "Scale", type: "INT", minValue: 0 },
  ],
  steps: [
    {
      name: "render",
      parameterSpace: {
        taskParameterDefinitions: [{ name: "Frame", type: "INT", range: "{{Param.Frames}}" }],
      },
      script: { actions: { onRun: { command: "true" } } },
    },
  ],
});

test("a frame list that is a parameter's value: the mistake is the parameter's, in words about frames", async () => {
  const ask = async (frames: string) => {
    const parameters = { Frames: frames, Samples: 1, Scale: 1 };
    const { errors, detail } = await refused({ template: withFrames, parameters }, "invalid");
    expect(errors?.map(({ pointer }) => pointer)).toEqual(["parameters.Frames"]);
    expect(detail).toContain(errors?.[0]?.detail);
    return errors?.[0]?.detail;
  };
  expect(await ask("1-1O")).toBe('"1-1O" is no frame list. Write for example 1-10,15,20-40:2.');
  expect(await ask("10-1")).toBe('"10-1" ends before it starts. Write 1-10 instead.');
  expect(await ask("1-10,5")).toBe(
    'Frame 5 is named twice in "1-10,5". Name every frame once, for example 1-10,15.',
  );
  expect(await ask("1-200000")).toContain("200,000 frames; 100,000 is the most");
});

test("mistakes of settings, parameters and frames come in one answer, each at its field", async () => {
  const body = {
    template: withFrames,
    parameters: { Frames: "1-1O", Samples: "abc", Scale: -5, Extra: 1 },
    settings: { priority: 900, pool: "nowhere", colour: "red" },
  };
  const { errors } = await refused(body, "invalid");
  expect(Object.fromEntries((errors ?? []).map(({ pointer, detail }) => [pointer, detail]))).toEqual({
    settings: "There is no setting called colour.",
    "settings.priority": "It may be at most 100.",
    "settings.pool": 'There is no pool "nowhere". There are: local.',
    "parameters.Extra": expect.stringContaining("no parameter"),
    "parameters.Samples": expect.stringContaining("whole number"),
    "parameters.Scale": expect.stringContaining("less than 0"),
    "parameters.Frames": expect.stringContaining("no frame list"),
  });
  // A value of no form at all is one mistake, not also a missing one.
  const odd = await refused({ ...body, parameters: { ...body.parameters, Samples: [4] } }, "invalid");
  expect(odd.errors?.filter(({ pointer }) => pointer === "parameters.Samples")).toHaveLength(1);
  expect(odd.errors).toHaveLength(7);
  // With a template that cannot be read, what is wrong beside it is said too.
  const unread = await refused(
    { template: "a: b: c", settings: { priority: 900, pool: "nowhere" } },
    "invalid",
  );
  expect(unread.errors?.map(({ pointer }) => pointer).toSorted()).toEqual([
    "settings.pool",
    "settings.priority",
    "template",
  ]);
});

test("2,000,000 tasks", async () => {
  const { detail } = await refused(submission([{ frames: "1-2000000" }]), "invalid", "template.steps");
  expect(detail).toContain("2,000,000 frames");
  expect(detail).toContain("100,000");
});

test("2,000,000 tasks in two steps", async () => {
  const steps = [
    { name: "a", frames: "1-60000" },
    { name: "b", frames: "1-60000" },
  ];
  await refused(submission(steps), "invalid", "template.steps");
});

test("a 10 MB template", async () => {
  await refused({ template: "#".repeat(10 * 1024 * 1024) }, "too-large");
  await refused({ template: "#".repeat(5 * 1024 * 1024) }, "too-large", "template");
});

test("a 10 MB body that does not say how long it is", async () => {
  const before = storedIn(broker);
  const part = new TextEncoder().encode("#".repeat(1024 * 1024));
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent++ < 10) controller.enqueue(part);
      else controller.close();
    },
  });
  const answer = await fetch(`${broker.url}/v1/jobs`, {
    method: "POST",
    headers: { authorization: `Bearer ${broker.adminToken}`, "idempotency-key": randomUUID() },
    body,
    duplex: "half",
  } as RequestInit);
  expect(answer.status).toBe(413);
  expect(storedIn(broker)).toEqual(before);
});

test("no JSON at all", async () => {
  await refused('{"template": "half', "malformed");
  await refused("[]", "invalid");
});

test("neither a template nor the name of one, or both", async () => {
  await refused({}, "invalid", "template");
  await refused({ ...submission(), templateName: "blender-render" }, "invalid", "template");
  const { detail } = await refused({ templateName: "blendr" }, "not-found", "templateName");
  expect(detail).toContain("blender-render");
});

test("an environment template that is none", async () => {
  const problem = await refused({ ...submission(), environments: ["name: x"] }, "invalid");
  expect(problem.errors?.[0]?.pointer).toMatch(/^environments/);
});

test("a step that depends on itself in a circle", async () => {
  const steps = [
    { name: "a", dependsOn: ["b"] },
    { name: "b", dependsOn: ["a"] },
  ];
  const problem = await refused(submission(steps), "invalid");
  expect(problem.errors?.[0]?.pointer).toContain("template.steps");
});

test("no Idempotency-Key", async () => {
  const before = storedIn(broker);
  const problem = await broker.api.problem("submitJob", "malformed", { body: submission() });
  expect(problem.errors?.[0]?.pointer).toBe("header.idempotency-key");
  expect(storedIn(broker)).toEqual(before);
});

test("an unknown job", async () => {
  for (const job of ["999", "job_999", "lea_1", "0", "-1", "1e3", "9".repeat(40), "%00"]) {
    const params = { job };
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const problem = await broker.api.problem("getJob", "not-found", { params });
    expect(problem.detail).toContain("tally ls");
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await broker.api.problem("setJobIntent", "not-found", { params, body: { intent: "cancel" } });
  }
  await broker.api.problem("getJob", "malformed", { params: { job: "x".repeat(1000) } });
});

test("an illegal transition", async () => {
  const { number: job } = await submit(broker.api);
  await broker.api.ok("setJobIntent", { params: { job }, body: { intent: "cancel" } });
  await until(broker.api, async () =>
    (await taskStatesOf(broker.api, job)).every((state) => state === "canceled") ? true : undefined,
  );
  const before = storedIn(broker);
  for (const intent of ["pause", "run"]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const problem = await broker.api.problem("setJobIntent", "illegal-transition", {
      params: { job },
      body: { intent },
    });
    expect(problem.detail).toContain(`Job ${job} is`);
  }
  expect(storedIn(broker)).toEqual(before);
});

test("a replayed Idempotency-Key answers the same job, ten at once too", async () => {
  const headers = { "idempotency-key": randomUUID() };
  const body = submission([{ frames: "1-5000" }]);
  const first = await broker.api.ok("submitJob", { headers, body });
  const before = storedIn(broker);
  const again = await Promise.all(
    Array.from({ length: 10 }, () => broker.api.ok("submitJob", { headers, body })),
  );
  expect(new Set(again.map((job) => job.number))).toEqual(new Set([first.number]));
  expect(storedIn(broker)).toEqual(before);
});

test("one Idempotency-Key sent twenty times at once makes one job", async () => {
  const headers = { "idempotency-key": randomUUID() };
  const body = submission([{ frames: "1-5000" }]);
  const jobs = () => broker.broker.reader.prepare("SELECT count(*) FROM jobs").pluck().get() as number;
  const before = jobs();
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => broker.api.raw("submitJob", { headers, body })),
  );
  expect(jobs()).toBe(before + 1);
  expect(answers.filter(({ status }) => status === 201).length).toBeGreaterThan(0);
  // Who came while it was being stored is asked to come again, and no answer names another job.
  for (const { status } of answers) expect([201, 503]).toContain(status);
});

test("a conflicting Idempotency-Key", async () => {
  const headers = { "idempotency-key": randomUUID() };
  await broker.api.ok("submitJob", { headers, body: submission() });
  const before = storedIn(broker);
  const body = submission([{ frames: "1-4" }]);
  await broker.api.problem("submitJob", "idempotency-mismatch", { headers, body });
  expect(storedIn(broker)).toEqual(before);
  // Keys are the sender's own: somebody else's does not stand in the way.
  const artist = broker.api.as(await broker.tokenFor("artist"));
  await artist.ok("submitJob", { headers, body });
});

test("a file name that another live job writes", async () => {
  const settings = { outputPattern: "/show/shot_####.png" };
  const first = await submit(broker.api, [{ frames: "1-10" }], settings);
  const body = submission([{ frames: "10-20" }], settings);
  const { detail } = await refusedSubmit(body);
  expect(detail).toContain(`Job ${first.number}`);
  expect(detail).toContain("frame 10");
  await submit(broker.api, [{ frames: "11-20" }], settings);
  await submit(broker.api, [{ frames: "1-20" }], { ...settings, allowSharedOutput: true });
});

async function refusedSubmit(body: unknown): Promise<ProblemBody> {
  const before = storedIn(broker);
  const headers = { "idempotency-key": randomUUID() };
  const problem = await broker.api.problem("submitJob", "conflict", { body, headers });
  expect(problem.errors?.[0]?.pointer).toBe("settings.outputPattern");
  expect(storedIn(broker)).toEqual(before);
  return problem;
}

test("two jobs that write the same files, sent at the same moment: one is taken", async () => {
  const body = submission([{ frames: "1-10" }], { outputPattern: "/show/race_####.png" });
  const answers = await Promise.all(
    Array.from({ length: 8 }, () =>
      broker.api.raw("submitJob", { headers: { "idempotency-key": randomUUID() }, body }),
    ),
  );
  const statuses = answers.map((answer) => answer.status);
  expect(statuses.filter((status) => status === 201)).toHaveLength(1);
  expect(statuses.filter((status) => status === 409)).toHaveLength(7);
});
