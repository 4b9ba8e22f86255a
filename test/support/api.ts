// Calls operations over real HTTP and holds every answer to the contract: a documented status, a body of its schema.
import { expect } from "vitest";
import { z } from "zod";
import type { Operation } from "../../broker/contract/operation.ts";
import { problemSchema, type ProblemBody, type ProblemCode } from "../../broker/contract/problem.ts";
import { routes, type OperationId } from "../../broker/contract/routes.ts";
import type { Answer } from "../../broker/contract/client.ts";
import { openApiDocument } from "../../broker/http/openapi.ts";

export interface Ask {
  params?: Record<string, string | number>;
  query?: Record<string, string | number | boolean>;
  headers?: Record<string, string>;
  /** Sent as JSON; a string or bytes go as they are. */
  body?: unknown;
  bytes?: string | Uint8Array<ArrayBuffer>;
  /** Another token than the API's own; null: none. */
  token?: string | null;
  signal?: AbortSignal;
}

export interface Raw {
  status: number;
  headers: Headers;
  text: string;
  body: unknown;
}

export interface Api {
  readonly url: string;
  readonly token: string;
  /** Any answer, checked against the contract. */
  raw(id: OperationId, ask?: Ask): Promise<Raw>;
  /** The good answer; fails the test on any other. */
  ok<K extends OperationId>(id: K, ask?: Ask): Promise<Answer<K>>;
  /** The refusal with this code; fails the test on any other answer. */
  problem(id: OperationId, code: ProblemCode, ask?: Ask): Promise<ProblemBody>;
  /** The same API with another token. */
  as(token: string): Api;
}

interface Documented {
  paths: Record<
    string,
    Record<string, { responses: Record<string, { description: string; content?: object }> }>
  >;
}
let known: Documented | undefined;
const documented = () => (known ??= openApiDocument() as unknown as Documented);

/** Fills `{name}` parts of an operation's path. */
export function pathOf(id: OperationId, params: Ask["params"] = {}): string {
  return routes[id].path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(params[name] ?? ""),
  );
}

/** Fails when the contract does not know this answer of the operation. */
export function checkAnswer(id: OperationId, answer: Omit<Raw, "headers">, type: string): void {
  const operation: Operation = routes[id];
  const { method, path } = operation;
  const { responses } = documented().paths[path]?.[method] ?? { responses: {} };
  const response = responses[answer.status];
  expect(
    response,
    `${id} answered ${answer.status}, which the document does not know: ${answer.text}`,
  ).toBeDefined();
  if (method === "head") return;
  const isPart = operation.ranges === true && answer.status === 206;
  if (answer.status !== operation.status && !isPart) {
    const problem = strictly(problemSchema, answer.body, id);
    expect(type).toContain("application/problem+json");
    expect(problem.status).toBe(answer.status);
    expect(response?.description, `${id} does not document ${problem.code}`).toContain(`\`${problem.code}\``);
    expect(problem.detail, "a sentence").toMatch(/^\S.*[.:)]?/);
  } else if (operation.answer) {
    expect(type).toContain("application/json");
    strictly(operation.answer, answer.body, id);
  } else if (operation.bytesOut) {
    const documents = Object.keys(response?.content ?? {});
    expect(documents, `${id} answered ${type}`).toContain(type);
  } else if (operation.status === 204) {
    expect(answer.text).toBe("");
  }
}

/** Parses and refuses what the schema does not name. */
function strictly<S extends z.ZodType>(schema: S, value: unknown, id: string): z.output<S> {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new Error(`${id}: not as the contract says: ${z.prettifyError(parsed.error)}`);
  expect(parsed.data, `${id}: more than the contract says`).toEqual(value);
  return parsed.data;
}

/** An API of one broker. */
export function createApi(url: string, token: string): Api {
  async function raw(id: OperationId, ask: Ask = {}): Promise<Raw> {
    const address = new URL(url + pathOf(id, ask.params));
    for (const [name, value] of Object.entries(ask.query ?? {}))
      address.searchParams.set(name, String(value));
    const headers: Record<string, string> = { ...ask.headers };
    const bearer = ask.token === undefined ? token : ask.token;
    if (bearer !== null) headers["authorization"] = `Bearer ${bearer}`;
    const init: RequestInit = { method: routes[id].method.toUpperCase(), headers };
    if (ask.signal) init.signal = ask.signal;
    if (ask.bytes !== undefined) init.body = ask.bytes;
    else if (ask.body !== undefined) {
      init.body = typeof ask.body === "string" ? ask.body : JSON.stringify(ask.body);
      headers["content-type"] = "application/json";
    }
    const answer = await fetch(address, init);
    const text = await answer.text();
    const type = answer.headers.get("content-type") ?? "";
    const result = {
      status: answer.status,
      text,
      body: type.includes("json") && text !== "" ? JSON.parse(text) : undefined,
    };
    checkAnswer(id, result, type);
    return { ...result, headers: answer.headers };
  }

  return {
    url,
    token,
    raw,
    async ok<K extends OperationId>(id: K, ask: Ask = {}) {
      const answer = await raw(id, ask);
      expect(answer.status, `${id}: ${answer.text}`).toBe(routes[id].status);
      return answer.body as Answer<K>;
    },
    async problem(id, code, ask = {}) {
      const answer = await raw(id, ask);
      const body = answer.body as ProblemBody | undefined;
      expect(body?.code, `${id} answered ${answer.status}: ${answer.text}`).toBe(code);
      return body as ProblemBody;
    },
    as: (other) => createApi(url, other),
  };
}
