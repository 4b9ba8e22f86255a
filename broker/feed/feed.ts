// The feed: takes readers in, reads what was committed once for all of them, and tells each what its topics are about.
import type { WebSocketServerLike } from "@hono/node-server";
import { WebSocketServer, type WebSocket } from "ws";
import type { FeedMessage, LogLength } from "../contract/feed.ts";
import {
  closeCodes,
  FEED_VERSION,
  parseCursor,
  parseTopics,
  topicNames,
  type Cursor,
  type Topics,
} from "../contract/feed-words.ts";
import { readers as readingRoles } from "../contract/operation.ts";
import type { Broker } from "../service/broker.ts";
import { idOf } from "../service/ids.ts";
import type { Identity } from "../service/tokens.ts";
import { eventsAfter, newestCursor } from "../store/events.ts";
import { prunedTo, readJob } from "../store/feed.ts";
import type { ReadDatabase } from "../store/read-jobs.ts";
import { getAttemptRow } from "../store/read-tasks.ts";
import { batchOf, encodeEvents } from "./encode.ts";
import { defaultFeedLimits, type FeedLimits } from "./limits.ts";
import { createProgress } from "./progress.ts";
import {
  checkPace,
  closeSocket,
  dismiss,
  send,
  sendInTurn,
  slowWords,
  type FeedReader,
  type Group,
} from "./reader.ts";
import { createResources } from "./resources.ts";
import { createSnapshots } from "./snapshots.ts";

export interface FeedParts {
  broker: Broker;
  db: ReadDatabase;
  databasePath: string;
  /** The word for this history (`ensureEpoch`). */
  epoch: string;
  /** Of the broker, for `hello`. */
  version: string;
  lengthOf: (attemptId: number) => Promise<LogLength | undefined>;
  limits?: Partial<FeedLimits>;
  onError: (error: unknown) => void;
}

/** What a reader asked for, as it wrote it. */
export interface Ask {
  topics: string | undefined;
  after: string | undefined;
  v: string | undefined;
}

export interface Feed {
  /** For the HTTP server's upgrades. */
  readonly sockets: WebSocketServerLike;
  /** Takes an open socket: it hears the feed, or why not by its close code. `identify` is asked again now and then. */
  connect(socket: WebSocket, ask: Ask, identify: () => Identity | undefined): void;
  /** A worker told how far its frame is. */
  progress: (workerId: number) => void;
  /** The log of a lease grew. */
  logGrew: (leaseId: number) => void;
  /** How many readers there are. */
  count(): number;
  /** Says the last news, closes every reader with 1001, and resolves when they are gone. */
  close(): Promise<void>;
}

/** Events read at once. */
const batchRows = 1000;
/** The feed takes no messages; this is the longest that is read to say so. */
const maxMessageBytes = 1024;
/** How long a stopping broker waits for its readers to hang up, ms. */
const goodbyeMs = 1000;

