// One job as the feed tells it, in order and without a gap: what it is, then what happens to it, across restarts of the
// broker, whose address and token may be others afterwards.
import type { WebSocket } from "ws";
import type { Event } from "../contract/attempt.ts";
import { createFeedClient, type FeedClient, type FeedSocket } from "../contract/feed-client.ts";
import type { FeedStore, StepView } from "../contract/feed-store.ts";
import type { FeedJobDetail, FeedMessage, FeedMessageOf } from "../contract/feed.ts";
import { closeCodes, parseCursor } from "../contract/feed-words.ts";
import type { Asking } from "./asking.ts";
import { isHealthy } from "./connect.ts";
import { exitCodes, Failure } from "./failure.ts";
import { tally } from "./own-name.ts";

/** What was known before the broker forgot, or lost, the events that follow it. */
export interface Gap {
  reason: FeedMessageOf<"reset">["reason"];
  detail: string;
  /** The job as it was known. */
  job: FeedJobDetail;
  /** States of the frames by step, as in the store: as they were known, and as they are at the new cursor. */
  before: ReadonlyMap<string, Uint8Array>;
  after: ReadonlyMap<string, Uint8Array>;
}

/** `now`: the store is what is true at `cursor`; with a gap if something between it and what was known is not told. */
export type News =
  | { kind: "now"; cursor: number; gap: Gap | null }
  | { kind: "events"; cursor: number; events: readonly Event[] };

export interface JobFeedOptions {
  broker: Asking;
  number: number;
  signal: AbortSignal;
  /** Topics besides the job's own. */
  topics?: readonly string[] | undefined;
  /** Each message, when it comes: before it is told in order by `next`. */
  onMessage?: ((message: FeedMessage, store: FeedStore) => void) | undefined;
  /** The broker does not answer, or `why` in a sentence; it is asked again until it does. Said at once, whatever is being told. */
  onAway?: (url: string, why?: string) => void;
  onBack?: () => void;
}

export interface JobFeed {
  /** What is true now; it may be ahead of what `next` told. */
  readonly store: FeedStore;
  /** News that `next` has not told yet. */
  readonly waiting: number;
  /** The store is the truth, as far as the line is known to be whole. */
  readonly isLive: boolean;
  /** The next news; undefined after `ms` without any, or when poked. Rejects with a Failure when the broker will not have this reader, or with the signal's reason. */
  next(ms?: number): Promise<News | undefined>;
  /** Ends the wait of `next`. */
  poke(): void;
  /** The broker of this feed, over HTTP. */
  ask: Asking["ask"];
  close(): void;
}

/** A line that is cut and back within this time is nobody's business, ms. */
const quietMs = 1000;
const handshakeMs = 10_000;
const surelyAnswered = 3;

