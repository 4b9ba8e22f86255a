// The OpenAPI document, derived from the contract's table of operations and its zod schemas.
import { z } from "zod";
import { problemCodes, problemTable, type ProblemCode } from "../contract/problem.ts";
import type { Operation } from "../contract/operation.ts";
import { routes } from "../contract/routes.ts";

type Json = Record<string, unknown>;

/** Problems that any operation may answer, beside its own. */
const always: readonly ProblemCode[] = ["internal", "busy", "forbidden"];

const refPrefix = "#/components/schemas/";

/** JSON Schema of one schema; named ones become references to the components. */
function schemaOf(schema: z.ZodType, io: "input" | "output"): Json {
  const made = z.toJSONSchema(schema, { io, unrepresentable: "any" }) as Json;
  const { $schema: _, $defs: __, ...rest } = made;
  const id = (schema.meta() as { id?: string } | undefined)?.id;
  return id === undefined ? (pointToComponents(rest) as Json) : { $ref: refPrefix + id };
}

function pointToComponents(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pointToComponents);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === "$ref" && typeof inner === "string"
        ? inner.replace("#/$defs/", refPrefix)
        : pointToComponents(inner),
    ]),
  );
}

function components(): Json {
  // Input mode: an answer may gain fields within v1, so nothing says that others are forbidden.
  const { schemas } = z.toJSONSchema(z.globalRegistry, {
    uri: (id) => refPrefix + id,
    io: "input",
    unrepresentable: "any",
  }) as { schemas: Record<string, Json> };
  const names = Object.keys(schemas).filter((id) => id !== "__shared");
  return Object.fromEntries(
    names.toSorted().map((name) => {
      const { $schema: _, $id: __, id: ___, ...schema } = schemas[name] as Json;
      return [name, schema];
    }),
  );
}

function parameters(operation: Operation): Json[] {
  const list: Json[] = [];
  for (const [place, schema] of [
    ["path", operation.params],
    ["query", operation.query],
    ["header", operation.headers],
  ] as const) {
    if (!schema) continue;
    const { properties = {}, required = [] } = schemaOf(schema, "input") as {
      properties?: Record<string, Json>;
      required?: string[];
    };
    for (const [name, property] of Object.entries(properties)) {
      const { description, ...rest } = property;
      list.push({
        name,
        in: place,
        required: place === "path" || required.includes(name),
        ...(description !== undefined && { description }),
        schema: rest,
      });
    }
  }
  return list;
}

/** Problems that follow from what an operation takes: mount.ts answers them before any handler. */
function implied(operation: Operation): ProblemCode[] {
  const { roles, params, query, headers, body, method } = operation;
  return [
    ...(roles.length > 0 ? (["unauthenticated"] as const) : []),
    ...(params || query || headers ? (["malformed"] as const) : []),
    ...(body ? (["malformed", "invalid", "too-large"] as const) : []),
    // Every change can find the disk full.
    ...(method === "get" || method === "head" ? [] : (["storage-full"] as const)),
  ];
}

function answers(operation: Operation): Json {
  const bytes =
    operation.bytesOut === "text"
      ? { "text/plain; charset=utf-8": { schema: { type: "string" } } }
      : { "application/octet-stream": { schema: { type: "string", format: "binary" } } };
  const json = operation.answer && { "application/json": { schema: schemaOf(operation.answer, "input") } };
  const content = operation.bytesOut ? bytes : json;
  const made: Json = {
    [operation.status]: {
      description: operation.summary,
      ...(content && operation.method !== "head" && { content }),
    },
  };
  if (operation.ranges === true)
    made[206] = { description: "The part that the Range header asked for", content: bytes };
  const codes = new Set<ProblemCode>([...operation.problems, ...always, ...implied(operation)]);
  const byStatus = Map.groupBy(
    problemCodes.filter((code) => codes.has(code)),
    (code) => problemTable[code].status,
  );
  for (const [status, those] of [...byStatus].toSorted(([a], [b]) => a - b)) {
    made[status] = {
      description: those.map((code) => `\`${code}\`: ${problemTable[code].title}`).join("; "),
      content: { "application/problem+json": { schema: { $ref: `${refPrefix}Problem` } } },
    };
  }
  return made;
}

/** The whole document (OpenAPI 3.1). */
export function openApiDocument(): Json {
  const paths: Record<string, Json> = {};
  for (const [operationId, operation] of Object.entries(routes) as [string, Operation][]) {
    const body = operation.body
      ? { "application/json": { schema: schemaOf(operation.body, "input") } }
      : operation.bytesIn
        ? { "application/octet-stream": { schema: { type: "string", format: "binary" } } }
        : undefined;
    (paths[operation.path] ??= {})[operation.method] = {
      operationId,
      summary: operation.summary,
      description:
        operation.roles.length === 0
          ? "Needs no token."
          : `Roles: ${operation.roles.join(", ")}${operation.own ? " (an artist: own jobs only)" : ""}.`,
      ...(operation.roles.length === 0 && { security: [] }),
      parameters: parameters(operation),
      ...(body && { requestBody: { required: true, content: body } }),
      responses: answers(operation),
    };
  }
  return {
    openapi: "3.1.0",
    info: { title: "Tally", version: "1", license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    security: [{ token: [] }],
    paths,
    components: { securitySchemes: { token: { type: "http", scheme: "bearer" } }, schemas: components() },
  };
}
