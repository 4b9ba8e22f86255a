// Reports and logs against a server that misbehaves on purpose: order, offsets, numbers, refusals.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createClient } from "../../broker/contract/client.ts";
import type { Report, ReportItem } from "../../broker/contract/worker.ts";
import { createLeaseLog } from "./lease-log.ts";
import { createReporter, type Reporter } from "./reporter.ts";
import { createSpool } from "./spool.ts";

interface Heard {
  what: "log" | "report";
  offset?: number;
  text?: string;
  report?: Report;
}
type Reply = { status: number; body: object };

let folder: string;
let server: Server;
let heard: Heard[];
/** What the server says; tests replace it. */
let answer: (it: Heard) => Reply;
let lost: number;
/** What the reporter says that the broker has. */
let accepted: ReportItem[];
const over = new AbortController();

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

const good = (it: Heard): Reply =>
  it.what === "log"
    ? { status: 200, body: { bytes: (it.offset ?? 0) + (it.text?.length ?? 0) } }
    : { status: 200, body: { seq: it.report?.seq, next: null } };

const problem = (status: number, code: string, more: object = {}): Reply => ({
  status,
  body: { type: "about:blank", title: code, status, detail: `${code}.`, instance: "1", code, ...more },
});

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "tally-reporter-"));
  heard = [];
  answer = good;
  lost = 0;
  accepted = [];
  server = createServer((request, response) => {
    void textOf(request).then((text) => {
      const url = new URL(request.url ?? "", "http://x");
      const it: Heard = url.pathname.endsWith("/log")
        ? { what: "log", offset: Number(url.searchParams.get("offset")), text }
        : { what: "report", report: JSON.parse(text) as Report };
      heard.push(it);
      const { status, body } = answer(it);
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
  rmSync(folder, { recursive: true, force: true });
});

function start(): { reporter: Reporter; log: ReturnType<typeof createLeaseLog>; spoolFolder: string } {
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  const client = createClient(`http://127.0.0.1:${address.port}`, "token");
  const spool = createSpool(folder);
  const lease = { leaseId: "lea_1", token: "t" };
  const log = createLeaseLog({ client, ...lease, signal: over.signal }, spool.logFile(lease.leaseId));
  const reporter = createReporter({
    client,
    spool,
    lease,
    log,
    signal: over.signal,
    onLost: () => (lost += 1),
    onContact: () => {},
    onAccepted: (items) => accepted.push(...items),
  });
  return { reporter, log, spoolFolder: spool.folder };
}

const started = (ordinal: number): ReportItem => ({ type: "started", ordinal, logOffset: 0 });
const succeeded = (ordinal: number, logOffset: number): ReportItem => ({
  type: "succeeded",
  ordinal,
  logOffset,
  seconds: 1,
  files: [],
});
const reports = (): Report[] => heard.flatMap((it) => (it.report === undefined ? [] : [it.report]));

test("reports are numbered, sent in order, several together while one is under way, and the end brings the next lease", async () => {
  const { reporter } = start();
  reporter.add(started(0));
  for (let ordinal = 0; ordinal < 20; ordinal += 1) reporter.add(succeeded(ordinal, 0));
  const end = await reporter.finish(true);
  expect(end).toEqual({ next: null });
  expect(reports().map(({ seq }) => seq)).toEqual(reports().map((_, index) => index + 1));
  expect(reports().length).toBeLessThan(5);
  expect(reports().flatMap(({ items }) => items.map((item) => [item.type, item.ordinal]))).toEqual([
    ["started", 0],
    ...Array.from({ length: 20 }, (_, ordinal) => ["succeeded", ordinal]),
  ]);
  expect(reports().at(-1)).toMatchObject({ done: true, next: true });
});

test("the log that a closed frame points to is there before its report", async () => {
  const { reporter, log } = start();
  log.append("one");
  log.append("two");
  reporter.add(succeeded(0, log.offset));
  await reporter.finish(false);
  expect(heard.map(({ what, text }) => [what, text])[0]).toEqual(["log", "one\ntwo\n"]);
  expect(heard[1]?.what).toBe("report");
});

test("a broker that lost the end of the log gets it again from the right offset", async () => {
  const { log } = start();
  log.append("first");
  await log.flush();
  let refused = false;
  answer = (it) => {
    if (it.offset !== 6 || refused) return good(it);
    refused = true;
    return problem(409, "wrong-offset", { offset: 2 });
  };
  log.append("second");
  await log.flush();
  expect(heard.map(({ offset, text }) => [offset, text])).toEqual([
    [0, "first\n"],
    [6, "second\n"],
    [2, "rst\nsecond\n"],
  ]);
});

test("a broker that is busy is asked again, with the same number and the same items", async () => {
  let times = 0;
  answer = (it) => ((times += 1) <= 2 ? problem(503, "busy") : good(it));
  const { reporter, spoolFolder } = start();
  reporter.add(succeeded(0, 0));
  await reporter.finish(false);
  expect(
    reports()
      .slice(0, 3)
      .map(({ seq, items }) => [seq, items.length]),
  ).toEqual([
    [1, 1],
    [1, 1],
    [1, 1],
  ]);
  expect(readdirSync(spoolFolder)).toEqual([]);
});

test("what the broker has is told once it has it, and nothing of a lost lease is", async () => {
  let times = 0;
  answer = (it) => {
    expect(accepted).toEqual([]);
    return (times += 1) === 1 ? problem(503, "busy") : good(it);
  };
  const one = start();
  one.reporter.add(started(0));
  await until(() => times > 1);
  one.reporter.add(succeeded(0, 0));
  await until(() => accepted.length > 0);
  // That it began says nothing of its files.
  expect(accepted).toMatchObject([{ type: "succeeded", ordinal: 0 }]);
  answer = () => problem(409, "lease-lost");
  one.reporter.add(succeeded(1, 0));
  await one.reporter.finish(false);
  expect(accepted).toHaveLength(1);
});

test("a missing number is closed up", async () => {
  answer = (it) => (it.report?.seq === 1 ? problem(409, "sequence-gap", { expected: 5 }) : good(it));
  const { reporter } = start();
  reporter.add(started(0));
  await reporter.finish(false);
  expect(reports().map(({ seq }) => seq)).toEqual([1, 5, 6].slice(0, reports().length));
});

test("a result that the broker finds invalid becomes a failure with its sentence", async () => {
  answer = (it) =>
    it.report?.items.some(({ type }) => type === "succeeded") === true ? problem(422, "invalid") : good(it);
  const { reporter } = start();
  reporter.add(succeeded(3, 0));
  await reporter.finish(false);
  expect(reports()[1]?.items[0]).toMatchObject({ type: "failed", ordinal: 3, failureClass: "config" });
});

test("a lost lease is heard once; after it nothing is sent", async () => {
  answer = () => problem(409, "lease-lost");
  const { reporter, spoolFolder } = start();
  reporter.add(succeeded(0, 0));
  expect(await reporter.finish(true)).toBe("lost");
  reporter.add(succeeded(1, 0));
  expect(lost).toBe(1);
  expect(reports()).toHaveLength(1);
  expect(readdirSync(spoolFolder)).toEqual([]);
});

test("a verdict lies on the disk before it is sent", async () => {
  const { reporter, spoolFolder } = start();
  const onDisk: string[][] = [];
  answer = (it) => {
    onDisk.push(readdirSync(spoolFolder));
    return good(it);
  };
  reporter.add(succeeded(0, 0));
  await reporter.finish(false);
  expect(onDisk[0]).toEqual(["lea_1.json"]);
  expect(readdirSync(spoolFolder)).toEqual([]);
});

test("with the broker away every finished frame is on the disk, also those behind a report under way", async () => {
  answer = () => problem(503, "busy");
  const { reporter, spoolFolder } = start();
  reporter.add(started(0));
  await until(() => heard.length > 0);
  reporter.add(succeeded(0, 0), started(1));
  reporter.add(succeeded(1, 0));
  const kept = (): Report[] => {
    const names = readdirSync(spoolFolder).filter((name) => name.endsWith(".json"));
    return names.flatMap((name) => {
      const { reports: all } = JSON.parse(readFileSync(join(spoolFolder, name), "utf8")) as {
        reports: Report[];
      };
      return all;
    });
  };
  await until(() => kept().some(({ items }) => items.some((item) => item.ordinal === 1)));
  expect(kept().map(({ seq }) => seq)).toEqual([1, 2]);
  expect(kept().flatMap(({ items }) => items.map(({ type, ordinal }) => `${type} ${ordinal}`))).toEqual([
    "started 0",
    "succeeded 0",
    "started 1",
    "succeeded 1",
  ]);
  answer = good;
  await reporter.finish(false);
  await until(() => kept().length === 0);
  expect(reports().at(-1)?.done).toBe(true);
});

/** Waits until it is so. */
async function until(check: () => boolean): Promise<void> {
  while (!check()) await new Promise((again) => setImmediate(again));
}
