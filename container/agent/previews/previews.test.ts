// Previews wait their turn, go to the broker that a real socket reaches, and trouble none but themselves.
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createClient } from "../../../broker/contract/client.ts";
import { testFolder } from "../../../test/support/start-broker.ts";
import type { PreviewMaker } from "./make-preview.ts";
import { createPreviews, type Previews } from "./previews.ts";

interface Sent {
  path: string | undefined;
  lease: unknown;
  bytes: string;
}

let server: Server;
let url: string;
let sent: Sent[];
/** What the broker answers. */
let answer: (path: string) => number;

beforeEach(async () => {
  sent = [];
  answer = () => 204;
  server = createServer((request: IncomingMessage, response: ServerResponse) => {
    void (async () => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      const status = answer(request.url ?? "");
      if (status === 204) {
        const bytes = Buffer.concat(parts).toString();
        sent.push({ path: request.url, lease: request.headers["tally-lease"], bytes });
      }
      response.writeHead(status).end();
    })();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  url = `http://127.0.0.1:${address.port}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

/** Copies a picture and says what it was shown through; a text "bad" is no picture. */
const copier: PreviewMaker = {
  async make(source, target, look) {
    const text = readFileSync(source, "utf8");
    if (text === "bad") throw new Error("it cannot be read");
    writeFileSync(target, `${text} by ${look === undefined ? "nothing" : readFileSync(look, "utf8")}`);
  },
  close() {},
};

function start(
  maker: PreviewMaker = copier,
  awayLimitMs?: number,
): {
  previews: Previews;
  work: string;
  folder: string;
  said: string[];
  hold: (attempt: string, files: Record<string, string>, look?: string) => Promise<void>;
} {
  const work = testFolder();
  const folder = join(work, "previews");
  const said: string[] = [];
  const client = createClient(url, "token");
  const previews = createPreviews({
    client,
    maker,
    folder,
    say: (text) => said.push(text),
    ...(awayLimitMs !== undefined && { awayLimitMs }),
  });
  const lease = { leaseId: "lea_1", token: "secret" };
  async function hold(attempt: string, files: Record<string, string>, look?: string): Promise<void> {
    const made = Object.entries(files).map(([name, text]) => {
      const path = join(work, name);
      writeFileSync(path, text);
      return { path, name: `/home/${name}`, bytes: text.length, sha256: `sha-of-${text}` };
    });
    await previews.hold(lease, attempt, made, look);
  }
  return { previews, work, folder, said, hold };
}

async function until(check: () => boolean): Promise<void> {
  while (!check()) await new Promise((again) => setImmediate(again));
}

test("the pictures of a try are sent once the broker knows the try, in order, each under its file's hash", async () => {
  const { previews, hold, folder } = start();
  await hold("att_1", { "1.png": "one", "1.exr": "light", "1.txt": "words", "1.mp4": "film" });
  await hold("att_2", { "2.png": "two" });
  expect(sent).toEqual([]);
  previews.release(["att_2"]);
  previews.release(["att_1", "att_3"]);
  await previews.close(30_000);
  const at = (attempt: string, sha256: string): string => `/v1/attempts/${attempt}/previews/sha-of-${sha256}`;
  expect(sent).toEqual([
    { path: at("att_2", "two"), lease: "lea_1", bytes: "two by nothing" },
    { path: at("att_1", "one"), lease: "lea_1", bytes: "one by nothing" },
    { path: at("att_1", "light"), lease: "lea_1", bytes: "light by nothing" },
  ]);
  expect(existsSync(folder)).toBe(false);
});

test("a picture and its look are there when their turn comes, though both went away meanwhile", async () => {
  const { previews, hold, work } = start();
  const look = join(work, "look.json");
  writeFileSync(look, "Filmic");
  await hold("att_1", { "1.exr": "light" }, look);
  rmSync(look);
  rmSync(join(work, "1.exr"));
  previews.release(["att_1"]);
  await until(() => sent.length > 0);
  expect(sent[0]?.bytes).toBe("light by Filmic");
  await previews.close(0);
});

test("a look that is no short file is none, and nothing of the looks stays behind", async () => {
  const { previews, hold, work, folder } = start();
  const fifo = join(work, "fifo");
  execFileSync("mkfifo", [fifo]);
  const long = join(work, "long.json");
  writeFileSync(long, "x".repeat(70_000));
  await hold("att_1", { "1.png": "one" }, fifo);
  await hold("att_2", { "2.png": "two" }, long);
  for (let n = 0; n < 20; n++) {
    const look = join(work, "look.json");
    writeFileSync(look, `look ${n}`);
    // oxlint-disable-next-line no-await-in-loop -- frame after frame
    await hold(`att_1${n}`, { [`1${n}.png`]: `p${n}` }, look);
  }
  previews.release(["att_1", "att_2", ...Array.from({ length: 20 }, (_, n) => `att_1${n}`)]);
  await until(() => sent.length === 22 && previews.waiting === 0);
  expect(sent.slice(0, 3).map(({ bytes }) => bytes)).toEqual([
    "one by nothing",
    "two by nothing",
    "p0 by look 0",
  ]);
  expect(readdirSync(folder)).toEqual([]);
  await previews.close(0);
});

test("holding a picture copies nothing: it is another name of the same file", async () => {
  const { hold, work, folder, previews } = start();
  // Says whether this disk has such names at all.
  writeFileSync(join(work, "a"), "");
  linkSync(join(work, "a"), join(work, "b"));
  await hold("att_1", { "1.png": "one" });
  writeFileSync(join(work, "1.png"), "ONE");
  const [kept = ""] = readdirSync(folder);
  expect(readFileSync(join(folder, kept), "utf8")).toBe("ONE");
  await previews.close(0);
});

test("a picture that cannot be shown is said once, and the next ones are made", async () => {
  const { previews, hold, said } = start();
  await hold("att_1", { "1.png": "bad", "2.png": "bad", "3.png": "three" });
  previews.release(["att_1"]);
  await previews.close(30_000);
  expect(sent.map(({ bytes }) => bytes)).toEqual(["three by nothing"]);
  expect(said).toEqual(["no preview of 1.png: it cannot be read"]);
});

test("a broker that is away is waited for; one that refuses is not asked again", async () => {
  const { previews, hold, said } = start();
  let asked = 0;
  answer = () => ((asked += 1) <= 3 ? 503 : 204);
  await hold("att_1", { "1.png": "one" });
  previews.release(["att_1"]);
  await until(() => sent.length === 1);
  answer = () => ((asked += 1), 404);
  asked = 0;
  await hold("att_2", { "2.png": "two" });
  previews.release(["att_2"]);
  await until(() => said.length === 1);
  expect(asked).toBe(1);
  answer = () => 204;
  await hold("att_3", { "3.png": "three" });
  previews.release(["att_3"]);
  await until(() => sent.length === 2);
  await previews.close(0);
});

test("a broker that is away for too long is given up for all that wait, not for each anew", async () => {
  const { previews, hold, said } = start(copier, 300);
  const asked: string[] = [];
  answer = (path) => (asked.push(path), 503);
  for (const n of [1, 2, 3])
    // oxlint-disable-next-line no-await-in-loop -- frame after frame
    await hold(`att_${n}`, { [`${n}.png`]: `p${n}` });
  previews.release(["att_1", "att_2", "att_3"]);
  await until(() => previews.waiting === 0);
  const times = (n: number): number => asked.filter((path) => path.includes(`att_${n}/`)).length;
  expect(times(1)).toBeGreaterThan(1);
  expect([times(2), times(3)]).toEqual([1, 1]);
  expect(said).toHaveLength(1);
  // One that is back is asked as ever.
  answer = () => 204;
  await hold("att_4", { "4.png": "four" });
  previews.release(["att_4"]);
  await until(() => sent.length === 1);
  answer = (path) => (asked.push(path), asked.length % 2 === 0 ? 204 : 503);
  asked.length = 0;
  await hold("att_5", { "5.png": "five" });
  previews.release(["att_5"]);
  await until(() => sent.length === 2);
  await previews.close(0);
});

test("what the broker will not hear of is dropped, and leaves nothing on the disk", async () => {
  const { previews, hold, folder } = start();
  await hold("att_1", { "1.png": "one" });
  previews.drop(["att_1"]);
  previews.release(["att_1"]);
  await until(() => readdirSync(folder).length === 0);
  await previews.close(30_000);
  expect(sent).toEqual([]);
});

test("an end does not wait for a preview that hangs longer than it was told", async () => {
  let stopped: ((error: Error) => void) | undefined;
  const hanging: PreviewMaker = {
    make: () => new Promise((_, reject) => (stopped = reject)),
    close: () => stopped?.(new Error("stopped")),
  };
  const { previews, hold, folder, said } = start(hanging);
  await hold("att_1", { "1.png": "one" });
  await hold("att_2", { "2.png": "two" });
  previews.release(["att_1", "att_2"]);
  await until(() => stopped !== undefined);
  await previews.close(1);
  expect(existsSync(folder)).toBe(false);
  expect(said).toEqual([]);
});

test("what cannot be kept has no preview, and the try goes on", async () => {
  const { previews, work, said, folder } = start();
  mkdirSync(folder);
  const gone = { path: join(work, "gone.png"), name: "/home/gone.png", bytes: 1, sha256: "x" };
  const huge = { path: join(work, "huge.exr"), name: "/home/huge.exr", bytes: 9e9, sha256: "y" };
  await previews.hold({ leaseId: "lea_1", token: "t" }, "att_1", [gone, huge], join(work, "no-look.json"));
  expect(said.map((one) => one.replace(/:.*/, ""))).toEqual([
    "no preview of gone.png",
    "no preview of huge.exr",
  ]);
  await previews.close(0);
});
