// The status page: answers its addresses with the page that was built, under a policy that lets in nothing from elsewhere.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Context, Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import type { Identity } from "../service/tokens.ts";
import type { Logins } from "../service/logins.ts";
import { setLoginCookie } from "./auth.ts";

export interface PageOptions {
  /** Where the built page lies. */
  folder: string;
  /** From where pictures come when blobs are not kept by the broker itself; null: from here. */
  blobOrigin: string | null;
  logins: Logins;
  identify: (c: Context) => Identity | undefined;
  /** Who holds a token; undefined: nobody. */
  holderOf: (token: string) => Identity | undefined;
}

/** Addresses of the page; what lies below them is told apart in the page itself. */
const addresses = ["/", "/jobs/*", "/workers", "/system", "/submit"];

const types: Readonly<Record<string, string>> = {
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  map: "application/json",
};

/** Adds the page, its files and its login to `app`. */
export function mountPage(app: Hono, options: PageOptions): void {
  const { folder, blobOrigin, logins, identify, holderOf } = options;
  const elsewhere = blobOrigin === null ? [] : [blobOrigin];
  const headers = secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'", "blob:", "data:", ...elsewhere],
      connectSrc: ["'self'", ...elsewhere],
      formAction: ["'self'"],
      baseUri: ["'none'"],
      frameAncestors: ["'none'"],
    },
    // Nothing for other sites; but without any, a browser does not say where the form of the login comes from.
    referrerPolicy: "same-origin",
    crossOriginResourcePolicy: "same-origin",
  });
  const built = new Map<string, { body: Buffer<ArrayBuffer>; zipped: Buffer<ArrayBuffer>; type: string }>();

  /** A file of the page; they are few and small, so each is read and packed once. */
  function fileOf(name: string) {
    const known = built.get(name);
    if (known) return known;
    const type = types[name.slice(name.lastIndexOf(".") + 1)];
    // Only what is listed there: a name cannot lead out of the folder.
    if (type === undefined || !namesIn(folder).includes(name)) return undefined;
    const body = readFileSync(join(folder, name));
    const file = { body, zipped: gzipSync(body), type };
    built.set(name, file);
    return file;
  }

  app.get("/page/:name", headers, (c) => {
    const file = fileOf(c.req.param("name"));
    if (!file) return c.text("There is no such file. Load the page anew.\n", 404);
    const isZipped = /\bgzip\b/.test(c.req.header("accept-encoding") ?? "");
    return c.body(isZipped ? file.zipped : file.body, 200, {
      "content-type": file.type,
      // The name changes with the content.
      "cache-control": "private, max-age=31536000, immutable",
      vary: "accept-encoding",
      ...(isZipped && { "content-encoding": "gzip" }),
    });
  });
  // Browsers ask for it beside whatever is not the page itself, which draws its own, and complain where it is not found.
  app.get("/favicon.ico", (c) => c.body(null, 204, { "cache-control": "private, max-age=86400" }));
  for (const address of addresses) {
    app.get(address, headers, (c) => {
      const who = identify(c);
      // A new build has new names: the page itself is always asked for.
      c.header("cache-control", "no-store");
      if (!mayLook(who)) return c.html(closedPage(folder), 401);
      if (!namesIn(folder).includes("index.html")) return c.html(unbuiltPage(), 503);
      return c.html(readFileSync(join(folder, "index.html"), "utf8"));
    });
  }
  app.get("/login", headers, (c) => {
    c.header("cache-control", "no-store");
    const code = c.req.query("code");
    if (code === undefined) return c.html(closedPage(folder, "Open this page"), 401);
    const token = logins.use(code);
    if (token === undefined) return c.html(closedPage(folder), 401);
    setLoginCookie(c, token);
    // Whoever came by a link of another site (a chat, a mail) has no cookie on a redirect: it is kept from other sites.
    const isFromHere = /^(none|same-origin|same-site)$/.test(c.req.header("sec-fetch-site") ?? "");
    return isFromHere ? c.redirect("/") : c.html(openingPage(folder));
  });
  app.post("/login", headers, async (c) => {
    c.header("cache-control", "no-store");
    const length = Number(c.req.header("content-length") ?? Number.NaN);
    const given = length <= maxFormBytes ? new URLSearchParams(await c.req.text()).get("token") : null;
    const own = given?.trim() ?? "";
    if (!mayLook(holderOf(own))) return c.html(closedPage(folder, "This token does not open the page"), 401);
    setLoginCookie(c, logins.given(own));
    return c.redirect("/", 303);
  });
}

/** The form has one short field. */
const maxFormBytes = 2000;

/** People may; a worker's token is for the machine alone. */
function mayLook(who: Identity | undefined): boolean {
  return who !== undefined && who.role !== "worker";
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // Not built yet: nothing is there.
    return [];
  }
}

function plain(folder: string | null, title: string, words: string, head = ""): string {
  const style = folder === null ? undefined : namesIn(folder).find((name) => name.endsWith(".css"));
  const link = style === undefined ? "" : `<link rel="stylesheet" href="/page/${style}">`;
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="dark light"><title>Tally</title>${head}${link}<main class="plain"><h1>${title}</h1>${words}</main></html>`;
}

/** What somebody sees who came without a key: the ways in. */
function closedPage(folder: string, title = "This page is locked"): string {
  return plain(
    folder,
    title,
    `<form method="post" action="/login" class="plain-form"><label for="token">Your token</label><input class="input" type="password" id="token" name="token" required maxlength="200" autocomplete="off" spellcheck="false"><button class="button is-primary">Open</button></form><p>Whoever looks after this broker makes one for you: <code>tally token create NAME --role artist</code>, or <code>viewer</code> to look only.</p><p>On the broker's own machine it opens with its one-time address. That was printed where the broker was started, and works once. For a new one type <code>tally page</code>.</p>`,
  );
}

/** Goes on to the page by itself: from a page of this site the cookie is sent. */
function openingPage(folder: string): string {
  return plain(
    folder,
    "The page opens",
    '<p><a href="/">Go on</a></p>',
    '<meta http-equiv="refresh" content="0;url=/">',
  );
}

function unbuiltPage(): string {
  return plain(
    null,
    "The page is not built yet",
    "<p>Type <code>npm run build</code> in the folder of Tally, then load this page anew.</p>",
  );
}