/** Starts to follow. */
export async function openJobFeed(options: JobFeedOptions): Promise<JobFeed> {
  const { broker, number, signal, onMessage, onAway, onBack } = options;
  // Read only by commands that follow: the others start without it.
  const { WebSocket } = await import("ws");
  signal.throwIfAborted();
  const queue: News[] = [];
  let waiter: (() => void) | undefined;
  let isPoked = false;
  let failure: unknown;
  /** A snapshot is coming that is not known yet. */
  let isFresh = true;
  /** How far the broker was then. A snapshot may be one that it kept: the events up to here belong to it and are no news. */
  let freshAt = 0;
  let isKnown = false;
  let gap: Gap | null = null;
  let isAway = false;
  let awayTimer: NodeJS.Timeout | undefined;
  /** So many tries in a row did not succeed, though HTTP was answered after each of them. */
  let answered = 0;
  let closed = false;

  function poke(): void {
    isPoked = true;
    waiter?.();
  }
  function fail(error: unknown): void {
    failure ??= error;
    poke();
  }
  function tell(news: News): void {
    queue.push(news);
    poke();
  }
  function goAway(why?: string): void {
    clearTimeout(awayTimer);
    if (isAway || closed) return;
    isAway = true;
    onAway?.(broker.client.url, why);
  }

  function open(address: string): FeedSocket {
    const used = broker.client;
    const socket = new WebSocket(address, {
      headers: { ...used.credentials },
      handshakeTimeout: handshakeMs,
      perMessageDeflate: false,
    });
    let isOpen = false;
    let why = "";
    socket.on("open", () => (isOpen = true));
    socket.on("error", ({ message }) => (why = message));
    socket.on("close", (_code, reason) => void triedInVain(isOpen, reason.toString() || why));
    return socketOf(socket, (code) => {
      // A broker that was set up anew has another token: that one is tried before giving up.
      if (code !== closeCodes.unauthenticated) return code;
      broker.findAgain();
      return broker.client === used ? code : 0;
    });
  }

  /** Tells apart a broker that is away and one to which only the WebSocket does not come through. */
  async function triedInVain(isOpen: boolean, why: string): Promise<void> {
    const { client } = broker;
    answered = (await isHealthy(client)) ? answered + 1 : 0;
    if (closed || feed.refusal !== null || feed.state === "live") return;
    if (answered === 0) return goAway();
    // Before that it may have been just starting.
    if (answered < surelyAnswered) return;
    if (isOpen)
      return goAway(
        `The broker at ${client.url} lets nobody more follow just now: ${why || "it closed the line."} It is asked again.`,
      );
    const sentence = `The broker at ${client.url} answers, but a job is followed through a WebSocket, and none can be opened (${why}). A proxy on the way must let WebSockets through.`;
    if (isKnown) goAway(`${sentence} It is tried again.`);
    else
      fail(
        new Failure(
          `${sentence} Job ${number} goes on; look at it with: ${tally(`show ${number}`)}`,
          exitCodes.noBroker,
        ),
      );
  }

  function hear(message: FeedMessage): void {
    const { store, cursor } = feed;
    const job = store.details.get(number);
    if (message.type === "hello" && !message.resumed) {
      isFresh = true;
      freshAt = parseCursor(message.cursor)?.n ?? 0;
      const before = statesOf(store.steps.get(number));
      if (isKnown && job) gap ??= { reason: "epoch", detail: "", job, before, after: new Map() };
    }
    if (message.type === "reset" && gap) gap = { ...gap, reason: message.reason, detail: message.detail };
    onMessage?.(message, store);
    const at = cursor === undefined ? undefined : parseCursor(cursor)?.n;
    if (at === undefined) return;
    if (isFresh) {
      if (at < freshAt) return;
      isFresh = false;
      isKnown = true;
      // Copied: what comes next changes the store before it is told.
      tell({ kind: "now", cursor: at, gap: gap && { ...gap, after: statesOf(store.steps.get(number)) } });
      gap = null;
    } else if (message.type === "events") {
      // The store has the rest: while a reader of ours stands still, as `less` does, no whole jobs pile up.
      const events = message.events
        .filter((event) => event.jobNumber === number)
        .map(({ job: _, worker: __, ...event }) => event);
      if (events.length > 0) tell({ kind: "events", cursor: at, events });
    }
  }

  const feed: FeedClient = createFeedClient({
    url() {
      broker.findAgain();
      return broker.client.url;
    },
    topics: [`job:${number}`, ...(options.topics ?? [])],
    open,
    onMessage: hear,
    onState(state) {
      clearTimeout(awayTimer);
      if (state === "live") {
        answered = 0;
        if (isAway) onBack?.();
        isAway = false;
        poke();
      } else if (feed.refusal !== null) fail(refused(feed.refusal, number));
      else awayTimer = setTimeout(goAway, quietMs);
    },
  });
  const stop = () => {
    closed = true;
    clearTimeout(awayTimer);
    feed.close();
    signal.removeEventListener("abort", onAbort);
  };
  const onAbort = () => {
    fail(signal.reason);
    stop();
  };
  signal.addEventListener("abort", onAbort);

  return {
    store: feed.store,
    get waiting() {
      return queue.length;
    },
    get isLive() {
      return feed.state === "live";
    },
    poke,
    async next(ms) {
      if (queue.length === 0 && failure === undefined && !isPoked) {
        await new Promise<void>((done) => {
          const timer = ms === undefined ? undefined : setTimeout(done, ms);
          waiter = () => {
            clearTimeout(timer);
            done();
          };
        });
        waiter = undefined;
      }
      isPoked = false;
      // What was told before it went wrong is heard first; but nobody who stopped wants to hear more.
      if (signal.aborted) throw signal.reason;
      const news = queue.shift();
      if (news === undefined && failure !== undefined) throw failure;
      return news;
    },
    ask: (call) => broker.ask(call),
    close: stop,
  };
}

function statesOf(steps: ReadonlyMap<string, StepView> | undefined): Map<string, Uint8Array> {
  return new Map([...(steps ?? [])].map(([step, { states }]) => [step, states.slice()]));
}

/** A socket of the package `ws` as the feed's client uses it. */
function socketOf(socket: WebSocket, codeOf: (code: number) => number): FeedSocket {
  return {
    addEventListener(type: "message" | "close" | "error", listener: (event: never) => void) {
      if (type === "message")
        socket.on("message", (data) => (listener as (event: { data: unknown }) => void)({ data }));
      else if (type === "close")
        socket.on("close", (code, reason) =>
          (listener as (event: { code: number; reason: string }) => void)({
            code: codeOf(code),
            reason: reason.toString(),
          }),
        );
    },
    // At once: a command that is done does not wait for the other end to say goodbye.
    close: () => socket.terminate(),
  };
}

function refused({ code, reason }: { code: number; reason: string }, number: number): Failure {
  if (code === closeCodes.unauthenticated)
    return new Failure(
      `${reason} Job ${number} goes on. Ask for another token, and give it with --token or TALLY_TOKEN.`,
    );
  if (code === closeCodes.notFound) return new Failure(`${reason} The jobs that are there: ${tally("ls")}`);
  return new Failure(reason);
}
