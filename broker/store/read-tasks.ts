// Reads of tasks, attempts, artifacts and workers for people, through the read-only connection.
import {
  and,
  asc,
  desc,
  eq,
  gt,
  inArray,
  isNotNull,
  isNull,
  lt,
  notInArray,
  or,
  sql,
  type SQL,
} from "drizzle-orm";
import type { TaskState } from "../contract/states.ts";
import type { ReadDatabase } from "./read-jobs.ts";
import { attempts, leases, steps, tasks, tokens, workers } from "./schema.ts";
import type { Rows } from "./tx.ts";

/** Tasks of a job after (step index, ordinal), in that order. */
export function listTaskRows(
  db: ReadDatabase,
  jobId: number,
  filter: {
    step?: string | undefined;
    ordinal?: number | undefined;
    state?: string | undefined;
    after: [number, number] | null;
    limit: number;
  },
) {
  const conditions: SQL[] = [eq(steps.jobId, jobId)];
  if (filter.step !== undefined) conditions.push(eq(steps.name, filter.step));
  if (filter.ordinal !== undefined) conditions.push(eq(tasks.ordinal, filter.ordinal));
  if (filter.state !== undefined) conditions.push(eq(tasks.state, filter.state as TaskState));
  if (filter.after) {
    const [idx, ordinal] = filter.after;
    conditions.push(or(gt(steps.idx, idx), and(eq(steps.idx, idx), gt(tasks.ordinal, ordinal))) as SQL);
  }
  return db
    .select({
      stepId: steps.id,
      stepIndex: steps.idx,
      step: steps.name,
      ordinal: tasks.ordinal,
      state: tasks.state,
      generation: tasks.generation,
      failures: tasks.failures,
      losses: tasks.losses,
    })
    .from(steps)
    .innerJoin(tasks, eq(tasks.stepId, steps.id))
    .where(and(...conditions))
    .orderBy(asc(steps.idx), asc(tasks.ordinal))
    .limit(filter.limit)
    .all();
}

export interface NewestAttempt {
  id: number;
  reason: string | null;
  seconds: number | null;
  worker: string;
}

/** The newest attempt of one task, with its worker. Written out and prepared once: a page asks for a thousand. */
export function newestAttempt(rows: Rows, stepId: number, ordinal: number): NewestAttempt | undefined {
  return rows.get(
    `SELECT a.id, a.reason, a.seconds, w.name AS worker
     FROM attempts a JOIN leases l ON l.id = a.lease_id JOIN workers w ON w.id = l.worker_id
     WHERE a.step_id = cast(? AS integer) AND a.ordinal = cast(? AS integer) ORDER BY a.id DESC LIMIT 1`,
    stepId,
    ordinal,
  );
}

/** Names of the files of one attempt that are home. */
export function filesOf(rows: Rows, attemptId: number): string[] {
  return rows
    .all<{ name: string }>(
      "SELECT name FROM artifacts WHERE attempt_id = ? AND delivered_at IS NOT NULL",
      attemptId,
    )
    .map((row) => row.name);
}

const attemptColumns = {
  id: attempts.id,
  jobNumber: steps.jobId,
  stepIndex: steps.idx,
  step: steps.name,
  ordinal: attempts.ordinal,
  generation: attempts.generation,
  state: attempts.state,
  worker: workers.name,
  leaseId: attempts.leaseId,
  createdAt: attempts.createdAt,
  startedAt: attempts.startedAt,
  endedAt: attempts.endedAt,
  seconds: attempts.seconds,
  failureClass: attempts.failureClass,
  reason: attempts.reason,
  exitCode: attempts.exitCode,
  device: attempts.device,
  logFrom: attempts.logFrom,
  logTo: attempts.logTo,
};

/** Attempts with their step and worker, before anybody says which. */
function attemptRows(db: ReadDatabase) {
  return db
    .select(attemptColumns)
    .from(attempts)
    .innerJoin(steps, eq(steps.id, attempts.stepId))
    .innerJoin(leases, eq(leases.id, attempts.leaseId))
    .innerJoin(workers, eq(workers.id, leases.workerId));
}

