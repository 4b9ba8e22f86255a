// A bad line on purpose: an HTTP proxy that answers errors, cuts bodies, changes bytes or waits, request by request.
//
// It hands requests on as they are, Host included: who signs for the proxy's address (say, as the endpoint of an S3
// client) has signatures that the target takes.
import { once } from "node:events";
import { createServer, request as ask, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Transform, type Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** A request as it arrived at the proxy. */
export interface SeenRequest {
  /** From 1, in the order of arrival. */
  number: number;
  method: string;
  /** Path and query. */
  path: string;
  headers: NodeJS.Dict<string | string[]>;
  /** Bytes of its body that went on to the target. */
  bytesUp: number;
  /** Bytes of the answer's body that went back. */
  bytesDown: number;
}

/** What is to go wrong with a request. */
export interface Fault {
  /** Waits for this first. */
  until?: Promise<unknown>;
  /** Answered by the proxy, once the request's body is read; the target hears nothing. */
  answer?: { status: number; headers?: Record<string, string>; body?: string };
  /** After so many bytes of the request's body both lines are cut. */
  cutUp?: number;
  /** After so many bytes of the answer's body both lines are cut; the target has done its work. */
  cutDown?: number;
  /** After so many bytes the answer ends as if it were whole, its length header left out. */
  truncateDown?: number;
  /** Changes bytes of the request's body; `offset` is where the piece begins. It must keep its length. */
  changeUp?: (piece: Buffer, offset: number) => Buffer;
  /** The same for the answer's body. */
  changeDown?: (piece: Buffer, offset: number) => Buffer;
}

export interface FaultProxy {
  readonly url: string;
  /** Every request so far. */
  readonly seen: SeenRequest[];
  /** Asked for each request; nothing: it passes. Replaces what was set before. */
  onRequest(choose: (request: SeenRequest) => Fault | undefined): void;
  /** Down: every line is cut and new ones are too. */
  setDown(isDown: boolean): void;
  close(): Promise<void>;
}

/** Starts a proxy on a free port in front of `target`, such as http://127.0.0.1:8080. */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const upstream = new URL(target);
  const seen: SeenRequest[] = [];
  let choose: (request: SeenRequest) => Fault | undefined = () => undefined;
  let isDown = false;

  const server = createServer((incoming, answer) => {
    const { method = "GET", url: path = "/", headers } = incoming;
    const request = { number: seen.length + 1, method, path, headers, bytesUp: 0, bytesDown: 0 };
    seen.push(request);
    // Kept here: a line that is gone already is no longer the request's.
    const { socket } = incoming;
    const cut = () => void socket.destroy();
    if (isDown) return cut();
    // Whatever breaks here is a broken line to the client, which is what a proxy would show.
    handOn(upstream, request, choose(request) ?? {}, incoming, answer).catch(cut);
  });
  server.on("connection", (socket) => isDown && socket.destroy());
  // A client that sends for minutes is a client that sends for minutes.
  server.requestTimeout = 0;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    onRequest(next) {
      choose = next;
    },
    setDown(next) {
      isDown = next;
      if (next) server.closeAllConnections();
    },
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function handOn(
  upstream: URL,
  request: SeenRequest,
  fault: Fault,
  incoming: IncomingMessage,
  answer: ServerResponse,
): Promise<void> {
  await fault.until;
  if (fault.answer) {
    incoming.resume();
    if (!incoming.readableEnded) await once(incoming, "end");
    answer.writeHead(fault.answer.status, fault.answer.headers).end(fault.answer.body);
    return;
  }
  const outgoing = ask({
    host: upstream.hostname,
    port: upstream.port,
    method: request.method,
    path: request.path,
    headers: incoming.rawHeaders,
    setHost: false,
    agent: false,
  });
  const { socket } = incoming;
  const cut = () => {
    outgoing.destroy();
    socket.destroy();
  };
  answer.on("close", () => answer.writableFinished || outgoing.destroy());
  const answered = once(outgoing, "response") as Promise<[IncomingMessage]>;
  const sent = passBody(incoming, outgoing, {
    cutAfter: fault.cutUp,
    change: fault.changeUp,
    cut,
    count: (bytes) => (request.bytesUp = bytes),
  });
  // A target may answer before it has read all; that answer counts, not the line that it then closes.
  sent.catch(() => undefined);
  const [response] = await answered;
  answer.writeHead(response.statusCode ?? 502, headersOf(response, fault));
  answer.flushHeaders();
  await passBody(response, answer, {
    cutAfter: fault.cutDown,
    endAfter: fault.truncateDown,
    change: fault.changeDown,
    cut,
    count: (bytes) => (request.bytesDown = bytes),
  });
}

function headersOf(response: IncomingMessage, fault: Fault): string[] {
  if (fault.truncateDown === undefined) return response.rawHeaders;
  return response.rawHeaders.filter(
    (_, index, all) => !/^content-length$/i.test(all[index - (index % 2)] ?? ""),
  );
}

interface Passing {
  cutAfter: number | undefined;
  endAfter?: number | undefined;
  change: ((piece: Buffer, offset: number) => Buffer) | undefined;
  cut: () => void;
  count: (bytes: number) => void;
}

async function passBody(from: Readable, to: NodeJS.WritableStream, passing: Passing): Promise<void> {
  const limit = Math.min(passing.cutAfter ?? Infinity, passing.endAfter ?? Infinity);
  if (passing.cutAfter === 0) return passing.cut();
  let passed = 0;
  const middle = new Transform({
    transform(piece: Buffer, _, done) {
      const changed = passing.change?.(piece, passed) ?? piece;
      const kept = changed.subarray(0, Math.max(0, limit - passed));
      passed += kept.length;
      passing.count(passed);
      if (kept.length > 0) this.push(kept);
      // Only once the kept bytes are on their way.
      if (passed >= limit && passing.cutAfter !== undefined) setImmediate(passing.cut);
      done();
    },
  });
  await pipeline(from, middle, to);
}
