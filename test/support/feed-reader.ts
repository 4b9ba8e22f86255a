// Readers of the feed for tests: a bare one that keeps every message as it came, and the client with its store.
import { onTestFinished } from "vitest";
import { WebSocket as Socket } from "ws";
import {
  feedMessageSchema,
  type FeedEvent,
  type FeedMessage,
  type FeedMessageOf,
} from "../../broker/contract/feed.ts";
import {
  createFeedClient,
  type FeedClient,
  type FeedClientOptions,
} from "../../broker/contract/feed-client.ts";
import type { FeedStore } from "../../broker/contract/feed-store.ts";
import { taskStates } from "../../broker/contract/states.ts";

export interface Address {
  url: string;
  adminToken: string;
}

export interface BareReader {
  readonly messages: FeedMessage[];
  readonly socket: Socket;
  /** How it ended. */
  readonly closed: Promise<{ code: number; reason: string }>;
  /** Waits until a message of this type (that passes `fits`) has come, and returns it. */
  next<T extends FeedMessage["type"]>(
    type: T,
    fits?: (message: FeedMessageOf<T>) => boolean,
  ): Promise<FeedMessageOf<T>>;
  /** Every event so far. */
  events(): FeedEvent[];
  /** The cursor of the newest message that has one, but `hello`. */
  cursor(): string;
}

export interface BareOptions {
  after?: string;
  /** Default: the admin token; null: none. */
  token?: string | null;
  headers?: Record<string, string>;
  v?: string;
}

/** The address of a feed. */
export function feedAddress(
  url: string,
  topics: string,
  options: Pick<BareOptions, "after" | "v"> = {},
): string {
  const address = new URL(`${url.replace("http", "ws")}/v1/feed`);
  address.searchParams.set("topics", topics);
  if (options.after !== undefined) address.searchParams.set("after", options.after);
  if (options.v !== undefined) address.searchParams.set("v", options.v);
  return address.href;
}

/** Opens a reader; every message is held to the schema. It is closed with the test. */
export function openReader(broker: Address, topics: string, options: BareOptions = {}): BareReader {
  const { token = broker.adminToken, headers = {} } = options;
  const socket = new Socket(feedAddress(broker.url, topics, options), {
    headers: { ...(token !== null && { authorization: `Bearer ${token}` }), ...headers },
  });
  onTestFinished(() => socket.terminate());
  const messages: FeedMessage[] = [];
  const waiting = new Set<() => void>();
  const closed = Promise.withResolvers<{ code: number; reason: string }>();
  let ended: Error | undefined;
  const look = () => {
    for (const one of waiting) one();
  };
  socket.on("message", (data: Buffer) => {
    messages.push(feedMessageSchema.parse(JSON.parse(data.toString("utf8"))));
    look();
  });
  socket.on("error", (error) => {
    ended = error;
    closed.reject(error);
    look();
  });
  socket.on("close", (code, reason) => {
    ended ??= new Error(`the feed was closed: ${code} ${reason.toString()}`);
    closed.resolve({ code, reason: reason.toString() });
    look();
  });
  closed.promise.catch(() => undefined);
  return {
    messages,
    socket,
    closed: closed.promise,
    next(type, fits = () => true) {
      type M = FeedMessageOf<typeof type>;
      const find = () => messages.find((one): one is M => one.type === type && fits(one as M));
      return new Promise((resolve, reject) => {
        const check = () => {
          const found = find();
          if (!found && !ended) return;
          waiting.delete(check);
          if (found) resolve(found);
          else reject(ended as Error);
        };
        waiting.add(check);
        check();
      });
    },
    events: () => messages.flatMap((one) => (one.type === "events" ? one.events : [])),
    cursor() {
      const newest = messages.findLast((one) => one.type !== "hello" && "cursor" in one);
      return newest && "cursor" in newest ? newest.cursor : "";
    },
  };
}

export interface Follower extends FeedClient {
  /** Waits until `fits`; looked at after every message and every change of state. */
  until(fits: (client: FeedClient) => boolean): Promise<void>;
  /** Messages of each type so far. */
  readonly heard: Record<string, number>;
}

/** The real client over Node's own WebSocket. It is closed with the test. */
export function follow(
  { url, adminToken }: Address,
  topics: string[],
  options: Partial<FeedClientOptions> = {},
): Follower {
  const waiting = new Set<() => void>();
  const heard: Record<string, number> = {};
  const look = () => {
    for (const one of waiting) one();
  };
  const client = createFeedClient({
    url,
    topics,
    open: (address) =>
      new WebSocket(address, { headers: { authorization: `Bearer ${adminToken}` } } as never),
    delaysMs: [20, 200],
    onState: () => queueMicrotask(look),
    ...options,
    onMessage(message) {
      heard[message.type] = (heard[message.type] ?? 0) + 1;
      options.onMessage?.(message);
      look();
    },
  });
  onTestFinished(() => client.close());
  return Object.defineProperties(client as Follower, {
    heard: { value: heard },
    until: {
      value: (fits: (one: FeedClient) => boolean) =>
        new Promise<void>((resolve) => {
          const check = () => {
            if (!fits(client)) return;
            waiting.delete(check);
            resolve();
          };
          waiting.add(check);
          check();
        }),
    },
  });
}

/** What a store says, comparable: times of the last sign of life and progress left out, as they are never stored. */
export function pictureOf(store: FeedStore) {
  const sorted = <T>(list: Iterable<[unknown, T]>) =>
    Object.fromEntries(
      [...list].map(([key, value]) => [String(key), value]).toSorted(([a], [b]) => (a! < b! ? -1 : 1)),
    );
  return {
    jobs: sorted(store.jobs),
    details: sorted(store.details),
    steps: sorted(
      [...store.steps].map(([number, steps]) => [
        number,
        sorted([...steps].map(([name, view]) => [name, [...view.states].map((one) => taskStates[one])])),
      ]),
    ),
    workers: sorted(
      [...store.workers].map(
        ([id, { lastSeenAt: _, progress: __, ...worker }]) => [id, worker] as const,
      ) as never,
    ),
    pausedPools: [...store.pausedPools].toSorted(),
  };
}
