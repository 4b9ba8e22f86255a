// The broker's HTTP API as the page calls it: with its cookie, typed by the contract.
import { createClient, ProblemError, UnreachableError, type Answer } from "../contract/client.ts";
import type { Requeue, SubmitInput } from "../contract/job.ts";
import type { PoolIntent, WorkerIntent } from "../contract/states.ts";

type Query = Record<string, string | number | boolean | undefined>;

/** Everything the page asks of the broker. Each call throws ProblemError or UnreachableError. */
export type Api = ReturnType<typeof createPageApi>;

/** The API of the broker that served this page. */
function createPageApi() {
  const client = createClient(location.origin, null);
  const get = <T>(path: string, query: Query = {}, signal?: AbortSignal) =>
    client.call<T>("get", path, { query, ...(signal && { signal }) });
  const of = (job: number | string) => `/v1/jobs/${encodeURIComponent(job)}`;
  return {
    ...client,
    health: () => get<Answer<"health">>("/health"),
    whoAmI: (signal?: AbortSignal) => get<Answer<"whoAmI">>("/v1/me", {}, signal),
    listJobs: (query: Query, signal?: AbortSignal) => get<Answer<"listJobs">>("/v1/jobs", query, signal),
    getJob: (job: number, signal?: AbortSignal) => get<Answer<"getJob">>(of(job), {}, signal),
    listTasks: (job: number, query: Query, signal?: AbortSignal) =>
      get<Answer<"listTasks">>(`${of(job)}/tasks`, query, signal),
    listAttempts: (job: number, query: Query, signal?: AbortSignal) =>
      get<Answer<"listAttempts">>(`${of(job)}/attempts`, query, signal),
    listArtifacts: (job: number, query: Query, signal?: AbortSignal) =>
      get<Answer<"listArtifacts">>(`${of(job)}/artifacts`, query, signal),
    listEvents: (query: Query, signal?: AbortSignal) =>
      get<Answer<"listEvents">>("/v1/events", query, signal),
    /** Bytes of a try's log from an offset; fewer than `limit` where it ends. */
    async readLog(attempt: string, from: number, limit: number, signal?: AbortSignal): Promise<Uint8Array> {
      const path = `/v1/attempts/${encodeURIComponent(attempt)}/log`;
      const answer = await client.raw("get", path, { query: { from, limit }, ...(signal && { signal }) });
      return new Uint8Array(await answer.arrayBuffer());
    },
    setIntent: (job: number, intent: "run" | "pause" | "cancel") =>
      client.call<Answer<"setJobIntent">>("put", `${of(job)}/intent`, { body: { intent } }),
    setPriority: (job: number, priority: number) =>
      client.call<Answer<"setJobPriority">>("put", `${of(job)}/priority`, { body: { priority } }),
    requeue: (job: number, body: Partial<Requeue>) =>
      client.call<Answer<"requeueTasks">>("post", `${of(job)}/requeue`, { body }),
    plan: (body: SubmitInput) => client.call<Answer<"planJob">>("post", "/v1/plans", { body }),
    /** `key` makes a repeated submit the same submit. */
    submit: (body: SubmitInput, key: string) =>
      client.call<Answer<"submitJob">>("post", "/v1/jobs", { body, headers: { "idempotency-key": key } }),
    listTemplates: (signal?: AbortSignal) => get<Answer<"listTemplates">>("/v1/templates", {}, signal),
    getTemplate: (name: string, signal?: AbortSignal) =>
      get<Answer<"getTemplate">>(`/v1/templates/${encodeURIComponent(name)}`, {}, signal),
    setWorkerIntent: (worker: string, intent: WorkerIntent) =>
      client.call<unknown>("put", `/v1/workers/${encodeURIComponent(worker)}/intent`, { body: { intent } }),
    setPoolIntent: (pool: string, intent: PoolIntent) =>
      client.call<Answer<"setPoolIntent">>("put", `/v1/pools/${encodeURIComponent(pool)}/intent`, {
        body: { intent },
      }),
    getSystem: (signal?: AbortSignal) => get<Answer<"getSystem">>("/v1/system", {}, signal),
    signDownloads: (sha256s: string[]) =>
      client.call<Answer<"signDownloads">>("post", "/v1/blobs/downloads", { body: { sha256s } }),
  };
}

export const api = createPageApi();

/** What is said while the broker is away. */
export const noAnswer = "The broker does not answer. If it was stopped, start it: tally serve";

/** Parts of this page are gone: the broker has another one since it was updated. */
export class OldPageError extends Error {
  constructor() {
    super("Tally was updated since this page was opened. Load it anew.");
    this.name = "OldPageError";
  }
}

/** What to say of something that was thrown: one plain sentence, what happened and what to do. */
export function sentenceOf(error: unknown): string {
  if (error instanceof ProblemError) {
    return error.code === "unauthenticated"
      ? "This page is locked. Load it anew, and open it with your token."
      : error.message;
  }
  if (error instanceof UnreachableError) return noAnswer;
  if (error instanceof OldPageError) return error.message;
  return error instanceof Error ? `The page made a mistake: ${error.message}` : "The page made a mistake.";
}
