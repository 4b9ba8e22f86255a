// Who may do what: every operation of the contract with every role and every kind of bad token.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Operation } from "../../broker/contract/operation.ts";
import { routes, type OperationId } from "../../broker/contract/routes.ts";
import { roles, type Role } from "../../broker/contract/states.ts";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Ask } from "../support/api.ts";
import { submission, submit } from "../support/builders.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { openBroker, type TestBroker } from "../support/start-broker.ts";

const clock = createFakeClock();
const folder = mkdtempSync(join(tmpdir(), "tally-permissions-"));
let broker: TestBroker;
const tokens = {} as Record<Role, string>;
const bad = { wrong: `tally_admin_${"x".repeat(32)}`, revoked: "", expired: "" };

beforeAll(async () => {
  broker = await openBroker({ dataFolder: folder, clock });
  for (const role of roles) tokens[role] = await broker.tokenFor(role, `a ${role}`);
  const made = await broker.api.ok("createToken", { body: { role: "admin", name: "gone" } });
  bad.revoked = made.token;
  // Used once before, so that nothing remembered lets it in again.
  await broker.api.as(made.token).ok("listJobs");
  await broker.api.ok("revokeToken", { params: { token: made.id } });
  const short = await broker.api.ok("createToken", {
    body: { role: "admin", name: "old", expiresInSeconds: 60 },
  });
  bad.expired = short.token;
  await broker.api.as(short.token).ok("listJobs");
  clock.advance(60_000);
});
afterAll(async () => {
  await broker.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Something in every part of the address, so that the operation is reached. */
function askOf(operation: Operation, token: string | null): Ask {
  const names = [...operation.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] as string);
  return {
    token,
    params: Object.fromEntries(names.map((name) => [name, "999"])),
    ...(operation.body && { body: {} }),
  };
}

const operations = Object.entries(routes) as [OperationId, Operation][];
const closed = operations.filter(([, operation]) => operation.roles.length > 0);

describe.each(closed)("%s", (id, operation) => {
  test.each(roles)("as %s", async (role) => {
    const { status, body } = await broker.api.raw(id, askOf(operation, tokens[role]));
    expect(status).not.toBe(401);
    if (operation.roles.includes(role)) expect(status).not.toBe(403);
    else {
      expect(status).toBe(403);
      // A HEAD answer has no body.
      if (operation.method !== "head")
        expect(body).toMatchObject({
          code: "forbidden",
          detail: expect.stringMatching(
            new RegExp(`^An? ${role}.* Ask for an? (viewer or )?(artist or )?(admin|worker) token\\.$`),
          ),
        });
    }
  });

  test.each(["wrong", "revoked", "expired"] as const)("with a %s token", async (kind) => {
    expect((await broker.api.raw(id, askOf(operation, bad[kind]))).status).toBe(401);
  });

  test("without a token", async () => {
    expect((await broker.api.raw(id, askOf(operation, null))).status).toBe(401);
  });
});

test("only health needs no token", async () => {
  const open = operations.filter(([, operation]) => operation.roles.length === 0).map(([id]) => id);
  expect(open).toEqual(["health"]);
  expect(await broker.api.ok("health", { token: null })).toMatchObject({ ok: true, name: "tally" });
});

describe("an artist acts on own jobs alone", () => {
  const acts: [OperationId, unknown][] = [
    ["setJobIntent", { intent: "pause" }],
    ["setJobPriority", { priority: 90 }],
    ["requeueTasks", {}],
    ["markDelivered", { artifacts: ["fil_1"] }],
  ];
  test("the table of own operations is this one", () => {
    const own = operations.filter(([, operation]) => operation.own === true).map(([id]) => id);
    expect(own.toSorted()).toEqual(acts.map(([id]) => id).toSorted());
  });

  test.each(acts)("%s", async (id, body) => {
    const mine = broker.api.as(tokens.artist);
    const job = await submit(broker.api);
    const before = await broker.api.ok("getJob", { params: { job: job.number } });
    for (const name of [job.number, job.id, "latest"]) {
      const refused = await mine.problem(id, "forbidden", { params: { job: name }, body });
      expect(refused.detail).toContain(`belongs to ${job.owner}`);
    }
    expect(await broker.api.ok("getJob", { params: { job: job.number } })).toEqual(before);
    const own = await submit(mine);
    expect(own.owner).toBe("a artist");
    await mine.ok(id, { params: { job: own.number }, body });
    await broker.api.ok(id, { params: { job: own.number }, body });
  });
});

test.each(roles)("a token of the role %s hears what it may, which is what the table says", async (role) => {
  const me = await broker.api.as(tokens[role]).ok("whoAmI");
  expect(me).toMatchObject({ role, name: `a ${role}` });
  const may = operations.filter(([, { roles: allowed }]) => allowed.length === 0 || allowed.includes(role));
  expect(me.may.toSorted()).toEqual(may.map(([id]) => id).toSorted());
  const own = operations.filter(([, operation]) => operation.own === true).map(([id]) => id);
  expect(me.ownOnly.toSorted()).toEqual(role === "artist" ? own.toSorted() : []);
});

test("a worker's token is good for its own worker alone", async () => {
  const other = await broker.tokenFor("worker", "other");
  const body = { name: "pc", agentVersion: "1", osFamily: "linux", amounts: {}, attributes: {} };
  const { workerId } = await broker.api.as(tokens.worker).ok("registerWorker", { body });
  const params = { worker: workerId };
  for (const id of ["getOrders", "leaseTask", "leaveWorker"] as const)
    await broker.api.as(other).problem(id, "not-found", { params });
  await broker.api.as(tokens.worker).ok("leaseTask", { params });
});

test("a viewer sees and changes nothing", async () => {
  const api = broker.api.as(tokens.viewer);
  const job = await submit(broker.api);
  expect((await api.ok("getJob", { params: { job: job.number } })).name).toBe("shot");
  await api.problem("submitJob", "forbidden", { body: submission() });
});
