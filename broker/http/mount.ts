// Puts the table of operations on the wire: reads and checks what comes in by the contract, asks who may, calls the
// handler, and answers. Handlers are typed by the contract, their answers included.
import type { Context, Hono } from "hono";
import type { z } from "zod";
import { Problem, type FieldError } from "../contract/problem.ts";
import type { Operation } from "../contract/operation.ts";
import { routes, type OperationId } from "../contract/routes.ts";
import type { Identity } from "../service/tokens.ts";
import { fieldErrors, listed, summary } from "./field-errors.ts";

type Route<K extends OperationId> = (typeof routes)[K];
type Out<R, P extends string> = R extends { [Q in P]: infer S extends z.ZodType } ? z.output<S> : undefined;

/** What a handler gets, checked. `bytes` is the raw body where the operation takes bytes. */
export interface Call<K extends OperationId> {
  who: Identity;
  params: Out<Route<K>, "params">;
  query: Out<Route<K>, "query">;
  headers: Out<Route<K>, "headers">;
  body: Out<Route<K>, "body">;
  request: Request;
  signal: AbortSignal;
}

type Result<K extends OperationId> =
  Route<K> extends { answer: infer A extends z.ZodType }
    ? z.input<A>
    : Route<K> extends { bytesOut: true | "text" }
      ? Response
      : void;

/** One function per operation; the compiler holds each to its answer in the contract. */
export type Handlers = { [K in OperationId]: (call: Call<K>) => Promise<Result<K>> | Result<K> };

export interface Door {
  /** Who is asking; undefined when nobody known. */
  identify(c: Context): Identity | undefined;
  /** Throws `forbidden` when an artist acts on another's job. */
  requireOwner(who: Identity, job: string): void;
  /** What else is wrong with a body that the contract refuses. */
  otherMistakes?(id: OperationId, body: unknown, refused: z.ZodError): Promise<FieldError[]>;
}

/** Longest JSON body, bytes. */
const maxBodyBytes = 8 * 1024 * 1024;

const nobody: Identity = { tokenId: 0, role: "viewer", name: "" };

type Answerer = (c: Context) => Promise<Response>;

/** Adds every operation of the contract to `app`. */
export function mountOperations(app: Hono, handlers: Handlers, door: Door): void {
  const heads = new Map<string, Answerer>();
  for (const [id, operation] of Object.entries(routes) as [OperationId, Operation][]) {
    const handler = handlers[id] as (call: Call<OperationId>) => Promise<unknown>;
    const path = operation.path.replaceAll(/\{(\w+)\}/g, ":$1");
    const answer = answererOf(id, operation, handler, door);
    // Hono asks the GET of a path for its HEAD too, and drops the body unread: a file opened for it would stay open.
    if (operation.method === "head") heads.set(path, answer);
    else
      app.on(operation.method.toUpperCase(), path, (c) =>
        c.req.method === "HEAD" ? (heads.get(path) ?? answer)(c) : answer(c),
      );
  }
}

function answererOf(
  id: OperationId,
  operation: Operation,
  handler: (call: Call<OperationId>) => Promise<unknown>,
  door: Door,
): Answerer {
  return async (c) => {
    const who = permit(c, operation, door);
    const call = {
      who,
      params: check(operation.params, c.req.param(), "path"),
      query: operation.query && check(operation.query, c.req.query(), "query"),
      headers: operation.headers && check(operation.headers, c.req.header(), "header"),
      body: operation.body && (await checkBody(id, operation.body, await readJson(c), door)),
      request: c.req.raw,
      // Asked for by few handlers, and not for free.
      get signal() {
        return c.req.raw.signal;
      },
    } as unknown as Call<OperationId>;
    if (operation.own === true) door.requireOwner(who, c.req.param("job") ?? "");
    const result = await handler(call);
    if (result instanceof Response) return result;
    if (operation.status === 204) return c.body(null, 204);
    return c.json(result as never, operation.status);
  };
}

function permit(c: Context, operation: Operation, door: Door): Identity {
  if (operation.roles.length === 0) return nobody;
  const who = door.identify(c);
  if (!who)
    throw new Problem(
      "unauthenticated",
      "This needs a token. On this machine the `tally` command finds it by itself; elsewhere set TALLY_TOKEN.",
    );
  if (!operation.roles.includes(who.role)) {
    throw new Problem("forbidden", refusal(who.role, operation.roles));
  }
  return who;
}

const may: Record<Identity["role"], string> = {
  viewer: "A viewer may look, not change things.",
  artist: "An artist may submit jobs and look after them, not look after the broker.",
  worker: "A worker's token is for the machine that renders alone.",
  admin: "An admin looks after jobs and machines, and does not render.",
};

/** Why this role may not, and whose token to ask for. */
function refusal(role: Identity["role"], needed: Operation["roles"]): string {
  // Machines may do much of what people do, but nobody asks for a machine's token when a person's will do.
  const people = needed.filter((one) => one !== "worker").toReversed();
  const allowed = people.length > 0 ? people : needed;
  return `${may[role]} Ask for ${/^[aeiou]/.test(allowed[0] ?? "") ? "an" : "a"} ${allowed.join(" or ")} token.`;
}

async function readJson(c: Context): Promise<unknown> {
  const length = Number(c.req.header("content-length") ?? Number.NaN);
  if (length > maxBodyBytes) throw tooLarge();
  const text = Number.isNaN(length) ? await readBounded(c.req.raw) : await c.req.text();
  try {
    return JSON.parse(text === "" ? "{}" : text);
  } catch (error) {
    throw new Problem(
      "malformed",
      `The body is not JSON: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

async function readBounded(request: Request): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const part of request.body ?? []) {
    text += decoder.decode(part as Uint8Array, { stream: true });
    if (text.length > maxBodyBytes) throw tooLarge();
  }
  return text + decoder.decode();
}

function tooLarge(): Problem {
  return new Problem("too-large", `A request may have at most ${maxBodyBytes / 1_048_576} MiB.`);
}

function check(schema: z.ZodType | undefined, value: unknown, part: string): unknown {
  if (!schema) return undefined;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const errors = fieldErrors(parsed.error, part);
  throw new Problem("malformed", summary(errors), { errors });
}

async function checkBody(id: OperationId, schema: z.ZodType, value: unknown, door: Door): Promise<unknown> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const own = fieldErrors(parsed.error, "");
  const others = (await door.otherMistakes?.(id, value, parsed.error)) ?? [];
  // A value that was left out for its form is missing then: that is no second mistake.
  const errors = [...own, ...others.filter(({ pointer }) => own.every((one) => one.pointer !== pointer))];
  throw new Problem("invalid", summary(errors), { errors: errors.slice(0, listed) });
}
