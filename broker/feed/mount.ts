// The feed's address: behind the same checks of Host and Origin as every request, and the same tokens and cookie.
import { upgradeWebSocket } from "@hono/node-server";
import type { Context, Hono } from "hono";
import type { WebSocket } from "ws";
import { feedPath } from "../contract/feed-words.ts";
import { Problem } from "../contract/problem.ts";
import type { Identity } from "../service/tokens.ts";
import type { Feed } from "./feed.ts";

/** Adds `GET /v1/feed` to the application; `identify` says who is behind a request. */
export function mountFeed(app: Hono, feed: Feed, identify: (c: Context) => Identity | undefined): void {
  app.get(
    feedPath,
    async (c, next) => {
      if (c.req.header("upgrade")?.toLowerCase() !== "websocket")
        throw new Problem("malformed", "The feed is a WebSocket. Open it as one; docs/feed.md says how.");
      await next();
    },
    upgradeWebSocket((c) => {
      const { topics, after, v } = c.req.query();
      return {
        onOpen(_event, { raw }) {
          // Refusals are close codes: a page never sees the status of an upgrade that was refused.
          feed.connect(raw as WebSocket, { topics, after, v }, () => identify(c));
        },
      };
    }),
  );
}
