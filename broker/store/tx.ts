// The one writer: every change runs in its own SAVEPOINT inside an open group that is committed on the next turn of
// the loop, so that many requests share one fsync and nobody is answered before COMMIT.
import type { Database, Statement } from "better-sqlite3";
import type { Clock } from "../domain/ports.ts";
import { Problem } from "../contract/problem.ts";

/** The read-only connection: it sees committed rows alone. */
export type Reader = Database;

/** Reads alone: a transaction gives them, and so does the read-only connection. */
export type Rows = Pick<Tx, "get" | "all">;

/** The read-only connection behind the same two functions that a transaction has; each statement is prepared once. */
export function rowsOf(reader: Reader): Rows {
  const prepared = preparing(reader);
  return {
    get: <T>(sql: string, ...values: Value[]) => prepared(sql).get(...values) as T | undefined,
    all: <T>(sql: string, ...values: Value[]) => prepared(sql).all(...values) as T[],
  };
}

function preparing(db: Database): (sql: string) => Statement {
  const statements = new Map<string, Statement>();
  return (sql) => {
    let statement = statements.get(sql);
    if (!statement) statements.set(sql, (statement = db.prepare(sql)));
    return statement;
  };
}

type Value = string | number | bigint | Buffer | null;

/** What a service function works with; `now` is frozen for the call. */
export interface Tx {
  readonly now: number;
  run(sql: string, ...values: Value[]): { changes: number; id: number };
  get<T>(sql: string, ...values: Value[]): T | undefined;
  all<T>(sql: string, ...values: Value[]): T[];
  /**
   * Runs `effect` inside the change, when everything else of it is done, once for each `key` however often it is asked
   * for: what is derived from many rows is then derived once.
   */
  last(key: string | number, effect: () => void): void;
  /** Runs after COMMIT, never when the change was lost. For waking others and for memory that mirrors rows. */
  after(effect: () => void): void;
}

export interface Writer {
  /** Runs `change` in a savepoint; resolves (or rejects with what it threw) only after COMMIT. */
  write<T>(change: (tx: Tx) => T): Promise<T>;
  /** Called after a group was lost and its changes were tried again alone: memory should be read afresh. */
  onLost(listener: () => void): void;
  /** Called after every COMMIT. */
  onCommit(listener: () => void): void;
  /** Commits what is open; later writes are refused. */
  close(): void;
}

interface Entry {
  change: (tx: Tx) => unknown;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
  value?: unknown;
  error?: unknown;
  failed: boolean;
  effects: (() => void)[];
  lasts: Map<string | number, () => void> | null;
}

/** Makes the writer of `db`. */
export function createWriter(db: Database, clock: Clock): Writer {
  const prepared = preparing(db);
  const begin = db.prepare("BEGIN IMMEDIATE");
  const commit = db.prepare("COMMIT");
  const savepoint = db.prepare("SAVEPOINT change");
  const release = db.prepare("RELEASE change");
  const rollbackTo = db.prepare("ROLLBACK TO change");
  const lostListeners: (() => void)[] = [];
  const commitListeners: (() => void)[] = [];
  let group: Entry[] | null = null;
  let closed = false;

  function txOf(entry: Entry): Tx {
    return {
      now: clock.now(),
      run(sql, ...values) {
        const { changes, lastInsertRowid } = prepared(sql).run(...values);
        return { changes, id: Number(lastInsertRowid) };
      },
      get: <T>(sql: string, ...values: Value[]) => prepared(sql).get(...values) as T | undefined,
      all: <T>(sql: string, ...values: Value[]) => prepared(sql).all(...values) as T[],
      last(key, effect) {
        entry.lasts ??= new Map();
        if (!entry.lasts.has(key)) entry.lasts.set(key, effect);
      },
      after: (effect) => entry.effects.push(effect),
    };
  }

  /** False when the whole transaction is gone (a full disk rolls back innocent neighbours too). */
  function runIn(entry: Entry): boolean {
    try {
      savepoint.run();
      entry.lasts = null;
      entry.value = entry.change(txOf(entry));
      // A map goes on over keys that are added meanwhile.
      if (entry.lasts) for (const effect of (entry.lasts as NonNullable<Entry["lasts"]>).values()) effect();
      release.run();
    } catch (error) {
      entry.effects = [];
      entry.failed = true;
      entry.error = asProblem(error);
      if (!db.inTransaction) return false;
      rollbackTo.run();
      release.run();
    }
    return true;
  }

  function settle(entries: Entry[]): void {
    for (const entry of entries) for (const effect of entry.effects) effect();
    for (const listener of commitListeners) listener();
    for (const entry of entries) {
      if (entry.failed) entry.reject(entry.error);
      else entry.resolve(entry.value);
    }
  }

  function commitGroup(): void {
    const entries = group;
    if (!entries) return;
    group = null;
    try {
      commit.run();
    } catch {
      if (db.inTransaction) db.exec("ROLLBACK");
      retryAlone(entries);
      return;
    }
    settle(entries);
  }

  /** Every entry gets a transaction of its own. Effects wait until the last is done: they may write themselves. */
  function retryAlone(entries: Entry[]): void {
    for (const entry of entries) {
      entry.effects = [];
      entry.failed = false;
      try {
        begin.run();
        if (runIn(entry)) commit.run();
      } catch (error) {
        entry.effects = [];
        entry.failed = true;
        entry.error = asProblem(error);
      }
      if (db.inTransaction) db.exec("ROLLBACK");
    }
    settle(entries);
    for (const listener of lostListeners) listener();
  }

  return {
    write<T>(change: (tx: Tx) => T): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        if (closed) return reject(new Problem("busy", "The broker is stopping. Try again once it is back."));
        const entry: Entry = {
          change,
          resolve: resolve as (value: unknown) => void,
          reject,
          failed: false,
          effects: [],
          lasts: null,
        };
        if (!group) {
          try {
            begin.run();
          } catch (error) {
            return reject(asProblem(error) as Error);
          }
          group = [];
          setImmediate(commitGroup);
        }
        group.push(entry);
        if (!runIn(entry)) {
          const lost = group;
          group = null;
          retryAlone(lost);
        }
      });
    },
    onLost: (listener) => lostListeners.push(listener),
    onCommit: (listener) => commitListeners.push(listener),
    close() {
      closed = true;
      commitGroup();
    },
  };
}

/** A full or unwritable disk is something a person can mend; everything else stays as it is. */
function asProblem(error: unknown): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "SQLITE_FULL" || code.startsWith("SQLITE_IOERR")) {
    return new Problem(
      "storage-full",
      "The disk with Tally's data folder is full or cannot be written. Free some space; nothing was lost, and work goes on by itself.",
    );
  }
  return error;
}
