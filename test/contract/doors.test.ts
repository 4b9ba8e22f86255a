// The doors of the broker: names and origins it answers to, the one-time login, body limits, the page, and its log.
import { request } from "node:http";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { readFileSync, readdirSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { submit } from "../support/builders.ts";
import { joinWorker } from "../support/fake-worker.ts";
import { testBroker, testFolder, type TestBroker } from "../support/start-broker.ts";

interface Got {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/** A request with any headers at all; fetch would not send a Host of one's own. */
function send(url: string, headers: Record<string, string>, method = "GET", body?: string): Promise<Got> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (part: string) => (text += part));
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }));
    });
    asked.on("error", reject);
    asked.end(body);
  });
}
const bearer = (broker: TestBroker) => ({ authorization: `Bearer ${broker.adminToken}` });

test("a foreign Host is refused, token or not: DNS rebinding does not reach the broker", async () => {
  const broker = await testBroker();
  for (const host of [
    "evil.example",
    "evil.example:7878",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
  ]) {
    for (const path of ["/health", "/v1/jobs", "/", "/login?code=x", "/openapi.json", "/signed/blobs/x"]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const { status, text } = await send(broker.url + path, { ...bearer(broker), host });
      expect([status, JSON.parse(text)], `${host}${path}`).toMatchObject([403, { code: "forbidden" }]);
    }
  }
  const { port } = new URL(broker.url);
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, "LOCALHOST", `[::1]:${port}`]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    expect((await send(`${broker.url}/v1/jobs`, { ...bearer(broker), host })).status, host).toBe(200);
  }
});

test("more names can be allowed in tally.yaml", async () => {
  const dataFolder = testFolder();
  writeFileSync(
    join(dataFolder, "tally.yaml"),
    "allowedHosts: [render.studio]\npublicUrl: https://tally.studio/\n",
  );
  const broker = await testBroker({ dataFolder });
  for (const host of ["render.studio", "tally.studio"])
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    expect((await send(`${broker.url}/health`, { host })).status).toBe(200);
});

test("a page of another origin may not talk to the broker, with the cookie neither", async () => {
  const broker = await testBroker();
  const host = new URL(broker.url).host;
  const login = await send(broker.loginUrl, {});
  const cookie = String(login.headers["set-cookie"]).split(";")[0] ?? "";
  for (const origin of ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost"]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const { status } = await send(`${broker.url}/v1/system/stop`, { cookie, origin }, "POST");
    expect(status, origin).toBe(403);
  }
  expect((await send(`${broker.url}/v1/jobs`, { cookie, origin: `http://${host}` })).status).toBe(200);
});

test("the printed address opens the page once; its cookie is out of reach for scripts and other sites", async () => {
  const broker = await testBroker();
  expect((await send(broker.url, {})).status).toBe(401);
  expect((await send(`${broker.url}/login?code=${"x".repeat(24)}`, {})).status).toBe(401);
  expect((await send(`${broker.url}/login`, {})).status).toBe(401);
  const typed = { "sec-fetch-site": "none" };
  const first = await send(broker.loginUrl, typed);
  expect([first.status, first.headers["location"]]).toEqual([302, "/"]);
  const set = String(first.headers["set-cookie"]);
  expect(set).toMatch(/HttpOnly/);
  expect(set).toMatch(/SameSite=Strict/);
  const cookie = set.split(";")[0] ?? "";
  expect((await send(broker.url, { cookie })).status).toBe(200);
  const second = await send(broker.loginUrl, typed);
  expect([second.status, second.headers["set-cookie"]]).toEqual([401, undefined]);
});

