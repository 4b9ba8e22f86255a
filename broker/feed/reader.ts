// One reader of the feed: its socket, and how far it is behind.
import type { WebSocket } from "ws";
import { closeCodes, type Topics } from "../contract/feed-words.ts";
import type { FeedLimits } from "./limits.ts";

export interface FeedReader {
  socket: WebSocket;
  /** Whether the token is still good. */
  isAllowed: () => boolean;
  /** Answered the last ping. */
  isAlive: boolean;
  /** Since when more than `softBytes` wait for it, ms. */
  slowSince: number | null;
  isGone: boolean;
}

/** Readers that asked for the same topics: each message is put into words once for all of them. */
export interface Group {
  key: string;
  topics: Topics;
  jobNumbers: ReadonlySet<number>;
  readers: Set<FeedReader>;
}

export const slowWords = "This reader was too slow. Come back with the cursor; nothing is lost.";
/** A socket that does not answer the close is ended after this, ms. */
const closeGraceMs = 5000;

/** Sends, and gives up a reader for which too much waits: it comes back with its cursor. */
export function send(reader: FeedReader, data: Buffer, limits: FeedLimits): void {
  if (reader.isGone) return;
  reader.socket.send(data, { binary: false });
  checkPace(reader, limits);
}

/** Sends and waits until the socket took it, so that a long answer never piles up. */
export function sendInTurn(reader: FeedReader, data: Buffer): Promise<void> {
  return new Promise((done) => {
    if (reader.isGone) return done();
    // An error closes the socket, which is heard elsewhere.
    reader.socket.send(data, { binary: false }, () => done());
  });
}

/** Notes how much waits for a reader, and gives it up when it is too much or was for too long. */
export function checkPace(reader: FeedReader, limits: FeedLimits): void {
  const waiting = reader.socket.bufferedAmount;
  if (waiting <= limits.softBytes) {
    reader.slowSince = null;
    return;
  }
  const now = performance.now();
  reader.slowSince ??= now;
  if (waiting > limits.hardBytes || now - reader.slowSince > limits.slowMs)
    dismiss(reader, closeCodes.tooSlow, slowWords);
}

/** Closes a reader with a code and a sentence. */
export function dismiss(reader: FeedReader, code: number, reason: string): void {
  if (reader.isGone) return;
  reader.isGone = true;
  closeSocket(reader.socket, code, reason);
}

/** Closes a socket; one that does not answer is ended. */
export function closeSocket(socket: WebSocket, code: number, reason: string): void {
  socket.close(code, reason);
  const timer = setTimeout(() => socket.terminate(), closeGraceMs).unref();
  socket.once("close", () => clearTimeout(timer));
}
