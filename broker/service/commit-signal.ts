// Lets readers wait for the next COMMIT without polling.
import type { Writer } from "../store/tx.ts";

export interface CommitSignal {
  /** Resolves at the next COMMIT, after `ms`, or when `signal` aborts. */
  next: (ms: number, signal: AbortSignal) => Promise<void>;
  wakeAll(): void;
}

/** Listens to a writer. */
export function createCommitSignal(writer: Writer): CommitSignal {
  const waiting = new Set<() => void>();
  const wakeAll = () => {
    for (const wake of waiting) wake();
    waiting.clear();
  };
  writer.onCommit(wakeAll);
  return {
    wakeAll,
    async next(ms, signal) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, ms);
      waiting.add(resolve);
      const stop = () => resolve();
      signal.addEventListener("abort", stop);
      await promise;
      // One request may wait for thousands of commits that are not its own.
      signal.removeEventListener("abort", stop);
      clearTimeout(timer);
      waiting.delete(resolve);
    },
  };
}
