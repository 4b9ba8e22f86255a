// Small templates and submissions for tests, and ways to wait for what a job becomes.
import { randomUUID } from "node:crypto";
import type { Job, SubmitInput } from "../../broker/contract/job.ts";
import type { Event } from "../../broker/contract/attempt.ts";
import type { Api } from "./api.ts";

export interface StepShape {
  name?: string;
  frames?: string;
  dependsOn?: string[];
  /** Tasks a chunk; with `targetSeconds` above 0 the size is chosen when leasing. */
  chunk?: number;
  targetSeconds?: number;
  requires?: { amounts?: object[]; attributes?: object[] };
  /** A step environment, which gives the step a session of its own. */
  environment?: boolean;
}

/** The text of a job template with these steps. */
export function templateOf(steps: readonly StepShape[], name = "shot"): string {
  return JSON.stringify({
    specificationVersion: "jobtemplate-2023-09",
    ...(steps.some((step) => step.chunk !== undefined) && { extensions: ["TASK_CHUNKING"] }),
    name,
    steps: steps.map(stepOf),
  });
}

function stepOf(shape: StepShape) {
  const { name = "render", frames = "1-3", dependsOn = [], chunk, targetSeconds = 0, requires } = shape;
  const chunks = {
    defaultTaskCount: chunk,
    rangeConstraint: "CONTIGUOUS",
    ...(targetSeconds > 0 && { targetRuntimeSeconds: targetSeconds }),
  };
  const frame =
    chunk === undefined
      ? { name: "Frame", type: "INT", range: frames }
      : { name: "Frame", type: "CHUNK[INT]", range: frames, chunks };
  return {
    name,
    parameterSpace: { taskParameterDefinitions: [frame] },
    script: { actions: { onRun: { command: "true", args: ["{{Task.Param.Frame}}"] } } },
    ...(requires && { hostRequirements: requires }),
    ...(dependsOn.length > 0 && { dependencies: dependsOn.map((one) => ({ dependsOn: one })) }),
    ...(shape.environment && {
      stepEnvironments: [{ name: "tools", script: { actions: { onEnter: { command: "true" } } } }],
    }),
  };
}

/** A submission of these steps. */
export function submission(
  steps: readonly StepShape[] = [{}],
  settings: SubmitInput["settings"] = {},
): SubmitInput {
  return { template: templateOf(steps), settings };
}

/** Submits and returns the job. */
export function submit(
  api: Api,
  steps: readonly StepShape[] = [{}],
  settings: SubmitInput["settings"] = {},
): Promise<Job> {
  return api.ok("submitJob", {
    headers: { "idempotency-key": randomUUID() },
    body: submission(steps, settings),
  });
}

/** Waits until `done` says so, woken by events and never by time. */
export async function until<T>(api: Api, look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    // oxlint-disable no-await-in-loop -- this is what waiting is
    const { cursor } = await api.ok("listEvents");
    const found = await look();
    if (found !== undefined) return found;
    await api.ok("listEvents", { query: { after: cursor, waitSeconds: 25 } });
    // oxlint-enable no-await-in-loop
  }
}

/** Waits until a job has this state, and returns it. */
export function untilState(api: Api, job: number, state: Job["state"]): Promise<Job> {
  return until(api, async () => {
    const found = await api.ok("getJob", { params: { job } });
    return found.state === state ? found : undefined;
  });
}

/** Every event after a cursor. */
export async function eventsSince(api: Api, after: number): Promise<Event[]> {
  const all: Event[] = [];
  for (let cursor = after; ;) {
    // oxlint-disable-next-line no-await-in-loop -- page after page
    const page = await api.ok("listEvents", { query: { after: cursor, limit: 1000 } });
    all.push(...page.events);
    if (page.events.length < 1000) return all;
    cursor = page.cursor;
  }
}

/** The states of all tasks of a job as one word a task, in order. */
export async function taskStatesOf(api: Api, job: number): Promise<string[]> {
  const { items } = await api.ok("listTasks", { params: { job }, query: { limit: 1000 } });
  return items.map((task) => task.state);
}
