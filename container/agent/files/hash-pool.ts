// A few threads that read and hash, so that neither the disk nor the arithmetic holds up anybody else.
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { HashedFile, PackJob, RangeJob, ReadFailure, WorkerAnswer, WorkerQuestion } from "./hash-job.ts";
import { FileChangedError, FileUnreadableError, reasonOf } from "./file-errors.ts";

export interface HashPool {
  readonly threads: number;
  /** Hashes whole files, in their order; `onBytes` hears of bytes as they are read, also of some taken back. */
  hash(paths: string[], onBytes?: (bytes: number) => void): Promise<HashedFile[]>;
  /** The hash of a piece of a file, and how long it really is. Throws FileUnreadableError, FileChangedError. */
  range(job: Omit<RangeJob, "kind">): Promise<{ sha256: string; bytes: number }>;
  /**
   * A whole pack, in `memory` when that is large enough; it is taken away. Throws FileChangedError for a file whose
   * bytes have another hash by now.
   */
  pack(files: PackJob["files"], memory?: ArrayBuffer): Promise<Uint8Array<ArrayBuffer>>;
  /** Ends the threads, whatever they do; questions without an answer reject. */
  close(): Promise<void>;
}

/** Both from the sources and from a bundle, whose pieces lie in one folder. */
const script = new URL(
  import.meta.url.endsWith(".ts") ? "./hash-worker.ts" : "./hash-worker.mjs",
  import.meta.url,
);

interface Asked {
  question: WorkerQuestion;
  onBytes: ((bytes: number) => void) | undefined;
  answered: PromiseWithResolvers<WorkerAnswer>;
}

interface Thread {
  worker: Worker;
  asked: Asked | undefined;
}

/** Makes a pool of at most so many threads, by default 2, never more than cores; each starts when it is needed. */
export function createHashPool(wanted = 2): HashPool {
  const threads = Math.max(1, Math.min(wanted, availableParallelism()));
  const pool: Thread[] = [];
  const waiting: Asked[] = [];
  let isClosed = false;

  function next(): void {
    let thread = pool.find((one) => one.asked === undefined);
    if (waiting.length === 0) return;
    if (!thread && pool.length < threads) pool.push((thread = startThread()));
    if (!thread) return;
    const asked = waiting.shift() as Asked;
    thread.asked = asked;
    // Alive only while there is a question: an idle thread must not keep the program from its end.
    thread.worker.ref();
    const { question } = asked;
    const moved = question.kind === "pack" && question.memory ? [question.memory] : [];
    thread.worker.postMessage(question, moved);
  }

  function startThread(): Thread {
    // It holds one buffer and the names of a batch; more would only be rubbish that waits to be collected.
    const resourceLimits = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 };
    const thread: Thread = { worker: new Worker(script, { resourceLimits }), asked: undefined };
    const { worker } = thread;
    worker.on("message", (answer: WorkerAnswer) => {
      if ("progress" in answer) return thread.asked?.onBytes?.(answer.progress);
      const { asked } = thread;
      thread.asked = undefined;
      worker.unref();
      asked?.answered.resolve(answer);
      next();
    });
    const onEnd = (error: Error) => {
      const place = pool.indexOf(thread);
      if (place >= 0) pool.splice(place, 1);
      thread.asked?.answered.reject(error);
      thread.asked = undefined;
      if (!isClosed) next();
    };
    worker.on("error", onEnd);
    worker.on("exit", () => onEnd(new Error("A thread that hashes files ended.")));
    return thread;
  }

  function ask(question: WorkerQuestion, onBytes?: (bytes: number) => void): Promise<WorkerAnswer> {
    const answered = Promise.withResolvers<WorkerAnswer>();
    if (isClosed) answered.reject(new Error("The threads that hash files are closed."));
    else waiting.push({ question, onBytes, answered });
    next();
    return answered.promise;
  }

  return {
    threads,
    async hash(paths, onBytes) {
      const answer = await ask({ kind: "hash", paths }, onBytes);
      if ("hashed" in answer) return answer.hashed;
      throw failureOf(answer, paths[0] ?? "");
    },
    async range(job) {
      const answer = await ask({ kind: "range", ...job });
      if ("range" in answer) return answer.range;
      throw failureOf(answer, job.path);
    },
    async pack(files, memory) {
      const answer = await ask({ kind: "pack", files, memory });
      if (!("pack" in answer)) throw failureOf(answer, files[0]?.path ?? "");
      if ("changed" in answer.pack) throw new FileChangedError(answer.pack.changed);
      return answer.pack.data;
    },
    async close() {
      isClosed = true;
      for (const asked of waiting.splice(0))
        asked.answered.reject(new Error("The threads that hash files are closed."));
      await Promise.all(pool.map(({ worker }) => worker.terminate()));
    },
  };
}

/** A file that is gone has changed, as far as its reader is concerned. */
export function errorOf(failed: ReadFailure, path: string): Error {
  if (failed.code === "ENOENT") return new FileChangedError(failed.path ?? path);
  const error = Object.assign(new Error(failed.message), failed.code !== undefined && { code: failed.code });
  return new FileUnreadableError(failed.path ?? path, reasonOf(error));
}

function failureOf(answer: WorkerAnswer, path: string): Error {
  return "failed" in answer ? errorOf(answer.failed, path) : new Error("The thread answered something else.");
}
