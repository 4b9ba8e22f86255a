// Readers of the feed and the one worker whose frames they hear of, in one process: both ends of the stop-watch are here.
import { WebSocket } from "ws";
import { quantile } from "./figures.ts";
import { serveCalls } from "./child.ts";
import { openLine, type HttpLine } from "./http-line.ts";

export interface WatchOptions {
  port: number;
  /** Of the readers. */
  token: string;
  workerToken: string;
  job: number;
  readers: number;
}

export interface LatencyResult {
  p50: number;
  p99: number;
  /** Until the worker had its own answer: stored for good, and told to it alone. */
  answer: { p50: number; p99: number };
}

export interface FanOutResult {
  /** How long it took, ms, and what every reader heard. */
  ms: number;
  events: number;
  messages: number;
}

interface HeldLease {
  leaseId: string;
  token: string;
  tasks: { ordinal: number }[];
}

serveCalls({ latency, fanOut });

/** One frame after another is reported; a message counts when it tells a reader that this frame succeeded. */
async function latency(options: WatchOptions & { frames: number }): Promise<LatencyResult> {
  const times: number[] = [];
  const answers: number[] = [];
  let sentAt = 0;
  let left = 0;
  let all = Promise.withResolvers<void>();
  const readers = await openReaders(options, (text) => {
    if (!text.includes('"succeeded","data"')) return;
    times.push(performance.now() - sentAt);
    if (--left === 0) all.resolve();
  });
  const worker = await startWorker(options);
  for (let frame = 0; frame < options.frames; frame++) {
    left = readers.length;
    all = Promise.withResolvers();
    sentAt = performance.now();
    // oxlint-disable-next-line no-await-in-loop -- frame after frame
    await Promise.all([worker.next().then(() => answers.push(performance.now() - sentAt)), all.promise]);
  }
  worker.close();
  for (const one of readers) one.terminate();
  const both = (list: readonly number[]) => ({ p50: quantile(list, 0.5), p99: quantile(list, 0.99) });
  return { ...both(times), answer: both(answers) };
}

/** Frames end at a steady pace (each makes two events) while everybody listens. */
async function fanOut(
  options: WatchOptions & { frames: number; framesPerSecond: number },
): Promise<FanOutResult> {
  let messages = 0;
  const readers = await openReaders(options, () => messages++);
  const worker = await startWorker(options);
  const begun = performance.now();
  for (let frame = 0; frame < options.frames; frame++) {
    const ahead = begun + (frame * 1000) / options.framesPerSecond - performance.now();
    // oxlint-disable no-await-in-loop -- frame after frame
    if (ahead > 1) await new Promise((done) => setTimeout(done, ahead));
    await worker.next();
    // oxlint-enable no-await-in-loop
  }
  const ms = performance.now() - begun;
  worker.close();
  for (const one of readers) one.terminate();
  return { ms, events: options.frames * 2, messages: messages / Math.max(1, readers.length) };
}

/** Opens readers of one job; resolves when all of them hear whatever happens. */
function openReaders(
  { port, token, job, readers }: WatchOptions,
  hear: (text: string) => void,
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
            const text = data.toString("latin1");
            if (text.includes('"type":"events"')) hear(text);
            else if (text.includes('"type":"tick"')) resolve(socket);
          });
        }),
    ),
  );
}

async function startWorker({ port, workerToken }: WatchOptions) {
  const broken = Promise.withResolvers<never>();
  const line = openLine(port, workerToken, broken.reject);
  const say = (method: string, path: string, body: string) =>
    Promise.race([answerOf(line, method, path, body), broken.promise]);
  const about = { name: "bench", agentVersion: "bench", osFamily: "linux", amounts: {}, attributes: {} };
  const { workerId } = (await say("POST", "/v1/workers", JSON.stringify(about))) as { workerId: string };
  let { lease } = (await say("POST", `/v1/workers/${workerId}/leases`, "")) as { lease: HeldLease };
  return {
    async next(): Promise<void> {
      const { token, leaseId } = lease;
      const items = lease.tasks.map(({ ordinal }) => ({
        type: "succeeded",
        ordinal,
        logOffset: 0,
        seconds: 0.01,
      }));
      const report = JSON.stringify({ token, seq: 1, items, done: true, next: true });
      const answer = await say("POST", `/v1/leases/${leaseId}/reports`, report);
      lease = (answer as { next: HeldLease }).next;
    },
    close: () => line.close(),
  };
}

function answerOf(line: HttpLine, method: string, path: string, body: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    line.send(method, path, body, (answer, status) => {
      if (status < 300) resolve(JSON.parse(answer));
      else reject(new Error(`${method} ${path} was answered ${status}: ${answer}`));
    });
  });
}
