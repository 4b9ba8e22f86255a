// How long readers of the feed waited for what a worker reported.
import type { Received } from "./broker-child.ts";
import type { HeardFrame } from "./feed-load.ts";

/** Times in ms: from the report received to each reader, and from the report sent to each reader and to its own answer. */
export function timesOf(
  frames: readonly HeardFrame[],
  received: Received,
): Record<"heard" | "sent" | "answered", number[]> {
  const heard = frames.flatMap(({ address, heardAt }) => {
    const from = received[address];
    if (from === undefined) throw new Error(`the broker never received ${address}`);
    return heardAt.map((at) => at - from);
  });
  return {
    heard,
    sent: frames.flatMap(({ sentAt, heardAt }) => heardAt.map((at) => at - sentAt)),
    answered: frames.map(({ sentAt, answeredAt }) => answeredAt - sentAt),
  };
}
