// Handlers of the operations on templates, tokens and the broker itself.
import { statSync, statfsSync } from "node:fs";
import type { Operation } from "../contract/operation.ts";
import { Problem } from "../contract/problem.ts";
import { routes } from "../contract/routes.ts";
import { readTemplateText } from "../openjd/document.ts";
import { clean } from "../service/clean.ts";
import { idOf, requireNumber } from "../service/ids.ts";
import { loginLastsMs } from "../service/logins.ts";
import { createToken, revokeToken } from "../service/tokens.ts";
import { countBlobs } from "../store/blobs.ts";
import { listTokenRows } from "../store/read-tasks.ts";
import { bearerOf, loginPath } from "./auth.ts";
import { jobNumber, type HttpContext } from "./context.ts";
import type { Handlers } from "./mount.ts";

type SystemHandlers = Pick<
  Handlers,
  | "whoAmI"
  | "listTemplates"
  | "getTemplate"
  | "createToken"
  | "listTokens"
  | "revokeToken"
  | "createPageAddress"
  | "getSystem"
  | "clean"
  | "stopBroker"
  | "health"
>;

/** How long the number of blobs is not counted anew, ms. */
const countedForMs = 10_000;

/** The handlers over one context. */
export function systemHandlers(context: HttpContext): SystemHandlers {
  const { broker, db, info, logins } = context;
  const shipped = new Map(
    [...broker.templates].map(([name, text]) => [name, { name, ...titleOf(name, text), text }]),
  );

  let known = { at: -Infinity, blobs: 0, bytes: 0 };
  /** Counting a million blobs takes a while: what was counted a moment ago is near enough. */
  function stored(): { blobs: number; bytes: number } {
    const now = broker.clock.monotonic();
    if (now - known.at > countedForMs) known = { at: now, ...countBlobs(broker.rows) };
    return { blobs: known.blobs, bytes: known.bytes };
  }

  return {
    whoAmI: ({ who: { name, role } }) => {
      const mine = (Object.entries(routes) as [string, Operation][]).filter(
        ([, operation]) => operation.roles.length === 0 || operation.roles.includes(role),
      );
      const ids = (some: typeof mine) => some.map(([id]) => id);
      // Whoever looks after the broker acts on everybody's jobs.
      const own = role === "artist" ? mine.filter(([, operation]) => operation.own === true) : [];
      return { name, role, may: ids(mine), ownOnly: ids(own) };
    },
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
    createPageAddress({ request }) {
      const token = bearerOf(request.headers.get("authorization"));
      // Else a script that got into the page could hand its rights on to another browser.
      if (token === undefined)
        throw new Problem("forbidden", "The page cannot make addresses of itself. Type: tally page");
      return {
        path: loginPath(logins.make(token)),
        expiresAt: new Date(broker.clock.now() + loginLastsMs).toISOString(),
      };
    },
    getSystem() {
      const disk = statfsSync(info.dataFolder);
      return {
        name: "tally" as const,
        version: info.version,
        startedAt: new Date(info.startedAt).toISOString(),
        dataFolder: info.dataFolder,
        databaseBytes: sizeOf(info.databasePath) + sizeOf(`${info.databasePath}-wal`),
        schemaVersion: info.schemaVersion,
        freeBytes: disk.bavail * disk.bsize,
        pools: info.pools(),
        templates: shipped.size,
        storage: { kind: broker.blobs.kind, folder: info.blobFolder, ...stored() },
        sharedRoots: [...broker.sharedRoots],
        retention: {
          deliveredDays: info.retention.deliveredDays,
          inputDays: info.retention.inputDays,
        },
      };
    },
    clean({ body: { job, ...ask } }) {
      const one = job === undefined ? {} : { job: jobNumber(context, job) };
      return clean(broker, { ...ask, ...one }, info.retention);
    },
    stopBroker: () => context.stop(),
    health: () => ({ ok: true as const, name: "tally" as const, version: info.version }),
  };
}

/** Bytes of a file, 0 where there is none: SQLite keeps the newest pages in a second file, which it removes at times. */
function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function titleOf(name: string, text: string): { title: string; description: string } {
  const document = readTemplateText(text).document as { description?: unknown } | null;
  const description = typeof document?.description === "string" ? document.description.trim() : "";
  return { title: name, description };
}
