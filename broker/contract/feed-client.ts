// Follows a feed for the page, the CLI and tests: connects, comes back by itself with its cursor, and keeps a store that
// is the same as a fresh snapshot. Works wherever there is a WebSocket; imports nothing of Node.
import type { FeedMessage } from "./feed.ts";
import { createFeedApplier, createFeedStore, type FeedStore } from "./feed-store.ts";
import { feedPath, finalCloseCodes, parseTopics, topicNames } from "./feed-words.ts";

/** The part of a WebSocket that is used. */
export interface FeedSocket {
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { code: number; reason: string }) => void): void;
  addEventListener(type: "error", listener: () => void): void;
  close(): void;
}

/** `connecting`: nothing known yet. `live`: the store is the truth. `away`: it was, and the connection is gone. */
export type FeedState = "connecting" | "live" | "away";

export interface FeedClientOptions {
  /** The broker's address, as `http://127.0.0.1:7878`; asked for before each try where it may be another after a restart. */
  url: string | (() => string);
  topics: readonly string[];
  /** Opens a socket; in Node: `(address) => new WebSocket(address, { headers: { authorization } })`. */
  open: (address: string) => FeedSocket;
  /** Called after each message was applied. */
  onMessage?: (message: FeedMessage) => void;
  onState?: (state: FeedState) => void;
  /** Waiting before the first and at most before any later try to come back, ms. Default 250 and 10,000. */
  delaysMs?: readonly [first: number, longest: number];
  random?: () => number;
}

export interface FeedClient {
  readonly store: FeedStore;
  readonly state: FeedState;
  /** Everything up to here is in the store; undefined before the first snapshot is whole. */
  readonly cursor: string | undefined;
  /** Why the broker will not have this reader; nothing is tried again then. */
  readonly refusal: { code: number; reason: string } | null;
  /** Tries to come back now: a tab became visible, a machine woke up. */
  hurry(): void;
  /** Follows other topics, from a fresh snapshot. */
  follow(topics: readonly string[]): void;
  close(): void;
}

/** So many ticks may be missed before a silent connection counts as dead. */
const missedTicks = 2.5;
/** Until `hello` says otherwise, ms. */
const firstSilenceMs = 30_000;

/** Starts to follow. Throws nothing: what goes wrong is told by `state` and `refusal`. */
export function createFeedClient(options: FeedClientOptions): FeedClient {
  const { open, onMessage, onState, random = Math.random } = options;
  const [firstDelayMs, longestDelayMs] = options.delaysMs ?? [250, 10_000];
  const store = createFeedStore();
  let apply = createFeedApplier(store);
  let topics = options.topics;
  let state: FeedState = "connecting";
  let cursor: string | undefined;
  let refusal: FeedClient["refusal"] = null;
  /** The store was the truth once. */
  let wasLive = false;
  let socket: FeedSocket | null = null;
  let pending = new Set<string>();
  let failures = 0;
  let heardAt = 0;
  let silenceMs = firstSilenceMs;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let watch: ReturnType<typeof setInterval> | undefined;
  let closed = false;

  function setState(next: FeedState): void {
    if (state === next) return;
    state = next;
    onState?.(next);
  }

  function connect(): void {
    clearTimeout(retry);
    retry = undefined;
    const url = typeof options.url === "string" ? options.url : options.url();
    const address = new URL(url + feedPath);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    address.searchParams.set("topics", topics.join(","));
    if (cursor !== undefined) address.searchParams.set("after", cursor);
    const own = open(address.href);
    socket = own;
    listen(silenceMs);
    own.addEventListener("message", ({ data }) => {
      if (socket === own) hear(JSON.parse(String(data)) as FeedMessage);
    });
    own.addEventListener("close", ({ code, reason }) => {
      if (socket === own) lost(code, reason);
    });
    // A close follows; without a listener some sockets would throw.
    own.addEventListener("error", () => undefined);
  }

  /** Notices a connection over which nothing comes any more, such as after a night's sleep: by the wall clock. */
  function listen(ms: number): void {
    silenceMs = ms;
    heardAt = Date.now();
    clearInterval(watch);
    watch = setInterval(() => {
      if (Date.now() - heardAt > silenceMs) drop();
    }, silenceMs / 5);
  }

  function drop(): void {
    const old = socket;
    lost(0, "");
    old?.close();
  }

  function lost(code: number, reason: string): void {
    socket = null;
    clearInterval(watch);
    if (closed) return;
    if (finalCloseCodes.includes(code)) refusal = { code, reason };
    setState(!wasLive && refusal === null ? "connecting" : "away");
    if (refusal) return;
    const delay = Math.min(longestDelayMs, firstDelayMs * 2 ** failures++);
    retry = setTimeout(connect, delay * (0.5 + random() / 2));
  }

  function hear(message: FeedMessage): void {
    heardAt = Date.now();
    if (message.type === "hello") {
      listen(message.tickSeconds * 1000 * missedTicks);
      pending = new Set(message.resumed ? [] : topicsOf(topics));
      if (!message.resumed) cursor = undefined;
    }
    apply(message);
    if (message.type === "snapshot" && message.last) pending.delete(message.topic);
    // A connection cut between two snapshots begins again: only all of them together are a state to go on from.
    // `hello` tells the broker's newest cursor; resumed, what lies before it is still to come.
    if (pending.size === 0 && message.type !== "hello" && "cursor" in message) cursor = message.cursor;
    if (message.type === "tick") {
      failures = 0;
      wasLive = true;
      setState("live");
    }
    onMessage?.(message);
  }

  connect();
  return {
    store,
    get state() {
      return state;
    },
    get cursor() {
      return cursor;
    },
    get refusal() {
      return refusal;
    },
    hurry() {
      if (closed || refusal) return;
      if (retry !== undefined) connect();
      else if (Date.now() - heardAt > silenceMs) drop();
    },
    follow(next) {
      topics = next;
      cursor = undefined;
      refusal = null;
      wasLive = false;
      failures = 0;
      setState("connecting");
      const old = socket;
      socket = null;
      old?.close();
      apply = createFeedApplier(Object.assign(store, createFeedStore()));
      if (!closed) connect();
    },
    close() {
      closed = true;
      clearTimeout(retry);
      clearInterval(watch);
      socket?.close();
      socket = null;
    },
  };
}

/** The topics under the names that the broker uses. */
function topicsOf(topics: readonly string[]): string[] {
  const parsed = parseTopics(topics.join(","));
  return parsed ? topicNames(parsed) : [...topics];
}