test("a token opens the page by its form, from this very page alone, and is written nowhere", async () => {
  const broker = await testBroker();
  const token = await broker.tokenFor("viewer");
  const body = `token=${token}`;
  const form = { "content-type": "application/x-www-form-urlencoded", "content-length": String(body.length) };
  for (const origin of ["https://evil.example", "null"]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const { status, headers } = await send(`${broker.url}/login`, { ...form, origin }, "POST", body);
    expect([status, headers["set-cookie"]], origin).toEqual([403, undefined]);
  }
  const good = await send(`${broker.url}/login`, { ...form, origin: broker.url }, "POST", body);
  expect([good.status, good.headers["location"]]).toEqual([303, "/"]);
  const set = String(good.headers["set-cookie"]);
  expect(set).toMatch(/HttpOnly/);
  expect(set).toMatch(/SameSite=Strict/);
  const cookie = set.split(";")[0] ?? "";
  expect((await send(broker.url, { cookie })).status).toBe(200);
  const me = await send(`${broker.url}/v1/me`, { cookie });
  expect(JSON.parse(me.text)).toMatchObject({ role: "viewer", name: "viewer" });
  expect((await send(`${broker.url}/v1/system/stop`, { cookie }, "POST")).status).toBe(403);
  const { items } = await broker.api.ok("listTokens");
  const own = items.find(({ role }) => role === "viewer");
  await broker.api.ok("revokeToken", { params: { token: own?.id ?? "" } });
  expect((await send(broker.url, { cookie })).status).toBe(401);
  expect(readFileSync(join(broker.dataFolder, "broker.log"), "utf8")).not.toContain(token);
});

test("an address that was asked for opens the page with the rights of who asked, for as long as that token is good", async () => {
  const broker = await testBroker();
  const job = await submit(broker.api);
  const made = await broker.api.ok("createToken", { body: { role: "viewer", name: "wall" } });
  const { path, expiresAt } = await broker.api.as(made.token).ok("createPageAddress");
  expect(Date.parse(expiresAt)).toBeGreaterThan(Date.now());
  const opened = await send(broker.url + path, {});
  expect(opened.status).toBe(200);
  const cookie = String(opened.headers["set-cookie"]).split(";")[0] ?? "";
  expect((await send(broker.url + path, {})).status).toBe(401);
  expect((await send(broker.url, { cookie })).status).toBe(200);
  expect((await send(`${broker.url}/v1/jobs/${job.number}`, { cookie })).status).toBe(200);
  const look = await send(`${broker.url}/v1/system/stop`, { cookie }, "POST");
  expect([look.status, look.text]).toEqual([403, expect.stringContaining("A viewer may look")]);
  await broker.api.ok("revokeToken", { params: { token: made.id } });
  expect((await send(broker.url, { cookie })).status).toBe(401);
});

test("the page cannot make addresses of itself, and this machine's own token stays out of its cookie", async () => {
  const broker = await testBroker();
  const { path } = await broker.api.ok("createPageAddress");
  const opened = await send(broker.url + path, {});
  const cookie = String(opened.headers["set-cookie"]).split(";")[0] ?? "";
  expect(cookie).toMatch(/^tally=tally_admin_/);
  expect(cookie).not.toContain(broker.adminToken);
  const { status, text } = await send(`${broker.url}/v1/page-addresses`, { cookie }, "POST");
  expect([status, JSON.parse(text).detail]).toEqual([
    403,
    "The page cannot make addresses of itself. Type: tally page",
  ]);
});

test("no name is in the page that is sent, and it may run its own script alone", async () => {
  const broker = await testBroker();
  const name = `<script>alert("1")</script>'&`;
  await submit(broker.api, [{}], { name });
  const { text, headers } = await send(broker.url, bearer(broker));
  expect(text).not.toContain("alert");
  expect(String(headers["content-security-policy"])).toContain("default-src 'none'");
  expect(String(headers["content-security-policy"])).toContain("frame-ancestors 'none'");
});

test("a worker's token does not open the page", async () => {
  const broker = await testBroker();
  const token = await broker.tokenFor("worker");
  expect((await send(broker.url, { authorization: `Bearer ${token}` })).status).toBe(401);
});

test.each([
  "Basic abc",
  "Bearer",
  "Bearer  x",
  `Bearer ${"x".repeat(5000)}`,
  "bearer x",
  `Bearer a"b' OR 1=1 --${"x".repeat(20)}`,
])("an Authorization that is none: %s", async (authorization) => {
  const broker = await testBroker();
  expect((await send(`${broker.url}/v1/jobs`, { authorization })).status).toBe(401);
});

