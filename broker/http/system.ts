// Handlers of the operations on templates, blobs, tokens and the broker itself.
import { statSync, statfsSync } from "node:fs";
import { Readable } from "node:stream";
import { Problem } from "../contract/problem.ts";
import { readTemplateText } from "../openjd/document.ts";
import { idOf, requireNumber } from "../service/ids.ts";
import { createToken, revokeToken } from "../service/tokens.ts";
import { listTokenRows } from "../store/read-tasks.ts";
import type { HttpContext } from "./context.ts";
import type { Handlers } from "./mount.ts";

type SystemHandlers = Pick<
  Handlers,
  | "listTemplates"
  | "getTemplate"
  | "headBlob"
  | "putBlob"
  | "getBlob"
  | "createToken"
  | "listTokens"
  | "revokeToken"
  | "getSystem"
  | "stopBroker"
  | "health"
>;

/** The handlers over one context. */
export function systemHandlers(context: HttpContext): SystemHandlers {
  const { broker, db, blobs, info } = context;
  const shipped = new Map(
    [...broker.templates].map(([name, text]) => [name, { name, ...titleOf(name, text), text }]),
  );

  function notThere(): Problem {
    return new Problem("not-found", "These bytes are not here.");
  }

  return {
    listTemplates: () => ({ items: [...shipped.values()].map(({ text: _, ...template }) => template) }),
    getTemplate({ params }) {
      const template = shipped.get(params.name);
      if (!template)
        throw new Problem(
          "not-found",
          `There is no template ${params.name}. Shipped ones: ${[...shipped.keys()].join(", ")}.`,
        );
      return template;
    },
    async headBlob({ params }) {
      const bytes = await blobs.size(params.sha256);
      if (bytes === null) throw notThere();
      return new Response(null, { headers: { "content-length": String(bytes) } });
    },
    async putBlob({ params, request }) {
      const body = request.body
        ? (Readable.fromWeb(request.body as never) as AsyncIterable<Uint8Array>)
        : empty();
      await blobs.put(params.sha256, body);
    },
    async getBlob({ params }) {
      const found = await blobs.get(params.sha256);
      if (!found) throw notThere();
      const stream = Readable.toWeb(found.stream as Readable) as ReadableStream<Uint8Array>;
      return new Response(stream, {
        headers: { "content-type": "application/octet-stream", "content-length": String(found.bytes) },
      });
    },
    async createToken({ body }) {
      const made = await broker.writer.write((tx) => ({
        ...createToken(tx, body.role, body.name, body.expiresInSeconds ?? null),
        now: tx.now,
      }));
      const expires = body.expiresInSeconds === undefined ? null : made.now + body.expiresInSeconds * 1000;
      return {
        id: idOf("token", made.id),
        role: body.role,
        name: body.name,
        createdAt: new Date(made.now).toISOString(),
        expiresAt: expires === null ? null : new Date(expires).toISOString(),
        token: made.token,
      };
    },
    listTokens: () => ({
      items: listTokenRows(db).map(({ id, role, name, createdAt, expiresAt }) => ({
        id: idOf("token", id),
        role,
        name,
        createdAt: new Date(createdAt).toISOString(),
        expiresAt: expiresAt === null ? null : new Date(expiresAt).toISOString(),
      })),
    }),
    revokeToken: ({ params }) => revokeToken(broker, requireNumber("token", params.token)),
    getSystem() {
      const disk = statfsSync(info.dataFolder);
      return {
        name: "tally" as const,
        version: info.version,
        startedAt: new Date(info.startedAt).toISOString(),
        dataFolder: info.dataFolder,
        databaseBytes: statSync(info.databasePath).size,
        schemaVersion: info.schemaVersion,
        freeBytes: disk.bavail * disk.bsize,
        pools: info.pools(),
        templates: shipped.size,
      };
    },
    stopBroker: () => context.stop(),
    health: () => ({ ok: true as const, name: "tally" as const, version: info.version }),
  };
}

async function* empty(): AsyncGenerator<Uint8Array> {
  // An empty body is a blob of no bytes.
}

function titleOf(name: string, text: string): { title: string; description: string } {
  const document = readTemplateText(text).document as { description?: unknown } | null;
  const description = typeof document?.description === "string" ? document.description.trim() : "";
  return { title: name, description };
}
