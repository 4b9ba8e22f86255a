// Tests what the page's addresses answer, with and without a built page, to whom, and under which policy.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { Hono } from "hono";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createLogins } from "../service/logins.ts";
import { mountPage, type PageOptions } from "./page.ts";

const clock = { monotonic: () => performance.now() };
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tally-page-files-"));
  mkdirSync(join(folder, "page"));
  writeFileSync(join(folder, "secret.json"), '{"lease":"x"}');
  writeFileSync(join(folder, "page", "index.html"), "<!doctype html><p>the page</p>");
  writeFileSync(join(folder, "page", "page-1.js"), "console.log('page')");
  writeFileSync(join(folder, "page", "page-1.css"), "p{}");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function pageApp(more: Partial<PageOptions> = {}): Hono {
  const app = new Hono();
  const admin = { tokenId: 1, role: "admin", name: "ana" } as const;
  mountPage(app, {
    folder: join(folder, "page"),
    blobOrigin: null,
    logins: createLogins(clock),
    identify: (c) => (c.req.header("cookie") === undefined ? undefined : admin),
    holderOf: () => undefined,
    ...more,
  });
  return app;
}
const known = { headers: { cookie: "tally=x" } };

it("answers every address of the page with the page, never kept", async () => {
  for (const address of ["/", "/jobs/12", "/jobs/12/Render/7", "/workers", "/system", "/submit"]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const answer = await pageApp().request(address, known);
    expect([answer.status, answer.headers.get("cache-control")], address).toEqual([200, "no-store"]);
  }
  expect((await pageApp().request("/elsewhere", known)).status).toBe(404);
});

