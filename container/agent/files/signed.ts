// Requests to signed addresses, the broker's or S3's: no token, bytes as a stream, one buffer, and an end to silence.
import { request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Signed } from "../../../broker/contract/blob.ts";
import { readRetryAfter } from "../../../broker/contract/client.ts";
import { LineError, StoreError } from "./retry.ts";

/** A line on which nothing moves for so long is dead, ms. */
const silentMs = 30_000;
/** So much of a refusal is read: enough for its words, bytes. */
const refusalBytes = 4096;

export interface SignedOptions {
  /** What relative addresses are relative to: the broker's own. */
  base: string;
  signal: AbortSignal;
  /** Hears of bytes as they leave. */
  onBytes?: (bytes: number) => void;
}

/**
 * Sends `bytes` bytes to an address. A piece may be overwritten once the next one is asked for. Resolves to "present"
 * when the store has had them before. Throws StoreError, LineError, the signal's reason, and what `pieces` throws.
 */
export async function putSigned(
  { url, headers }: Signed,
  bytes: number,
  pieces: AsyncIterable<Uint8Array>,
  options: SignedOptions,
): Promise<"stored" | "present"> {
  const request = open("PUT", url, { ...headers, "content-length": String(bytes) }, options);
  const answered = answerOf(request, options.signal);
  let answer: IncomingMessage | undefined;
  // Looked at below; until then nobody else would hear of its failure.
  answered.then((one) => (answer = one)).catch(() => undefined);
  try {
    for await (const piece of pieces) {
      // A store that has seen enough answers before the end.
      await Promise.race([written(request, piece), answered]);
      if (answer) break;
      options.onBytes?.(piece.length);
    }
    if (!answer) request.end();
    const response = await answered;
    const { statusCode = 0 } = response;
    const text = await textOf(response);
    if (statusCode === 412) return "present";
    if (statusCode >= 200 && statusCode < 300) return "stored";
    throw new StoreError(statusCode, text, readRetryAfter(response.headers["retry-after"]));
  } finally {
    if (!request.writableFinished) request.destroy();
  }
}

/**
 * Asks for the bytes from `from` on. `start` is where the answer really begins: 0 when the store sent all.
 * Throws StoreError, LineError, the signal's reason; reading the stream may throw as well (`lineError` makes it plain).
 */
export async function getSigned(
  { url, headers }: Signed,
  from: number,
  options: SignedOptions,
): Promise<{ start: number; stream: IncomingMessage }> {
  const range: Record<string, string> = from > 0 ? { range: `bytes=${from}-` } : {};
  const request = open("GET", url, { ...headers, ...range }, options);
  const answered = answerOf(request, options.signal);
  request.end();
  const response = await answered;
  const { statusCode = 0 } = response;
  if (statusCode === 200) return { start: 0, stream: response };
  if (statusCode === 206) {
    const start = /^bytes (\d+)-/.exec(response.headers["content-range"] ?? "")?.[1];
    return { start: start === undefined ? from : Number(start), stream: response };
  }
  const text = await textOf(response);
  throw new StoreError(statusCode, text, readRetryAfter(response.headers["retry-after"]));
}

/** A broken line in our own words; everything else as it is. */
export function lineError(error: unknown, signal: AbortSignal): unknown {
  signal.throwIfAborted();
  const isOfLine = error instanceof Error && "code" in error && typeof error.code === "string";
  return isOfLine ? new LineError("The line to the storage broke", error) : error;
}

function open(
  method: string,
  url: string,
  headers: Record<string, string>,
  { base, signal }: SignedOptions,
): ClientRequest {
  signal.throwIfAborted();
  const address = new URL(url, base);
  const ask = address.protocol === "https:" ? httpsRequest : httpRequest;
  const request = ask(address, { method, headers, signal });
  request.setTimeout(silentMs, () => request.destroy(new LineError("The storage did not answer in time")));
  request.setNoDelay(true);
  return request;
}

function answerOf(request: ClientRequest, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once("response", resolve);
    // It stays: a line may break again while it is taken down.
    request.on("error", (error) => {
      if (signal.aborted) reject(signal.reason as Error);
      else reject(error instanceof LineError ? error : new LineError("The line to the storage broke", error));
    });
    request.once("close", () => reject(new LineError("The line to the storage broke")));
  });
}

function written(request: ClientRequest, piece: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    request.write(piece, (error) => {
      if (error) reject(new LineError("The line to the storage broke", error));
      else resolve();
    });
  });
}

/** The first words of an answer; the rest is read and dropped, so that the line can be used again. */
async function textOf(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  try {
    for await (const part of response as AsyncIterable<Buffer>) {
      if (length < refusalBytes) parts.push(part);
      length += part.length;
    }
  } catch {
    // The status says enough.
  }
  const text = Buffer.concat(parts).toString("utf8", 0, refusalBytes);
  // S3 answers in XML: its message alone.
  return (/<Message>([^<]*)<\/Message>/.exec(text)?.[1] ?? text).trim().slice(0, 300);
}