test("what is not there is a problem too", async () => {
  const broker = await testBroker();
  for (const [method, path] of [
    ["GET", "/v2/jobs"],
    ["PATCH", "/v1/jobs"],
    ["GET", "/../../etc/passwd"],
    ["GET", "/v1/templates/..%2f..%2fsecret"],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const { status, text, headers } = await send(broker.url + path, bearer(broker), method);
    expect([status, JSON.parse(text).code, headers["content-type"]]).toEqual([
      404,
      "not-found",
      "application/problem+json",
    ]);
  }
});

test("query parameters and paging marks that are none are refused with their name", async () => {
  const broker = await testBroker();
  const { api } = broker;
  await submit(api);
  const bad = await api.problem("listJobs", "malformed", { query: { limit: 0 } });
  expect(bad.errors?.[0]?.pointer).toBe("query.limit");
  await api.problem("listJobs", "malformed", { query: { after: "x" } });
  await api.problem("listJobs", "invalid", { query: { state: "done" } });
  await api.problem("listTasks", "malformed", { params: { job: 1 }, query: { after: "1" } });
  await api.problem("listEvents", "malformed", { query: { after: -1 } });
  await api.problem("getTemplate", "malformed", { params: { name: "x".repeat(100) } });
  await api.problem("getTemplate", "not-found", { params: { name: "nope" } });
  await api.problem("putBlob", "malformed", { params: { sha256: "xyz" }, bytes: "x" });
  await api.problem("putBlob", "invalid", { params: { sha256: "0".repeat(64) }, bytes: "x" });
});

test("paging gives every job once, newest first", async () => {
  const { api } = await testBroker();
  for (let index = 0; index < 7; index++)
    // oxlint-disable-next-line no-await-in-loop -- in their order
    await submit(api, [{ frames: "1" }]);
  const seen: number[] = [];
  for (let after: string | null = ""; after !== null;) {
    // oxlint-disable-next-line no-await-in-loop -- page after page
    const page: { items: { number: number }[]; next: string | null } = await api.ok("listJobs", {
      query: { limit: 3, ...(after && { after }) },
    });
    seen.push(...page.items.map((job) => job.number));
    after = page.next;
  }
  expect(seen).toEqual([7, 6, 5, 4, 3, 2, 1]);
});

test("secrets are readable by their owner alone, and no token is ever in the log", async () => {
  const broker = await testBroker();
  const worker = await joinWorker(broker);
  await submit(broker.api);
  const held = await worker.work();
  await worker.succeed(held);
  await send(`${broker.url}/v1/jobs?token=${broker.adminToken}`, {});
  await send(broker.loginUrl, {});
  const { path } = await broker.api.ok("createPageAddress");
  await send(broker.url + path, {});
  await broker.api.problem("submitJob", "malformed", {
    body: "{",
    headers: { "idempotency-key": randomUUID() },
  });
  const { loginUrl, dataFolder, adminToken } = broker;
  await broker.stop();
  const log = readFileSync(join(dataFolder, "broker.log"), "utf8");
  expect(log).toContain("started");
  const code = new URL(loginUrl).searchParams.get("code") ?? "";
  const asked = path.split("=")[1] ?? "";
  const secrets = [adminToken, worker.token, held.lease.token, code, asked];
  for (const secret of [...secrets, "tally_admin_", "tally_worker_"]) expect(log).not.toContain(secret);
  if (process.platform === "win32") return;
  for (const name of ["connection.json", "page.json", "secret.json", "broker.log"])
    expect(statSync(join(dataFolder, name)).mode & 0o077, name).toBe(0);
  expect(statSync(dataFolder).mode & 0o077).toBe(0);
});

test("the served document is the committed one", async () => {
  const broker = await testBroker();
  const served = JSON.parse((await send(`${broker.url}/openapi.json`, {})).text) as unknown;
  const committed = JSON.parse(
    readFileSync(join(import.meta.dirname, "../../docs/openapi.json"), "utf8"),
  ) as unknown;
  expect(served).toEqual(committed);
});

test.runIf(process.platform === "linux")(
  "asking whether bytes are there opens no file (Linux only)",
  async () => {
    const broker = await testBroker();
    const bytes = randomBytes(100_000);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    await broker.api.ok("putBlob", { params: { sha256 }, bytes: new Uint8Array(bytes) });
    const path = join(broker.dataFolder, "blobs", sha256.slice(0, 2), sha256);
    const { status, headers } = await send(
      `${broker.url}/v1/blobs/${sha256}`,
      { authorization: `Bearer ${broker.adminToken}` },
      "HEAD",
    );
    expect([status, headers["content-length"]]).toEqual([200, "100000"]);
    expect(openFiles()).not.toContain(path);
  },
);

/** The files that this process, and so the broker in it, holds open. */
function openFiles(): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // Closed meanwhile: the listing itself is one of them.
    }
  });
}
