// A reader of the feed whose connections come and go at the worst moments.
import { expect, it } from "vitest";
import { createFeedClient, type FeedSocket } from "./feed-client.ts";
import type { FeedMessage } from "./feed.ts";

/** A connection of which this test is the other end. */
function createLine() {
  const listeners = new Map<string, (event: never) => void>();
  const socket: FeedSocket = {
    addEventListener: (type: string, listener: (event: never) => void) => void listeners.set(type, listener),
    close: () => undefined,
  };
  const tell = (type: string, event: unknown) => listeners.get(type)?.(event as never);
  return {
    socket,
    say: (message: FeedMessage) => tell("message", { data: JSON.stringify(message) }),
    cut: () => tell("close", { code: 1006, reason: "" }),
  };
}

it("is away, not at its beginning, when a connection that brings everything anew is cut before it did", () => {
  let line = createLine();
  const states: string[] = [];
  const client = createFeedClient({
    url: "http://127.0.0.1:1",
    topics: ["jobs"],
    open: () => (line = createLine()).socket,
    onState: (state) => states.push(state),
    // It comes back when it is told to.
    delaysMs: [3_600_000, 3_600_000],
  });
  const cursor = "epoch.1";
  const hello = { v: 1, type: "hello", epoch: "epoch", version: "1", cursor, tickSeconds: 15 } as const;
  line.say({ ...hello, resumed: false });
  line.cut();
  expect(client.state).toBe("connecting");
  client.hurry();
  line.say({ ...hello, resumed: false });
  line.say({ v: 1, type: "snapshot", topic: "jobs", cursor, part: 0, last: true, jobs: [] });
  line.say({ v: 1, type: "tick", cursor, at: new Date(0).toISOString() });
  line.cut();
  client.hurry();
  line.say({ ...hello, resumed: false });
  line.say({ v: 1, type: "reset", reason: "pruned", detail: "" });
  line.cut();
  expect(states).toEqual(["live", "away"]);
  client.close();
});
