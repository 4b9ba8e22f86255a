// Keeps one request for orders open, always, and hands on what the broker orders.
import type { Client } from "../../broker/contract/client.ts";
import type { Order } from "../../broker/contract/worker.ts";
import { createBackoff, hasCode, isPassing, REQUEST_LIMIT_MS } from "./backoff.ts";

/** Answers that come faster than this without news are a mistake somewhere: wait before asking again. */
const TOO_FAST_MS = 20;

export interface OrderListener {
  onOrders: (orders: Order[]) => void;
  /** The broker does not know this worker any more. */
  onForgotten: () => Promise<void>;
  /** The token was refused: it makes no sense to go on. */
  onRefused: (reason: string) => void;
  onContact: () => void;
}

/** Follows the orders for the worker that `workerId` names until `signal` aborts. */
export async function followOrders(
  client: Client,
  workerId: () => string,
  listener: OrderListener,
  signal: AbortSignal,
): Promise<void> {
  const backoff = createBackoff();
  let version = 0;
  while (!signal.aborted) {
    const asked = performance.now();
    try {
      const answer = await client.call<{ version: number; orders: Order[] }>(
        "get",
        `/v1/workers/${workerId()}/orders`,
        {
          query: { after: version },
          signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_LIMIT_MS)]),
        },
      );
      listener.onContact();
      listener.onOrders(answer.orders);
      if (answer.version === version && performance.now() - asked < TOO_FAST_MS) await backoff.wait(signal);
      else backoff.reset();
      version = answer.version;
    } catch (error) {
      if (signal.aborted) return;
      if (hasCode(error, "not-found")) {
        version = 0;
        await listener.onForgotten();
      } else if (!isPassing(error) && hasCode(error, "unauthenticated", "forbidden")) {
        return listener.onRefused(error.message);
      } else {
        await backoff.wait(signal).catch(() => {});
      }
    }
  }
}
