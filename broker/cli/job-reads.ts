// What several commands read about a job: its frames by name, its tries, and the files that are not home yet.
import type { Answer, Client } from "../contract/client.ts";
import type { Artifact, Attempt } from "../contract/attempt.ts";
import type { Job, JobDetail, Task } from "../contract/job.ts";
import { addTries, type Timings } from "../contract/timings.ts";

/** Every item of a paged list, one page after another. */
export async function* pages<T>(
  client: Client,
  path: string,
  query: Record<string, string | number | boolean | undefined> = {},
): AsyncGenerator<T> {
  let after: string | undefined;
  do {
    // oxlint-disable-next-line no-await-in-loop -- a page names the next one
    const page = await client.call<{ items: T[]; next: string | null }>("get", path, {
      query: { limit: 1000, ...query, after },
    });
    yield* page.items;
    after = page.next ?? undefined;
  } while (after !== undefined);
}

/** One job with its steps; `job` is a number, an id or `latest`. */
export function getJob(client: Client, job: string): Promise<JobDetail> {
  return client.call<Answer<"getJob">>("get", `/v1/jobs/${job}`);
}

/** Tries of a job, newest first. */
export async function listAttempts(
  client: Client,
  job: number,
  query: { step?: string; ordinal?: number; limit?: number },
): Promise<Attempt[]> {
  const answer = await client.call<Answer<"listAttempts">>("get", `/v1/jobs/${job}/attempts`, { query });
  return answer.items;
}

/** Reads how long the frames of a job took; `changed` after each page of tries. */
export function readTimes(
  client: Client,
  job: number,
  timings: Timings,
  changed?: () => void,
): Promise<void> {
  const list = (query: { limit: number; after: string | undefined }) =>
    client.call<Answer<"listAttempts">>("get", `/v1/jobs/${job}/attempts`, { query });
  return addTries(timings, list, changed);
}

/** Jobs up to this size are read whole once; of larger ones a frame's name is asked for when it is needed. */
const readWholeUpTo = 5000;

/** Tells the frame number behind (step, ordinal): null for a task that is no frame. */
export function createFrameNames(
  client: Client,
  job: Job,
): (step: string, ordinal: number) => Promise<string | null> {
  const known = new Map<string, string | null>();
  let whole: Promise<void> | undefined;
  const key = (step: string, ordinal: number) => `${ordinal} ${step}`;
  async function readWhole(): Promise<void> {
    for await (const task of pages<Task>(client, `/v1/jobs/${job.number}/tasks`))
      known.set(key(task.step, task.ordinal), task.frame);
  }
  return async (step, ordinal) => {
    if (job.taskCount <= readWholeUpTo) await (whole ??= readWhole());
    const name = known.get(key(step, ordinal));
    if (name !== undefined) return name;
    const [attempt] = await listAttempts(client, job.number, { step, ordinal, limit: 1 });
    const frame = attempt?.frame ?? null;
    known.set(key(step, ordinal), frame);
    return frame;
  };
}

/** Result files that are not home: still on their way, or held up by a problem that names what to do. */
export async function undelivered(client: Client, job: number): Promise<Artifact[]> {
  const waiting: Artifact[] = [];
  for await (const artifact of pages<Artifact>(client, `/v1/jobs/${job}/artifacts`))
    if (artifact.deliveredAt === null && artifact.state === "current") waiting.push(artifact);
  return waiting;
}
