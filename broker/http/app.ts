// The broker's web application: order of middleware, the operations, the page, and every error as a problem.
import { Hono } from "hono";
import { Problem } from "../contract/problem.ts";
import { checkHostAndOrigin, identify } from "./auth.ts";
import { jobNumber, jobOf, type HttpContext } from "./context.ts";
import { blobHandlers } from "./blobs.ts";
import { jobHandlers } from "./jobs.ts";
import { mountOperations } from "./mount.ts";
import { openApiDocument } from "./openapi.ts";
import { otherMistakes } from "./other-mistakes.ts";
import { mountPage, type PageOptions } from "./page.ts";
import { answerProblem } from "./problem.ts";
import { resultHandlers } from "./results.ts";
import { systemHandlers } from "./system.ts";
import { workerHandlers } from "./workers.ts";

/** `source.incoming`: the request as Node has it, which is cheaper to read than `request.body`; absent in memory. */
export type SignedDoor = (
  request: Request,
  source?: { incoming?: AsyncIterable<Uint8Array> },
) => Promise<Response>;

export interface AppOptions {
  isAllowedHost: (host: string) => boolean;
  page: Omit<PageOptions, "identify" | "holderOf">;
  onBug: (error: unknown, requestId: string) => void;
  /** Answers requests below /signed/, which carry no token; absent: the store has addresses of its own. */
  signedDoor?: SignedDoor;
}

/** Makes the application; it has no socket of its own. */
export function createApp(context: HttpContext, options: AppOptions): Hono {
  const app = new Hono();
  app.onError((error, c) => answerProblem(c, error, options.onBug));
  app.notFound((c) =>
    answerProblem(
      c,
      new Problem(
        "not-found",
        `There is nothing at ${c.req.method} ${c.req.path}. The API is described at /openapi.json.`,
      ),
      options.onBug,
    ),
  );
  app.use(checkHostAndOrigin(options.isAllowedHost));
  mountOperations(
    app,
    {
      ...jobHandlers(context),
      ...resultHandlers(context),
      ...workerHandlers(context),
      ...blobHandlers(context),
      ...systemHandlers(context),
    },
    {
      identify: (c) => identify(c, context.authenticator),
      otherMistakes: async (id, body, refused) =>
        id === "submitJob" || id === "planJob" ? otherMistakes(context.broker, body, refused) : [],
      requireOwner(who, job) {
        if (who.role !== "artist") return;
        const { owner, number } = jobOf(context, jobNumber(context, job));
        if (owner !== who.name)
          throw new Problem(
            "forbidden",
            `Job ${number} belongs to ${owner}. Ask them, or somebody with an admin token.`,
          );
      },
    },
  );
  const door = options.signedDoor;
  if (door) app.all("/signed/*", (c) => door(c.req.raw, c.env as Parameters<SignedDoor>[1]));
  let document: string | undefined;
  app.get("/openapi.json", (c) =>
    c.body((document ??= JSON.stringify(openApiDocument())), 200, { "content-type": "application/json" }),
  );
  // The last: it answers a browser at every address that is left.
  mountPage(app, {
    ...options.page,
    identify: (c) => identify(c, context.authenticator),
    holderOf: (token) => context.authenticator.identify(token),
  });
  return app;
}