/** Makes the feed of one broker. */
export function createFeed(parts: FeedParts): Feed {
  const { broker, db, epoch, version, lengthOf, onError } = parts;
  const limits = { ...defaultFeedLimits, ...parts.limits };
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: maxMessageBytes,
  });
  const { rows } = broker;
  const resources = createResources(broker, rows, db);
  const snapshots = createSnapshots(broker, parts.databasePath, epoch);
  const all = new Set<FeedReader>();
  const groups = new Map<string, Group>();
  const progress = createProgress({
    broker,
    rows,
    groups: () => groups.values(),
    send: tell,
    lengthOf,
    coalesceMs: limits.coalesceMs,
    onError,
  });
  /** Everything up to here was told to every reader in `groups`. */
  let head = newestCursor(broker.reader);
  let scheduled: NodeJS.Immediate | NodeJS.Timeout | undefined;
  let restUntil = 0;
  let closing = false;

  const cursorText = (n: number) => `${epoch}.${n}`;
  const encode = (message: FeedMessage) => Buffer.from(JSON.stringify(message));
  const tick = () =>
    encode({
      v: FEED_VERSION,
      type: "tick",
      cursor: cursorText(head),
      at: new Date(broker.clock.now()).toISOString(),
    });

  function tell(group: Group, data: Buffer): void {
    for (const reader of group.readers) send(reader, data, limits);
  }

  broker.writer.onCommit(() => {
    if (scheduled !== undefined || closing) return;
    // With many readers a round takes long: it then comes less often, with more in it, and leaves time for others.
    const wait = restUntil - performance.now();
    scheduled = wait < 1 ? setImmediate(round) : setTimeout(round, wait);
  });

  function round(): void {
    scheduled = undefined;
    const started = performance.now();
    try {
      catchUp();
    } catch (error) {
      onError(error);
    }
    const now = performance.now();
    restUntil = now + Math.min(limits.restMs, (now - started) * limits.restFactor);
  }

  /**
   * Tells everybody what was committed since the last time. Where that goes wrong nobody knows who heard what: all are sent
   * away, and hear the rest when they come back with their cursors.
   */
  function catchUp(): void {
    try {
      tellNews();
    } catch (error) {
      for (const { readers } of groups.values())
        for (const reader of readers) dismiss(reader, closeCodes.mistake, "The broker made a mistake.");
      throw error;
    }
  }

  function tellNews(): void {
    if (groups.size === 0) {
      head = newestCursor(broker.reader);
      resources.forget();
      return;
    }
    for (;;) {
      const events = eventsAfter(broker.reader, head, null, batchRows);
      const last = events.at(-1);
      if (last) {
        head = last.cursor;
        const batch = batchOf(events, resources.now(events));
        for (const group of groups.values()) {
          const data = encodeEvents(batch, group, cursorText(head));
          if (data) tell(group, data);
        }
      }
      progress.committed(events);
      if (events.length < batchRows) return;
    }
  }

  /** Why a cursor cannot be gone on from; null when it can. */
  function whyReset(after: Cursor): { reason: "epoch" | "pruned" | "ahead"; detail: string } | null {
    if (after.epoch !== epoch)
      return {
        reason: "epoch",
        detail: "This cursor comes from another database, or from before a restore.",
      };
    if (after.n < prunedTo(rows))
      return { reason: "pruned", detail: "The events behind this cursor are gone: they were too old." };
    if (after.n > newestCursor(broker.reader))
      return {
        reason: "ahead",
        detail: "This cursor is newer than anything here: the database is an older one.",
      };
    return null;
  }

  async function begin(reader: FeedReader, topics: Topics, after: Cursor | null): Promise<void> {
    const key = topicNames(topics).join(",");
    const group = { key, topics, jobNumbers: new Set(topics.jobNumbers), readers: new Set<FeedReader>() };
    const reset = after && whyReset(after);
    const resumed = after !== null && reset === null;
    const say = (message: FeedMessage) => sendInTurn(reader, encode(message));
    const cursor = cursorText(newestCursor(broker.reader));
    const tickSeconds = limits.tickMs / 1000;
    await say({ v: FEED_VERSION, type: "hello", epoch, version, cursor, tickSeconds, resumed });
    if (reset) await say({ v: FEED_VERSION, type: "reset", ...reset });
    const at = resumed ? after.n : await tellSnapshot(reader, key, topics);
    if (at !== undefined) await tellRest(reader, group, at);
  }

  /** Returns the cursor of the snapshot, or undefined when the reader went away. */
  async function tellSnapshot(reader: FeedReader, key: string, topics: Topics): Promise<number | undefined> {
    const snapshot = await snapshots.of(key, topics);
    for (const part of snapshot?.parts ?? []) {
      // oxlint-disable-next-line no-await-in-loop -- in turn, so that they do not pile up
      await sendInTurn(reader, part);
      if (reader.isGone) return undefined;
    }
    if (!snapshot) return undefined;
    const cursor = cursorText(snapshot.cursor);
    for (const attempt of topics.attempts) {
      const topic = `log:${idOf("attempt", attempt)}`;
      // oxlint-disable no-await-in-loop -- in turn
      const log = await lengthOf(attempt);
      if (log && !reader.isGone)
        await sendInTurn(
          reader,
          encode({ v: FEED_VERSION, type: "snapshot", topic, cursor, part: 0, last: true, log }),
        );
      // oxlint-enable no-await-in-loop
    }
    return snapshot.cursor;
  }

  /** The events behind a cursor, page by page; then the reader joins those who hear everything at once. */
  async function tellRest(reader: FeedReader, own: Group, from: number): Promise<void> {
    let cursor = from;
    while (!reader.isGone && !closing) {
      // Its answer took so long that what comes next was pruned meanwhile.
      if (cursor < prunedTo(rows)) return dismiss(reader, closeCodes.tooSlow, slowWords);
      // Between this and the joining nothing is awaited: nothing is missed, nothing told twice.
      catchUp();
      const events = eventsAfter(broker.reader, cursor, null, batchRows).filter(
        (event) => event.cursor <= head,
      );
      const isLast = events.length < batchRows;
      cursor = isLast ? head : (events.at(-1)?.cursor ?? head);
      const batch = batchOf(events, resources.now(events));
      const data = encodeEvents(batch, own, cursorText(cursor));
      if (isLast && (data?.length ?? 0) <= limits.softBytes) {
        if (data) send(reader, data, limits);
        return join(reader, own);
      }
      // oxlint-disable-next-line no-await-in-loop -- in turn, so that they do not pile up
      if (data) await sendInTurn(reader, data);
    }
  }

  function join(reader: FeedReader, own: Group): void {
    const group = groups.get(own.key) ?? own;
    groups.set(group.key, group);
    group.readers.add(reader);
    const now = progress.now(group);
    if (now) send(reader, now, limits);
    send(reader, tick(), limits);
    progress.follow(leasesOf(group.topics));
  }

  function leasesOf(topics: Topics): Map<number, number> {
    const leases = new Map<number, number>();
    for (const attempt of topics.attempts) {
      const row = getAttemptRow(db, attempt);
      if (row) leases.set(attempt, row.leaseId);
    }
    return leases;
  }

  function leave(reader: FeedReader): void {
    reader.isGone = true;
    all.delete(reader);
    for (const [key, group] of groups) {
      if (group.readers.delete(reader) && group.readers.size === 0) groups.delete(key);
    }
  }

  /** What is wrong with an ask, as a close code and a sentence; or what was asked for. */
  function admit(
    ask: Ask,
    who: Identity | undefined,
  ): [number, string] | { topics: Topics; after: Cursor | null } {
    if (closing) return [closeCodes.stopping, "The broker stops."];
    if (!who) return [closeCodes.unauthenticated, "This needs a token."];
    if (!(readingRoles as readonly string[]).includes(who.role))
      return [closeCodes.forbidden, "A worker's token is for the machine that renders alone."];
    if (ask.v !== undefined && ask.v !== String(FEED_VERSION))
      return [closeCodes.version, `This broker speaks version ${FEED_VERSION} of the feed.`];
    const topics = parseTopics(ask.topics ?? "");
    if (!topics)
      return [closeCodes.badRequest, "Say ?topics=, some of: jobs, job:<number>, workers, log:<try id>."];
    const after = ask.after === undefined ? null : parseCursor(ask.after);
    if (ask.after !== undefined && !after)
      return [closeCodes.badRequest, "?after= is no cursor of the feed."];
    for (const number of topics.jobNumbers)
      if (!readJob(rows, number)) return [closeCodes.notFound, `There is no job ${number}.`];
    for (const number of topics.attempts)
      if (!getAttemptRow(db, number)) return [closeCodes.notFound, `There is no try att_${number}.`];
    if (all.size >= limits.maxReaders)
      return [closeCodes.tooSlow, "There are too many readers. Come back later."];
    return { topics, after };
  }

  function beat(): void {
    for (const reader of all) {
      // A reader with much to take may answer late; how long is watched by `checkPace`.
      if (!reader.isAlive && reader.slowSince === null) reader.socket.terminate();
      else if (!reader.isAllowed())
        dismiss(reader, closeCodes.unauthenticated, "This token is not valid any more.");
      else {
        reader.isAlive = false;
        reader.socket.ping();
        checkPace(reader, limits);
      }
    }
    const data = tick();
    for (const group of groups.values()) tell(group, data);
    progress.tick();
  }
  const heartbeat = setInterval(() => {
    try {
      beat();
    } catch (error) {
      // Nobody above a timer would hear of it.
      onError(error);
    }
  }, limits.tickMs);

  return {
    sockets: sockets as WebSocketServerLike,
    connect(socket, ask, identify) {
      const admitted = admit(ask, identify());
      // A socket without a listener for its errors would end the process.
      socket.on("error", () => undefined);
      if (Array.isArray(admitted)) return closeSocket(socket, ...admitted);
      const isAllowed = () => identify() !== undefined;
      const reader: FeedReader = { socket, isAllowed, isAlive: true, slowSince: null, isGone: false };
      all.add(reader);
      socket.on("pong", () => (reader.isAlive = true));
      socket.on("message", () => dismiss(reader, closeCodes.badRequest, "The feed takes no messages."));
      socket.on("close", () => leave(reader));
      begin(reader, admitted.topics, admitted.after).catch((error: unknown) => {
        onError(error);
        dismiss(reader, closeCodes.mistake, "The broker made a mistake.");
      });
    },
    progress: (workerId) => progress.worker(workerId),
    logGrew: (leaseId) => progress.logGrew(leaseId),
    count: () => [...all].filter((reader) => !reader.isGone).length,
    async close() {
      try {
        catchUp();
      } catch (error) {
        // What could not be read is read by those who come back.
        onError(error);
      }
      closing = true;
      clearImmediate(scheduled as NodeJS.Immediate);
      clearTimeout(scheduled as NodeJS.Timeout);
      clearInterval(heartbeat);
      progress.close();
      const gone = [...all].map(
        ({ socket }) => new Promise<void>((done) => socket.once("close", () => done())),
      );
      for (const reader of all) dismiss(reader, closeCodes.stopping, "The broker stops.");
      const timer = setTimeout(() => {
        for (const { socket } of all) socket.terminate();
      }, goodbyeMs);
      await Promise.all(gone);
      clearTimeout(timer);
      await snapshots.close();
    },
  };
}
