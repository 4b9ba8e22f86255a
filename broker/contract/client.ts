// A tiny typed client of the HTTP API for the CLI, the agent and the page. Imports the contract as types only.
import type { z } from "zod";
import type { Operation } from "./operation.ts";
import type { OperationId, routes } from "./routes.ts";
import type { ProblemBody, ProblemCode } from "./problem.ts";

type Route<K extends OperationId> = (typeof routes)[K];
export type Answer<K extends OperationId> =
  Route<K> extends { answer: infer A extends z.ZodType } ? z.output<A> : void;

/** The broker's refusal, as a client sees it; `code` is of the closed list, `detail` is for a person. */
export class ProblemError extends Error {
  readonly status: number;
  readonly code: ProblemCode;
  readonly body: ProblemBody;
  /** How long the broker asked to be left alone, ms; null: it did not say. */
  readonly retryAfterMs: number | null;

  constructor(body: ProblemBody, retryAfterMs: number | null = null) {
    super(body.detail);
    this.name = "ProblemError";
    this.status = body.status;
    this.code = body.code;
    this.body = body;
    this.retryAfterMs = retryAfterMs;
  }
}

/** No answer at all: nothing listens there, or the connection broke. */
export class UnreachableError extends Error {
  constructor(url: string, cause: unknown) {
    super(`No answer from the broker at ${url}.`, { cause });
    this.name = "UnreachableError";
  }
}

/** What can be sent as bytes. */
export type Bytes = Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | string;

/** No request may be silent for longer, ms: proxies cut it off. */
export const requestLimitMs = 29_000;

export interface CallOptions {
  query?: Record<string, string | number | boolean | undefined>;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export interface Client {
  readonly url: string;
  /** The headers that say who asks, for a WebSocket to the same broker. */
  readonly credentials: Readonly<Record<string, string>>;
  /** One call by method and path (already filled in); JSON in and out. Throws ProblemError or UnreachableError. */
  call<T>(method: Operation["method"], path: string, options?: CallOptions): Promise<T>;
  /** The raw answer, for bytes. Throws like `call` unless the status is one of 2xx. */
  raw(
    method: Operation["method"],
    path: string,
    options?: CallOptions & { bytes?: Bytes },
  ): Promise<Response>;
}

/**
 * Makes a client for one broker. `url` without a trailing slash; `token` as in the connection file, or null for the page,
 * whose cookie says who asks. `hearDate` is called with the time at which the broker answered, as HTTP writes it.
 */
export function createClient(
  url: string,
  token: string | null,
  hearDate?: (date: string | null) => void,
): Client {
  const credentials: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` };
  async function raw(
    method: Operation["method"],
    path: string,
    options: CallOptions & { bytes?: Bytes } = {},
  ): Promise<Response> {
    const address = new URL(url + path);
    for (const [name, value] of Object.entries(options.query ?? {})) {
      if (value !== undefined) address.searchParams.set(name, String(value));
    }
    const headers: Record<string, string> = { ...credentials, ...options.headers };
    const init: RequestInit & { duplex?: "half" } = { method: method.toUpperCase(), headers };
    if (options.signal) init.signal = options.signal;
    if (options.bytes !== undefined) {
      init.body = options.bytes;
      init.duplex = "half";
      headers["content-type"] = "application/octet-stream";
    } else if (options.body !== undefined) {
      init.body = JSON.stringify(options.body);
      headers["content-type"] = "application/json";
    }
    let answer: Response;
    try {
      answer = await fetch(address, init);
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new UnreachableError(url, error);
    }
    hearDate?.(answer.headers.get("date"));
    if (answer.ok) return answer;
    throw new ProblemError(await readProblem(answer), readRetryAfter(answer.headers.get("retry-after")));
  }

  return {
    url,
    credentials,
    raw,
    async call<T>(method: Operation["method"], path: string, options: CallOptions = {}): Promise<T> {
      const answer = await raw(method, path, options);
      if (answer.status === 204 || method === "head") return undefined as T;
      try {
        return (await answer.json()) as T;
      } catch (error) {
        throw new UnreachableError(url, error);
      }
    },
  };
}

/** A Retry-After header in ms: seconds, or a date; null for none. */
export function readRetryAfter(header: string | null | undefined): number | null {
  if (header === null || header === undefined) return null;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}

async function readProblem(answer: Response): Promise<ProblemBody> {
  try {
    const body = (await answer.json()) as ProblemBody;
    if (typeof body.code === "string" && typeof body.detail === "string") return body;
  } catch {
    // Not a problem document: a proxy answered, or a HEAD answer has no body. Fall through.
  }
  const code = answer.status === 404 ? "not-found" : answer.status === 401 ? "unauthenticated" : "internal";
  return {
    type: "about:blank",
    title: answer.statusText,
    status: answer.status,
    detail: `The broker answered ${answer.status} ${answer.statusText}.`,
    instance: answer.headers.get("tally-request-id") ?? "",
    code,
  };
}
