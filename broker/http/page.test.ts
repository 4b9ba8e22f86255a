// Tests what the page's addresses answer, with and without a built page, to whom, and under which policy.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { Hono } from "hono";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createLoginCode } from "./auth.ts";
import { mountPage, type PageOptions } from "./page.ts";

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
    login: createLoginCode(),
    token: "token-of-the-page",
    identify: (c) => (c.req.header("cookie") === undefined ? undefined : admin),
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
  expect(await answer.text()).toContain("tally stop");
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
  const login = createLoginCode();
  const app = pageApp({ login });
  const first = await app.request(`/login?code=${login.code}`);
  expect([first.status, first.headers.get("location")]).toEqual([302, "/"]);
  expect(first.headers.get("set-cookie")).toContain("token-of-the-page");
  expect((await app.request(`/login?code=${login.code}`)).status).toBe(401);
});
