// Feeds as views use them: messages come in bundles, once a painted frame, and what is shown is drawn anew no oftener than that.
import { useEffect, useState } from "preact/hooks";
import { brokerClock } from "../contract/broker-clock.ts";
import { createFeedClient, type FeedClient, type FeedState } from "../contract/feed-client.ts";
import type { FeedMessage } from "../contract/feed.ts";

/** One feed that is followed. */
export interface Live {
  readonly client: FeedClient;
  /** When the broker was last there, ms, while it is away; null while it is not. */
  readonly lostAt: number | null;
  /** Calls with everything that came since the last call, and with nothing when only the connection changed. */
  listen: (listener: (messages: readonly FeedMessage[]) => void) => () => void;
  close(): void;
}

/** A hidden page paints no frames: it hears so often, ms. */
const hiddenMs = 500;

/** Follows `topics` of the broker that served this page. */
export function openLive(topics: readonly string[]): Live {
  const listeners = new Set<(messages: readonly FeedMessage[]) => void>();
  let waiting: FeedMessage[] = [];
  /** Ends what is planned; null: nothing is. */
  let unplan: (() => void) | null = null;
  let lostAt: number | null = null;

  function flush(): void {
    unplan = null;
    const messages = waiting;
    waiting = [];
    for (const listener of listeners) listener(messages);
  }
  function plan(): void {
    if (unplan) return;
    if (document.hidden) {
      const timer = setTimeout(flush, hiddenMs);
      unplan = () => clearTimeout(timer);
    } else {
      const request = requestAnimationFrame(flush);
      unplan = () => cancelAnimationFrame(request);
    }
  }

  const client = createFeedClient({
    url: location.origin,
    topics,
    open: (address) => new WebSocket(address),
    onMessage(message) {
      if (message.type === "tick") brokerClock.hear(message.at);
      waiting.push(message);
      plan();
    },
    onState(state) {
      lostAt = state === "away" ? brokerClock.now() : null;
      plan();
    },
  });
  // Whoever looks again, or is on the network again, does not want to wait for the next try.
  const hurry = () => client.hurry();
  function onVisibility(): void {
    hurry();
    if (!unplan) return;
    // What was planned for the next painted frame would wait until the page is seen again, and all news with it.
    unplan();
    unplan = null;
    plan();
  }
  document.addEventListener("visibilitychange", onVisibility);
  addEventListener("online", hurry);
  addEventListener("focus", hurry);
  return {
    client,
    get lostAt() {
      return lostAt;
    },
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close() {
      document.removeEventListener("visibilitychange", onVisibility);
      removeEventListener("online", hurry);
      removeEventListener("focus", hurry);
      listeners.clear();
      unplan?.();
      client.close();
    },
  };
}

/** How a feed goes: its state, or `refused` when the broker will not have this reader. */
export function stateOf(live: Live): FeedState | "refused" {
  return live.client.refusal ? "refused" : live.client.state;
}

/** Calls when the broker answers, at first (`wasAway` is false) and each time after it was away. */
export function onLive(live: Live, listener: (wasAway: boolean) => void): () => void {
  let before = live.client.state;
  return live.listen(() => {
    const { state } = live.client;
    if (state === "live" && before !== "live") listener(before === "away");
    before = state;
  });
}

/** Draws the view anew when the feed said something: at once, then at most every `everyMs`. */
export function useLive(live: Live, everyMs = 90): void {
  const [, draw] = useState(0);
  useEffect(() => {
    let last = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const now = () => {
      timer = undefined;
      last = performance.now();
      draw((n) => n + 1);
    };
    // What came between the first drawing and this effect was heard by nobody.
    now();
    const stop = live.listen(() => {
      if (timer !== undefined) return;
      const wait = everyMs - (performance.now() - last);
      if (wait <= 0) now();
      else timer = setTimeout(now, wait);
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [live, everyMs]);
}

/** Grows when what was known is another history now, such as after a restored database: to be the `key` of what keeps any. */
export function useHistory(live: Live | null): number {
  const [count, setCount] = useState(0);
  useEffect(
    () =>
      live?.listen((messages) => {
        if (messages.some(({ type }) => type === "reset")) setCount((n) => n + 1);
      }),
    [live],
  );
  return count;
}
