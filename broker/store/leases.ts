// The hot path: leases, attempts and the tasks under them. Every statement here is prepared once and guarded by
// the state tables of domain/.
//
// `cast(? as integer)`: beside an ORDER BY, SQLite makes a new plan each time a plain `?` is bound, because it thinks
// about the value (measured: 8 µs a call instead of 1). The cast hides the value from it.
import type { AttemptState, FailureClass, TaskState } from "../contract/states.ts";
import {
  attemptMachine,
  statesAccepting,
  targetOf,
  taskMachine,
  type AttemptEvent,
  type TaskEvent,
} from "../domain/machine.ts";
import type { Rows, Tx } from "./tx.ts";

const inStates = (states: readonly string[]) => states.map((state) => `'${state}'`).join(", ");
const leasable = inStates(statesAccepting(taskMachine, "lease"));
const openAttempts = inStates(statesAccepting(attemptMachine, "expire"));
const startable = inStates(statesAccepting(attemptMachine, "start"));

/** The first ready task of a step in the job's order of work. */
export function firstReady(
  tx: Tx,
  stepId: number,
): { ordinal: number; chunk: number | null; failures: number } | undefined {
  return tx.get(
    "SELECT ordinal, chunk, failures FROM tasks WHERE step_id = cast(? AS integer) AND state = 'ready' ORDER BY rank LIMIT 1",
    stepId,
  );
}

/** Ready ordinals from `from` on, at most `limit`, none that failed before (those are leased alone). */
export function readyFrom(tx: Tx, stepId: number, from: number, limit: number): number[] {
  return tx
    .all<{ ordinal: number }>(
      `SELECT ordinal FROM tasks WHERE step_id = cast(? AS integer) AND ordinal >= cast(? AS integer)
         AND state = 'ready' AND failures = 0 ORDER BY ordinal LIMIT ?`,
      stepId,
      from,
      limit,
    )
    .map((row) => row.ordinal);
}

/** Ready ordinals of one fixed chunk. By itself SQLite would rather read the whole step in order than sort a few rows. */
export function readyOfChunk(tx: Tx, stepId: number, chunk: number): number[] {
  return tx
    .all<{ ordinal: number }>(
      `SELECT ordinal FROM tasks INDEXED BY tasks_chunk
       WHERE step_id = cast(? AS integer) AND chunk = cast(? AS integer) AND state = 'ready'
       ORDER BY ordinal`,
      stepId,
      chunk,
    )
    .map((row) => row.ordinal);
}

/**
 * Opens a lease; the unique index refuses a second one for the same worker. Returns undefined when the worker is gone or
 * takes no more, by itself or with its pool: that may have come in this very group of writes, which memory hears of only
 * after COMMIT.
 */
export function openLease(tx: Tx, workerId: number, stepId: number): number | undefined {
  const opened = tx.run(
    "INSERT INTO leases (worker_id, step_id, opened_at) SELECT id, ?, ? FROM workers WHERE id = cast(? AS integer) AND state = 'idle'",
    stepId,
    tx.now,
    workerId,
  );
  return opened.changes === 1 ? opened.id : undefined;
}

/** Takes one ready task for a lease: the task runs, an attempt opens. Returns undefined when somebody was faster. */
export function takeTask(
  tx: Tx,
  leaseId: number,
  stepId: number,
  ordinal: number,
): { attemptId: number; generation: number } | undefined {
  const task = tx.get<{ generation: number }>(
    `UPDATE tasks SET state = '${targetOf(taskMachine, "lease")}'
     WHERE step_id = ? AND ordinal = ? AND state IN (${leasable}) RETURNING generation`,
    stepId,
    ordinal,
  );
  if (!task) return undefined;
  const { id } = tx.run(
    "INSERT INTO attempts (lease_id, step_id, ordinal, generation, state, created_at) VALUES (?, ?, ?, ?, 'leased', ?)",
    leaseId,
    stepId,
    ordinal,
    task.generation,
    tx.now,
  );
  return { attemptId: id, generation: task.generation };
}

export interface LeaseRow {
  id: number;
  workerId: number;
  stepId: number;
  closedAt: number | null;
  lastSeq: number;
}
const leaseColumns =
  "id, worker_id AS workerId, step_id AS stepId, closed_at AS closedAt, last_seq AS lastSeq";

export function getLease(tx: Rows, leaseId: number): LeaseRow | undefined {
  return tx.get(`SELECT ${leaseColumns} FROM leases WHERE id = ?`, leaseId);
}

/** The one open lease of a worker, if it has one. */
export function openLeaseOf(tx: Tx, workerId: number): LeaseRow | undefined {
  return tx.get(`SELECT ${leaseColumns} FROM leases WHERE worker_id = ? AND closed_at IS NULL`, workerId);
}

