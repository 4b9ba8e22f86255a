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
  function answerPage(c: Context, status: 200 | 404): Response | Promise<Response> {
    // A new build has new names: the page itself is always asked for.
    c.header("cache-control", "no-store");
    if (!mayLook(identify(c))) return c.html(closedPage(folder), 401);
    if (!namesIn(folder).includes("index.html")) return c.html(unbuiltPage(), 503);
    return c.html(readFileSync(join(folder, "index.html"), "utf8"), status);
  }
  for (const address of addresses) app.get(address, headers, (c) => answerPage(c, 200));
  app.get("/login", headers, (c) => {
    c.header("cache-control", "no-store");
    const code = c.req.query("code");
    const isUsed = c.req.query("used") !== undefined;
    if (code === undefined && !isUsed) return c.html(closedPage(folder, { title: "Open this page" }), 401);
    const token = code === undefined ? undefined : logins.use(code);
    if (token !== undefined) setLoginCookie(c, token);
    // Whoever came by a link of another site (a chat, a mail) has no cookie on a redirect: it is kept from other sites.
    const isFromHere = /^(none|same-origin|same-site)$/.test(c.req.header("sec-fetch-site") ?? "");
    if (token !== undefined) return isFromHere ? c.redirect("/") : c.html(openingPage(folder, "/"));
    // A browser that is in already needs no address: it is let in, however it came.
    if (mayLook(identify(c))) return c.redirect("/");
    if (!isFromHere && !isUsed) return c.html(openingPage(folder, "/login?used=1"), 401);
    return c.html(closedPage(folder, usedAddress), 401);
  });
  app.post("/login", headers, async (c) => {
    c.header("cache-control", "no-store");
    const length = Number(c.req.header("content-length") ?? Number.NaN);
    const given = length <= maxFormBytes ? new URLSearchParams(await c.req.text()).get("token") : null;
    const own = given?.trim() ?? "";
    if (!mayLook(holderOf(own)))
      return c.html(closedPage(folder, { title: "This token does not open the page" }), 401);
    setLoginCookie(c, logins.given(own));
    return c.redirect("/", 303);
  });
  // A person who mistyped reads the page's own "not found"; whoever has no key learns no more than anywhere else.
  app.get("*", (c, next) => {
    const isPerson = /\btext\/html\b/i.test(c.req.header("accept") ?? "");
    if (!isPerson || ofPrograms.test(c.req.path)) return next();
    return headers(c, async () => {
      c.res = await answerPage(c, 404);
    });
  });
}

/** What programs ask for: they read a problem, whatever they say that they accept. */
const ofPrograms = /^\/(v1|page|signed)(\/|$)/;

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
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="dark light"><title>${title} – Tally</title>${head}${link}<main class="plain"><p class="plain-brand"><span class="brand-light" aria-hidden="true"></span>Tally</p><h1>${title}</h1>${words}</main></html>`;
}

/** Why somebody is not in, where that is known. */
interface Closed {
  title?: string;
  /** Markup. */
  why?: string;
}

/** Each address opens one browser: whoever shows it to a second one reads why it does not. */
const usedAddress: Closed = {
  title: "This address does not open the page any more",
  why: "It was used already, is too old, or is not complete: each address opens the page in one browser, once, and that browser stays in.",
};

/** What somebody sees who came without a key: the ways in. */
function closedPage(folder: string, { title = "This page is locked", why }: Closed = {}): string {
  const onBroker =
    why === undefined
      ? "On the broker's own machine it opens with its one-time address. That was printed where the broker was started, and works once. For a new one"
      : "For a new address, on the broker's own machine";
  const ways = [
    `<p>${onBroker} type <code>tally page</code>, or <code>npx tally page</code> in the folder of Tally.</p>`,
    `<form method="post" action="/login" class="plain-form"><label for="token">Your token</label><input class="input" type="password" id="token" name="token" required maxlength="200" autocomplete="off" spellcheck="false"><button class="button is-primary">Open</button></form><p>Whoever looks after this broker makes one for you: <code>tally token create NAME --role artist</code>, or <code>viewer</code> to look only.</p>`,
  ];
  const words = why === undefined ? ways.toReversed() : [`<p>${why}</p>`, ...ways];
  return plain(folder, title, words.join(""));
}

/** Goes on by itself to an address of this site, to which its cookie is sent then. */
function openingPage(folder: string, to: string): string {
  return plain(
    folder,
    "One moment",
    `<p><a class="link" href="${to}">Go on</a></p>`,
    `<meta http-equiv="refresh" content="0;url=${to}">`,
  );
}

function unbuiltPage(): string {
  return plain(
    null,
    "The page is not built yet",
    "<p>Type <code>npm run build</code> in the folder of Tally, then load this page anew.</p>",
  );
}
