// Turns what happened to a job into finished and failed frames: a frame is told once, when its file is home, with that
// file's name.
import type { Artifact, Event } from "../contract/attempt.ts";
import type { Answer, Client } from "../contract/client.ts";
import { frameNumbers } from "../contract/frame-names.ts";
import type { JobDetail, Task } from "../contract/job.ts";
import { taskStates, type TaskState } from "../contract/states.ts";
import type { Listener } from "./follow.ts";
import { createFrameFiles, isPicture } from "./frame-files.ts";
import type { Gap, JobFeed } from "./job-feed.ts";
import { createFrameNames, pages } from "./job-reads.ts";

export interface Teller {
  tell(event: Event): Promise<void>;
  /** Events after one cursor up to another, read back. */
  tellHistory(after: number, upTo: number): Promise<void>;
  /** What the frames became while nobody told it. Returns how many that were done are not done any more. */
  tellGap(gap: Gap): Promise<number>;
  /** Frames whose file has not come: nothing more comes. */
  flush(): Promise<void>;
  /** The number of a frame as people say it; null for a task that is no frame. */
  nameOf(step: string, ordinal: number): Promise<string | null>;
}

/** `waits`: somebody brings the files home, and their frames are told then. */
export function createTeller(feed: JobFeed, job: JobDetail, listener: Listener, waits: boolean): Teller {
  const waiting = createFrameFiles(job.outputPattern);
  const stepSavesFiles = new Map<string, boolean>();
  const nameOf = createNames(feed, job);

  async function savesFiles(step: string): Promise<boolean> {
    if (job.outputPattern !== null) return true;
    let known = stepSavesFiles.get(step);
    if (known === undefined) {
      known = await feed.ask(async (client) => {
        for await (const artifact of pages<Artifact>(client, `/v1/jobs/${job.number}/artifacts`))
          if (artifact.step === step) return true;
        return false;
      });
      stepSavesFiles.set(step, known);
    }
    return known;
  }

  async function tell(event: Event): Promise<void> {
    await listener.event?.(event);
    const now = Date.parse(event.at);
    const { step, first, data } = event;
    if (step === null || first === null || data === null) return;
    const key = keyOf(step, first);
    const about = { step, worker: textOf(data["worker"]) };
    if (event.kind === "artifact.delivered") {
      // A file that came too late, of a try whose frame has a newer one: that one is still to come.
      if (event.state === "failed" || event.state === "outdated") return;
      const done = waiting.delivered(key, textOf(data["name"]), event.state === "skipped", now);
      if (done !== undefined) await listener.finished(done);
      return;
    }
    if (event.kind !== "task.changed") return;
    for (const done of waiting.overdue(now)) await listener.finished(done);
    if (event.state === "succeeded") {
      const seconds = typeof data["seconds"] === "number" ? data["seconds"] : null;
      const done = {
        ...about,
        frame: await nameOf(step, first),
        seconds,
        device: textOf(data["device"]),
        file: null,
        kept: false,
      };
      if (waits && (await savesFiles(step))) waiting.succeeded(key, done);
      else await listener.finished(done);
    } else if (typeof data["reason"] === "string") {
      const willRetry = data["willRetry"] === true;
      const { reason } = data;
      await listener.failed({ ...about, frame: await nameOf(step, first), reason, willRetry });
    }
  }

  async function tellHistory(after: number, upTo: number): Promise<void> {
    for (let cursor = after; cursor < upTo;) {
      // oxlint-disable no-await-in-loop -- page after page, event after event
      const query = { job: job.number, after: cursor, limit: 1000 };
      const page = await feed.ask((client) =>
        client.call<Answer<"listEvents">>("get", "/v1/events", { query }),
      );
      for (const event of page.events) if (event.cursor <= upTo) await tell(event);
      if (page.events.length === 0) return;
      ({ cursor } = page);
      // oxlint-enable no-await-in-loop
    }
  }

  /** Tasks of a step that are in this state now. */
  function tasksIn(step: string, state: TaskState): Promise<Task[]> {
    return feed.ask(async (client) => {
      const tasks: Task[] = [];
      for await (const task of pages<Task>(client, `/v1/jobs/${job.number}/tasks`, { step, state }))
        tasks.push(task);
      return tasks;
    });
  }

  async function tellGap({ before, after }: Gap): Promise<number> {
    let lost = 0;
    for (const [step, states] of after) {
      const become = { succeeded: new Set<number>(), failed: new Set<number>() };
      const inWait = new Set<number>();
      for (const [ordinal, index] of states.entries()) {
        const now = taskStates[index];
        const was = taskStates[before.get(step)?.[ordinal] ?? 0];
        if (waiting.has(keyOf(step, ordinal))) inWait.add(ordinal);
        if (now !== was && (now === "succeeded" || now === "failed")) become[now].add(ordinal);
        if (now === was || was !== "succeeded") continue;
        lost++;
        waiting.forget(keyOf(step, ordinal));
        inWait.delete(ordinal);
      }
      // oxlint-disable no-await-in-loop -- in order, one at a time
      if (become.succeeded.size + inWait.size > 0)
        for (const task of await tasksIn(step, "succeeded")) {
          const isNew = become.succeeded.has(task.ordinal);
          if (isNew || inWait.has(task.ordinal)) await tellDone(task, isNew);
        }
      if (become.failed.size > 0)
        for (const { ordinal, frame, worker, reason } of await tasksIn(step, "failed"))
          if (become.failed.has(ordinal))
            await listener.failed({ step, frame, worker, reason: reason ?? "", willRetry: false });
      // oxlint-enable no-await-in-loop
    }
    return lost;
  }

  async function tellDone(task: Task, isNew: boolean): Promise<void> {
    const { step, frame, seconds, worker, files } = task;
    const file = files.find((one) => isPicture(job.outputPattern, one)) ?? files[0] ?? null;
    const done = { step, frame, seconds, worker, device: null, file, kept: false };
    const key = keyOf(step, task.ordinal);
    if (file === null && waits && (await savesFiles(step))) {
      if (isNew) waiting.succeeded(key, done);
      return;
    }
    waiting.forget(key);
    await listener.finished(done);
  }

  async function flush(): Promise<void> {
    for (const done of waiting.rest()) await listener.finished(done);
  }

  return { tell, tellHistory, tellGap, flush, nameOf };
}

/** Names of frames, as the feed says them; of steps whose numbers are too irregular for that the broker is asked. */
function createNames(
  feed: JobFeed,
  job: JobDetail,
): (step: string, ordinal: number) => Promise<string | null> {
  let asked: { client: Client; frameOf: ReturnType<typeof createFrameNames> } | undefined;
  return async (step, ordinal) => {
    const text = feed.store.steps.get(job.number)?.get(step)?.frames ?? null;
    if (text !== null) {
      const number = frameNumbers(text)(ordinal);
      return number === undefined ? null : String(number);
    }
    return feed.ask((client) => {
      if (asked?.client !== client) asked = { client, frameOf: createFrameNames(client, job) };
      return asked.frameOf(step, ordinal);
    });
  };
}

const keyOf = (step: string, ordinal: number) => `${ordinal} ${step}`;

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