/** Notes the newest report of a lease and, when `close`, that it ended. */
export function markLease(tx: Tx, leaseId: number, seq: number, close: boolean): void {
  tx.run(
    "UPDATE leases SET last_seq = max(last_seq, ?), closed_at = ? WHERE id = ?",
    seq,
    close ? tx.now : null,
    leaseId,
  );
}

export interface OpenAttempt {
  id: number;
  ordinal: number;
  generation: number;
  state: AttemptState;
  startedAt: number | null;
}

/** Attempts of a lease that are not closed, in order. */
export function openAttemptsOf(tx: Tx, leaseId: number): OpenAttempt[] {
  return tx.all(
    `SELECT id, ordinal, generation, state, started_at AS startedAt FROM attempts
     WHERE lease_id = cast(? AS integer) AND ended_at IS NULL ORDER BY id`,
    leaseId,
  );
}

/** Notes that an attempt started and where its text begins in the lease's log. */
export function startAttempt(tx: Tx, attemptId: number, logFrom: number): boolean {
  return (
    tx.run(
      `UPDATE attempts SET state = 'started', started_at = ?, log_from = ? WHERE id = ? AND state IN (${startable})`,
      tx.now,
      logFrom,
      attemptId,
    ).changes === 1
  );
}

export interface Closing {
  event: AttemptEvent;
  /** It starts with this very change: nobody said so before. */
  startsNow?: boolean;
  seconds?: number;
  failureClass?: FailureClass;
  reason?: string;
  exitCode?: number;
  device?: string;
  logTo?: number;
}

/**
 * Where the text of an attempt begins that nobody said of that it started: a failure on the way to it is told from the log's
 * beginning; of what was only given back or canceled nothing is told, and what is in the log is about other frames.
 */
function logFromOf({ event, logTo }: Closing): number | null {
  if (logTo === undefined) return null;
  return event === "release" || event === "cancel" ? logTo : 0;
}

/** Closes an attempt; once closed it never changes. Returns false when it was closed before. */
export function closeAttempt(tx: Tx, attemptId: number, closing: Closing): boolean {
  const state = targetOf(attemptMachine, closing.event);
  return (
    tx.run(
      `UPDATE attempts SET state = ?, started_at = coalesce(started_at, ?), ended_at = ?, seconds = ?, failure_class = ?,
         reason = ?, exit_code = ?, device = ?, log_to = ?, log_from = coalesce(log_from, ?)
       WHERE id = ? AND state IN (${openAttempts})`,
      state,
      closing.startsNow ? tx.now : null,
      tx.now,
      closing.seconds ?? null,
      closing.failureClass ?? null,
      closing.reason ?? null,
      closing.exitCode ?? null,
      closing.device ?? null,
      closing.logTo ?? null,
      logFromOf(closing),
      attemptId,
    ).changes === 1
  );
}

/** Moves a task on by `event` of its state table. Returns the state it had, or undefined when the event is illegal there. */
export function moveTask(
  tx: Tx,
  stepId: number,
  ordinal: number,
  event: TaskEvent,
  counters?: { failures: number; losses: number },
): TaskState | undefined {
  const move = moveOf(event);
  const moved = counters
    ? tx.run(move.counting, counters.failures, counters.losses, stepId, ordinal)
    : tx.run(move.plain, stepId, ordinal);
  return moved.changes === 1 ? move.only : undefined;
}

interface Move {
  plain: string;
  counting: string;
  only: TaskState;
}

/** Memo of the statements per event; every running-task event has one source state, which the counters need. */
const moves = new Map<TaskEvent, Move>();
function moveOf(event: TaskEvent): Move {
  let move = moves.get(event);
  if (!move) {
    // A running task is what reports are about; `cancel` is also legal elsewhere, but bulk code does that.
    const states = event === "cancel" ? (["running"] as const) : statesAccepting(taskMachine, event);
    const only = states[0];
    if (states.length !== 1 || only === undefined)
      throw new Error(`event ${event} moves from several states`);
    const target = targetOf(taskMachine, event);
    const where = `WHERE step_id = ? AND ordinal = ? AND state IN (${inStates(states)})`;
    move = {
      plain: `UPDATE tasks SET state = '${target}' ${where}`,
      counting: `UPDATE tasks SET state = '${target}', failures = ?, losses = ? ${where}`,
      only,
    };
    moves.set(event, move);
  }
  return move;
}

export function taskCounters(
  tx: Tx,
  stepId: number,
  ordinal: number,
): { failures: number; losses: number; generation: number; state: TaskState } | undefined {
  return tx.get(
    "SELECT failures, losses, generation, state FROM tasks WHERE step_id = ? AND ordinal = ?",
    stepId,
    ordinal,
  );
}
