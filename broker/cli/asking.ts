// Asks a broker that may restart meanwhile, at another address or with another token; ends with Ctrl-C, whatever hangs.
import { setTimeout as pause } from "node:timers/promises";
import {
  ProblemError,
  requestLimitMs,
  UnreachableError,
  type CallOptions,
  type Client,
} from "../contract/client.ts";
import type { Operation } from "../contract/operation.ts";

export interface Asking {
  /** The broker as it was found last; the same object while it is the same broker. Its calls end with the signal, or their own. */
  readonly client: Client;
  /** Looks where the broker is now. */
  findAgain(): void;
  /** A call over HTTP, made again while the broker is away. Throws its refusal, or the signal's reason. */
  ask<T>(call: (client: Client) => Promise<T>): Promise<T>;
}

const retryMs = 400;

/** `find` finds the broker anew. `limitMs`: a call that is not answered for so long is made again. Throws what `find` throws. */
export function createAsking(
  find: () => Client,
  signal: AbortSignal,
  limitMs: number = requestLimitMs,
): Asking {
  let found = find();
  let client = endingWith(found, signal, limitMs);

  function findAgain(): void {
    try {
      const now = find();
      if (!isOther(now, found)) return;
      found = now;
      client = endingWith(now, signal, limitMs);
    } catch {
      // Its connection file is being written, or is gone for now: the last one known is tried again.
    }
  }

  return {
    get client() {
      return client;
    },
    findAgain,
    async ask(call) {
      for (;;) {
        signal.throwIfAborted();
        const used = client;
        try {
          // oxlint-disable-next-line no-await-in-loop -- one try after another
          return await call(used);
        } catch (error) {
          signal.throwIfAborted();
          findAgain();
          const isRefused = error instanceof ProblemError && error.code === "unauthenticated";
          // A broker that was set up anew has another token.
          if (!(isRefused && client !== used) && !isPassing(error)) throw error;
        }
        // oxlint-disable-next-line no-await-in-loop -- this waits for the broker
        await pause(retryMs, undefined, { signal });
      }
    },
  };
}

/** Whether these are two brokers, or one that gives out another token now. */
function isOther(a: Client, b: Client): boolean {
  return a.url !== b.url || a.credentials["authorization"] !== b.credentials["authorization"];
}

/** A broker that restarts, or is too busy for a moment. By the status: what a proxy says has no code of ours. */
export function isPassing(error: unknown): boolean {
  return (
    error instanceof UnreachableError ||
    (error instanceof ProblemError && (error.status >= 500 || error.status === 429))
  );
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === "TimeoutError";
}

/**
 * The same client. Calls without a signal of their own end with `signal`, and each is unreachable where no answer comes
 * for `limitMs`. Bytes (`raw`) may take longer.
 */
function endingWith(client: Client, signal: AbortSignal, limitMs: number): Client {
  return {
    ...client,
    async call<T>(method: Operation["method"], path: string, options: CallOptions = {}): Promise<T> {
      const limit = AbortSignal.timeout(limitMs);
      const end = options.signal ?? signal;
      try {
        return await client.call<T>(method, path, { ...options, signal: AbortSignal.any([end, limit]) });
      } catch (error) {
        const isSilent = limit.aborted || isTimeout(end.reason);
        if (!isSilent) end.throwIfAborted();
        throw isSilent ? new UnreachableError(client.url, error) : error;
      }
    },
    raw: (method, path, options = {}) => client.raw(method, path, { signal, ...options }),
  };
}