/** What was given to a worker and came back before it was begun is no try: nothing happened to the frame. */
const isBegun = isNotNull(attempts.startedAt);
const isTry = or(isBegun, notInArray(attempts.state, ["released", "canceled"]));

/** Attempts of a job, newest first, below `before`; those that were given back before they began are left out. */
export function listAttemptRows(
  db: ReadDatabase,
  jobId: number,
  filter: {
    step?: string | undefined;
    ordinal?: number | undefined;
    begun: boolean;
    before: number | null;
    limit: number;
  },
) {
  const { step, ordinal, before, limit } = filter;
  const isListed = filter.begun ? isBegun : isTry;
  const stepIds = db
    .select({ id: steps.id, name: steps.name })
    .from(steps)
    .where(eq(steps.jobId, jobId))
    .all()
    .filter((one) => step === undefined || one.name === step)
    .map((one) => one.id);
  // By step, so that the index on (step, ordinal) is used: a look at one frame never reads the history of all.
  const ofFrame = and(
    inArray(attempts.stepId, stepIds),
    ordinal === undefined ? undefined : eq(attempts.ordinal, ordinal),
    before === null ? undefined : lt(attempts.id, before),
    isListed,
  );
  const newest = () => stepIds.flatMap((stepId) => newestOf(db, stepId, isListed, before, limit));
  return attemptRows(db)
    .where(ordinal === undefined ? inArray(attempts.id, firstOf(newest(), limit)) : ofFrame)
    .orderBy(desc(attempts.id))
    .limit(limit)
    .all();
}

const firstOf = (ids: readonly number[], limit: number) => ids.toSorted((a, b) => b - a).slice(0, limit);

/**
 * Ids of the newest attempts of a step, by its leases: attempts are made together with their lease, so both are in the same
 * order, and a page of a hundred thousand is found without sorting them all.
 */
function newestOf(
  db: ReadDatabase,
  stepId: number,
  isListed: SQL | undefined,
  before: number | null,
  limit: number,
): number[] {
  const last = sql`(SELECT lease_id FROM attempts WHERE id < ${before} ORDER BY id DESC LIMIT 1)`;
  const isBefore = before === null ? undefined : and(lt(attempts.id, before), sql`${leases.id} <= ${last}`);
  return db
    .select({ id: attempts.id })
    .from(leases)
    .innerJoin(attempts, eq(attempts.leaseId, leases.id))
    .where(and(eq(leases.stepId, stepId), isBefore, isListed))
    .orderBy(desc(leases.id), desc(attempts.id))
    .limit(limit)
    .all()
    .map(({ id }) => id);
}

export function getAttemptRow(db: ReadDatabase, attemptId: number) {
  return attemptRows(db).where(eq(attempts.id, attemptId)).get();
}

/** Written out, so that the index of the paused ones is used. */
const isPaused = sql`${workers.intent} = 'pause'`;

/** Paused workers whose agent is not here now: they come back paused. */
export function awayWorkerRows(db: ReadDatabase) {
  const isAway = and(isPaused, isNotNull(workers.endedAt));
  return db
    .select()
    .from(workers)
    .where(isAway)
    .orderBy(asc(workers.pool), asc(workers.name))
    .limit(200)
    .all();
}

/** Workers: the live ones and paused ones that are away, or with `all` also the newest 200 that are gone. */
export function listWorkerRows(db: ReadDatabase, all: boolean) {
  // The plus: else SQLite would rather read all there ever were in order than sort the live ones.
  const byId = sql`+${workers.id}`;
  const live = db.select().from(workers).where(isNull(workers.endedAt)).orderBy(byId).all();
  const known = [...live, ...awayWorkerRows(db)];
  if (!all) return known;
  const isGone = and(isNotNull(workers.endedAt), sql`${workers.intent} <> 'pause'`);
  return [...known, ...db.select().from(workers).where(isGone).orderBy(desc(workers.id)).limit(200).all()];
}

export function listTokenRows(db: ReadDatabase) {
  return db.select().from(tokens).where(isNull(tokens.revokedAt)).orderBy(asc(tokens.id)).all();
}

/** One worker, live or gone. */
export function getWorkerRow(db: ReadDatabase, id: number) {
  return db.select().from(workers).where(eq(workers.id, id)).get();
}