it("keeps files for ever, packs them, and gives nothing from outside of its folder", async () => {
  const answer = await pageApp().request("/page/page-1.js", { headers: { "accept-encoding": "br, gzip" } });
  expect(answer.headers.get("cache-control")).toContain("immutable");
  expect(answer.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
  expect(gunzipSync(await answer.bytes()).toString()).toBe("console.log('page')");
  expect(await (await pageApp().request("/page/page-1.css")).text()).toBe("p{}");
  for (const name of [
    "..%2Fsecret.json",
    "%2e%2e%2fsecret.json",
    "index.html",
    "page-2.js",
    "%2fetc%2fpasswd",
  ])
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    expect((await pageApp().request(`/page/${name}`)).status, name).toBe(404);
});

it("is locked for strangers and for workers, and says how to open it", async () => {
  const answer = await pageApp().request("/jobs/1");
  expect(answer.status).toBe(401);
  expect(await answer.text()).toContain("tally page");
  const worker = pageApp({ identify: () => ({ tokenId: 2, role: "worker", name: "w" }) });
  expect((await worker.request("/")).status).toBe(401);
});

it("has no picture for the tab of what is not the page, and says so without a complaint", async () => {
  const answer = await pageApp().request("/favicon.ico");
  expect([answer.status, await answer.text()]).toEqual([204, ""]);
});

it("says what to type while the page is not built", async () => {
  const answer = await pageApp({ folder: join(folder, "nowhere") }).request("/", known);
  expect(answer.status).toBe(503);
  expect(await answer.text()).toContain("npm run build");
});

it("lets in nothing from elsewhere, but pictures from where blobs are kept", async () => {
  const own = (await pageApp().request("/", known)).headers.get("content-security-policy");
  expect(own).toContain("connect-src 'self';");
  expect(own).not.toContain("unsafe");
  const s3 = pageApp({ blobOrigin: "https://shots.s3.eu-west-1.amazonaws.com" });
  const policy = (await s3.request("/", known)).headers.get("content-security-policy");
  expect(policy).toContain("img-src 'self' blob: data: https://shots.s3.eu-west-1.amazonaws.com;");
  expect(policy).toContain("connect-src 'self' https://shots.s3.eu-west-1.amazonaws.com;");
  expect(policy).toContain("script-src 'self';");
});

it("lets the one-time address in once", async () => {
  const logins = createLogins(clock);
  const app = pageApp({ logins });
  const typed = { headers: { "sec-fetch-site": "none" } };
  const code = logins.make("token-of-the-page");
  const first = await app.request(`/login?code=${code}`, typed);
  expect([first.status, first.headers.get("location")]).toEqual([302, "/"]);
  expect(first.headers.get("set-cookie")).toContain("token-of-the-page");
  const again = await app.request(`/login?code=${code}`, typed);
  expect([again.status, again.headers.get("set-cookie")]).toEqual([401, null]);
  const words = await again.text();
  expect(words).toContain("It was used already, is too old, or is not complete");
  expect(words).toContain("<code>tally page</code>");
});

it("lets in a browser that is in already, whatever address it opens, and asks a link of another site again", async () => {
  const app = pageApp();
  const inside = await app.request("/login?code=used", { headers: { cookie: "tally=x" } });
  expect([inside.status, inside.headers.get("location"), inside.headers.get("set-cookie")]).toEqual([
    302,
    "/",
    null,
  ]);
  const linked = { "sec-fetch-site": "cross-site" };
  const link = await app.request("/login?code=used", { headers: linked });
  expect([link.status, link.headers.get("location")]).toEqual([401, null]);
  // The address says nothing of the code, and is asked for by a page of this site, so the cookie comes along.
  expect(await link.text()).toContain('<meta http-equiv="refresh" content="0;url=/login?used=1">');
  const asked = await app.request("/login?used=1", { headers: { cookie: "tally=x", ...linked } });
  expect([asked.status, asked.headers.get("location")]).toEqual([302, "/"]);
  // A browser that says nothing of sites is not sent round and round.
  const stranger = await app.request("/login?used=1");
  expect(stranger.status).toBe(401);
  expect(await stranger.text()).toContain("It was used already, is too old, or is not complete");
  // A worker's cookie is none that looks.
  const worker = pageApp({ identify: () => ({ tokenId: 2, role: "worker", name: "w" }) });
  expect((await worker.request("/login?used=1")).status).toBe(401);
});

it("answers a person who mistyped with the page, under its policy, and programs as everywhere", async () => {
  const accept = "text/html,application/xhtml+xml,*/*;q=0.8";
  const ask = (path: string, headers: Record<string, string> = {}, method = "GET") =>
    pageApp().request(path, { method, headers: { accept, ...headers } });
  const inside = { cookie: "tally=x" };
  const answer = await ask("/nonsense/deep", inside);
  expect([answer.status, await answer.text()]).toEqual([404, "<!doctype html><p>the page</p>"]);
  expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
  expect(answer.headers.get("cache-control")).toBe("no-store");
  // Who is not in learns nothing of what there is.
  const closed = await ask("/nonsense");
  expect([closed.status, await closed.text()]).toEqual([401, await (await ask("/jobs/1")).text()]);
  expect(closed.headers.get("content-security-policy")).toContain("default-src 'none'");
  for (const [path, headers, method] of [
    ["/v1/nonsense", inside, "GET"],
    ["/v1", inside, "GET"],
    ["/signed/x", inside, "GET"],
    ["/nonsense", { ...inside, accept: "application/json" }, "GET"],
    ["/nonsense", { ...inside, accept: "*/*" }, "GET"],
    ["/nonsense", inside, "POST"],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const other = await ask(path, headers, method);
    // oxlint-disable-next-line no-await-in-loop -- see above
    expect([other.status, await other.text()], `${method} ${path}`).toEqual([404, "404 Not Found"]);
  }
});

it("goes on by itself, not by a redirect, where the address was a link of another site", async () => {
  const logins = createLogins(clock);
  const link = { headers: { "sec-fetch-site": "cross-site" } };
  const answer = await pageApp({ logins }).request(`/login?code=${logins.make("its-token")}`, link);
  expect([answer.status, answer.headers.get("location")]).toEqual([200, null]);
  expect(answer.headers.get("set-cookie")).toContain("its-token");
  expect(await answer.text()).toContain('<meta http-equiv="refresh" content="0;url=/">');
});

it("opens for a person's token, which the cookie then carries; not for a worker's, nor for any other", async () => {
  const people = { tally_viewer_x: "viewer", tally_worker_x: "worker" } as const;
  const app = pageApp({
    holderOf: (token) => {
      const role = people[token as keyof typeof people];
      return role && { tokenId: 3, role, name: "v" };
    },
  });
  const send = (body: string, more: Record<string, string> = {}) =>
    app.request("/login", {
      method: "POST",
      body,
      headers: {
        "content-type": "application/x-www-form-urlencoded",
        "content-length": String(body.length),
        ...more,
      },
    });
  const good = await send("token=%20tally_viewer_x%0A");
  expect([good.status, good.headers.get("location"), good.headers.get("cache-control")]).toEqual([
    303,
    "/",
    "no-store",
  ]);
  expect(good.headers.get("set-cookie")).toMatch(/^tally=tally_viewer_x;.*HttpOnly.*SameSite=Strict/);
  for (const [body, more] of [
    ["token=tally_worker_x", {}],
    ["token=other", {}],
    ["", {}],
    ["token=tally_viewer_x", { "content-length": "2001" }],
    ["token=tally_viewer_x", { "content-length": "many" }],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const bad = await send(body, more);
    expect([bad.status, bad.headers.get("set-cookie")], body).toEqual([401, null]);
    // oxlint-disable-next-line no-await-in-loop -- see above
    expect(await bad.text()).toContain("This token does not open the page");
  }
  const form = await app.request("/login");
  expect(form.status).toBe(401);
  expect(form.headers.get("content-security-policy")).toContain("form-action 'self'");
  expect(await form.text()).toContain('<form method="post" action="/login"');
});

it("keeps a token that stays out of browsers out of the cookie, however the page is opened", async () => {
  const logins = createLogins(clock, (token) => (token === "tally_admin_x" ? "tally_page_x" : token));
  const app = pageApp({ logins, holderOf: () => ({ tokenId: 1, role: "admin", name: "ana" }) });
  const body = "token=tally_admin_x";
  const headers = {
    "content-type": "application/x-www-form-urlencoded",
    "content-length": String(body.length),
  };
  const typed = await app.request("/login", { method: "POST", body, headers });
  const linked = await app.request(`/login?code=${logins.make("tally_admin_x")}`);
  for (const answer of [typed, linked])
    expect(answer.headers.get("set-cookie")).toMatch(/^tally=tally_page_x;/);
});
