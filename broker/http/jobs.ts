// Handlers of the operations on jobs, frames, tries and events.
import { Problem } from "../contract/problem.ts";
import { taskStates, jobStates } from "../contract/states.ts";
import { idOf, requireNumber } from "../service/ids.ts";
import { cursorNumber } from "../service/paging.ts";
import { requeueTasks } from "../service/requeue.ts";
import { setJobIntent, setJobPriority } from "../service/set-intent.ts";
import { planOnly, submitJob } from "../service/submit-job.ts";
import { whyJobPaused } from "../service/why-paused.ts";
import { eventsAfter, newestCursor } from "../store/events.ts";
import { prunedTo } from "../store/feed.ts";
import { getJobDetail, listJobs } from "../store/read-jobs.ts";
import { filesOf, listAttemptRows, listTaskRows, newestAttempt } from "../store/read-tasks.ts";
import { framesOf, jobNumber, jobOf, type HttpContext } from "./context.ts";
import type { Handlers } from "./mount.ts";

type JobHandlers = Pick<
  Handlers,
  | "submitJob"
  | "planJob"
  | "listJobs"
  | "getJob"
  | "setJobIntent"
  | "setJobPriority"
  | "requeueTasks"
  | "listTasks"
  | "listAttempts"
  | "readLog"
  | "listEvents"
>;

const at = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());

function oneOf(value: string | undefined, allowed: readonly string[], name: string): void {
  if (value !== undefined && !allowed.includes(value)) {
    throw new Problem("invalid", `There is no state "${value}". There are: ${allowed.join(", ")}.`, {
      errors: [{ pointer: name, detail: "unknown" }],
    });
  }
}

/** The handlers over one context. */
export function jobHandlers(context: HttpContext): JobHandlers {
  const { broker, db, logs } = context;
  return {
    submitJob: async ({ who, headers, body }) =>
      jobOf(context, await submitJob(broker, who, headers["idempotency-key"], body)),
    planJob: ({ body }) => planOnly(broker, body),
    listJobs({ query: { state, owner, after, limit } }) {
      oneOf(state, jobStates, "state");
      const items = listJobs(db, { state, owner, before: cursorNumber(after), limit });
      return { items, next: items.length === limit ? String(items.at(-1)?.number) : null };
    },
    getJob({ params }) {
      const number = jobNumber(context, params.job);
      const { plan } = broker.plans.of(number);
      const detail = getJobDetail(db, number, (index) => plan.steps[index]?.dependsOn ?? []);
      if (!detail) throw new Problem("not-found", `There is no job ${params.job}.`);
      return { ...detail, ...whyJobPaused(broker, db, number) };
    },
    async setJobIntent({ params, body }) {
      const number = jobNumber(context, params.job);
      await setJobIntent(broker, number, body.intent);
      return jobOf(context, number);
    },
    async setJobPriority({ params, body }) {
      const number = jobNumber(context, params.job);
      await setJobPriority(broker, number, body.priority);
      return jobOf(context, number);
    },
    requeueTasks: async ({ params, body }) => ({
      requeued: await requeueTasks(broker, jobNumber(context, params.job), body),
    }),
    listTasks({ params, query: { after, limit, step, ordinal, state } }) {
      const number = jobNumber(context, params.job);
      oneOf(state, taskStates, "state");
      const mark = after === undefined ? null : /^(\d{1,6})-(\d{1,9})$/.exec(after);
      if (after !== undefined && !mark)
        throw new Problem("malformed", "The page mark `after` is not one that this broker gave.");
      const rows = listTaskRows(db, number, {
        step,
        ordinal,
        state,
        after: mark && [Number(mark[1]), Number(mark[2])],
        limit,
      });
      const frames = framesOf(context, number);
      const items = rows.map((row) => {
        const attempt = newestAttempt(broker.rows, row.stepId, row.ordinal);
        return {
          step: row.step,
          ordinal: row.ordinal,
          ...frames(row.stepIndex, row.ordinal),
          state: row.state,
          generation: row.generation,
          failures: row.failures,
          losses: row.losses,
          reason: attempt?.reason ?? null,
          seconds: attempt?.seconds ?? null,
          worker: attempt?.worker ?? null,
          files: attempt ? filesOf(broker.rows, attempt.id) : [],
        };
      });
      const last = rows.at(-1);
      return { items, next: last && rows.length === limit ? `${last.stepIndex}-${last.ordinal}` : null };
    },
    listAttempts({ params, query: { after, limit, step, ordinal, begun } }) {
      const number = jobNumber(context, params.job);
      const filter = { step, ordinal, begun, before: cursorNumber(after), limit };
      const rows = listAttemptRows(db, number, filter);
      const frames = framesOf(context, number);
      const items = rows.map(({ stepIndex, ...row }) => ({
        ...row,
        id: idOf("attempt", row.id),
        leaseId: idOf("lease", row.leaseId),
        frame: frames(stepIndex, row.ordinal).frame,
        createdAt: at(row.createdAt) as string,
        startedAt: at(row.startedAt),
        endedAt: at(row.endedAt),
      }));
      return { items, next: rows.length === limit ? String(rows.at(-1)?.id) : null };
    },
    async readLog({ params, query }) {
      const bytes = await logs.read(requireNumber("attempt", params.attempt), query.from, query.limit);
      return new Response(bytes, {
        headers: { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" },
      });
    },
    async listEvents({ query, signal }) {
      const job = query.job === undefined ? null : jobNumber(context, query.job);
      if (query.after === undefined)
        return { cursor: newestCursor(broker.reader), oldest: prunedTo(broker.rows), events: [] };
      const { after } = query;
      if (after > newestCursor(broker.reader)) {
        throw new Problem(
          "cursor-expired",
          "This cursor is newer than anything here: it comes from another database. Start again without it.",
        );
      }
      if (after < prunedTo(broker.rows)) {
        throw new Problem(
          "cursor-expired",
          "Events that old are gone. Read the jobs anew, and start again without a cursor.",
        );
      }
      const deadline = broker.clock.monotonic() + query.waitSeconds * 1000;
      for (;;) {
        // Read before looking: what is committed in between is then seen by the next call, not lost.
        const newest = newestCursor(broker.reader);
        const events = eventsAfter(broker.reader, after, job, query.limit);
        const left = deadline - broker.clock.monotonic();
        if (events.length > 0 || left <= 0 || signal.aborted || broker.stopping) {
          const cursor =
            events.length === query.limit
              ? (events.at(-1)?.cursor ?? newest)
              : Math.max(newest, events.at(-1)?.cursor ?? 0);
          return { cursor, oldest: prunedTo(broker.rows), events };
        }
        // oxlint-disable-next-line no-await-in-loop -- this is what waiting is
        await context.nextCommit(left, signal);
      }
    },
  };
}
