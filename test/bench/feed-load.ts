// Readers of the feed and the one worker whose frames they hear of, in a process of their own.
import { WebSocket } from "ws";
import { serveCalls } from "./child.ts";
import { joinLoad, monotonicMs, type Finished } from "./load-worker.ts";

export interface WatchOptions {
  port: number;
  /** Of the readers. */
  token: string;
  workerToken: string;
  job: number;
  readers: number;
}

/** A frame that was done, and when each reader heard of it, ms of `monotonicMs`. */
export interface HeardFrame extends Finished {
  heardAt: number[];
}

export interface FanOutResult {
  /** How long it took, ms, and what every reader heard. */
  ms: number;
  events: number;
  messages: number;
}

/** What a reader was told until it knew everything about its topics. */
export interface Opened {
  /** When it connected and when it knew all, ms of `monotonicMs`. */
  from: number;
  to: number;
  /** Of the snapshots, on the wire. */
  bytes: number;
}

const first = Promise.withResolvers<void>();
let isEnough = false;

serveCalls({ latency, fanOut, open, firstHeard: () => first.promise, enough: () => void (isEnough = true) });

/**
 * One frame after another is reported, as many as are wanted or until it is enough; a message counts when it tells a
 * reader that this frame succeeded.
 */
async function latency(
  options: WatchOptions & { frames: number; framesPerSecond?: number },
): Promise<HeardFrame[]> {
  const { frames, framesPerSecond } = options;
  let heardAt: number[] = [];
  let all = Promise.withResolvers<void>();
  const readers = await openReaders(options, (text) => {
    if (!text.includes('"succeeded","data"')) return;
    heardAt.push(monotonicMs());
    if (heardAt.length === options.readers) all.resolve();
  });
  const worker = await joinLoad(options.port, options.workerToken, "bench");
  const found: HeardFrame[] = [];
  const begun = monotonicMs();
  for (let frame = 0; frame < frames && !isEnough; frame++) {
    // oxlint-disable no-await-in-loop -- frame after frame
    if (framesPerSecond !== undefined) await until(begun + (frame * 1000) / framesPerSecond);
    heardAt = [];
    all = Promise.withResolvers();
    const [finished] = await Promise.all([worker.next(), all.promise]);
    // oxlint-enable no-await-in-loop
    found.push({ ...finished, heardAt });
    first.resolve();
  }
  worker.close();
  for (const one of readers) one.terminate();
  return found;
}

/** Frames end at a steady pace (each makes two events) while everybody listens. */
async function fanOut(
  options: WatchOptions & { frames: number; framesPerSecond: number },
): Promise<FanOutResult> {
  let messages = 0;
  const readers = await openReaders(options, () => messages++);
  const worker = await joinLoad(options.port, options.workerToken, "bench");
  const begun = monotonicMs();
  for (let frame = 0; frame < options.frames; frame++) {
    // oxlint-disable no-await-in-loop -- frame after frame
    await until(begun + (frame * 1000) / options.framesPerSecond);
    await worker.next();
    // oxlint-enable no-await-in-loop
  }
  const ms = monotonicMs() - begun;
  worker.close();
  for (const one of readers) one.terminate();
  return { ms, events: options.frames * 2, messages: messages / Math.max(1, readers.length) };
}

/** Opens one job and leaves when all of it is known. */
async function open(options: Pick<WatchOptions, "port" | "token" | "job">): Promise<Opened> {
  const from = monotonicMs();
  let bytes = 0;
  const [reader] = await openReaders({ ...options, readers: 1 }, undefined, (text) => {
    if (text.includes('"type":"snapshot"')) bytes += text.length;
  });
  const to = monotonicMs();
  reader?.terminate();
  return { from, to, bytes };
}

async function until(at: number): Promise<void> {
  const ahead = at - monotonicMs();
  if (ahead > 1) await new Promise((done) => setTimeout(done, ahead));
}

/** Opens readers of one job; resolves when all of them hear whatever happens. */
function openReaders(
  { port, token, job, readers }: Pick<WatchOptions, "port" | "token" | "job" | "readers">,
  hear: (text: string) => void = () => undefined,
  begin: (text: string) => void = () => undefined,
): Promise<WebSocket[]> {
  return Promise.all(
    Array.from(
      { length: readers },
      () =>
        new Promise<WebSocket>((resolve, reject) => {
          const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/feed?topics=job:${job}`, {
            headers: { authorization: `Bearer ${token}` },
          });
          socket.on("error", reject);
          socket.on("message", (data: Buffer) => {
            // One byte a letter: lengths of texts are lengths on the wire.
            const text = data.toString("latin1");
            if (text.includes('"type":"events"')) hear(text);
            else if (text.includes('"type":"tick"')) resolve(socket);
            else begin(text);
          });
        }),
    ),
  );
}
