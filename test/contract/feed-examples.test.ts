// The examples of docs/feed.md are short, and do what they say: they print events, and go on where they were.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { submit } from "../support/builders.ts";
import { joinWorker } from "../support/fake-worker.ts";
import { openReader } from "../support/feed-reader.ts";
import { openBroker, testBroker, testFolder } from "../support/start-broker.ts";
import { startProxy } from "../support/tcp-proxy.ts";

const folder = join(import.meta.dirname, "../../docs/examples");
const examples = [
  { file: "feed.py", command: "python3", flags: ["-u"] },
  { file: "feed.ts", command: process.execPath, flags: [] },
];

function run(
  { file, command, flags }: (typeof examples)[number],
  url: string,
  token: string,
  topics: string,
) {
  // The token is not among the arguments, which everybody on a machine can read.
  const env = { ...process.env, TALLY_TOKEN: token };
  const child = spawn(command, [...flags, join(folder, file), url, topics], { env });
  onTestFinished(() => void child.kill());
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    for (const one of waiting) one();
  });
  let said = "";
  child.stderr.on("data", (part: Buffer) => (said += part.toString()));
  const ended = new Promise<{ code: number | null; said: string }>((resolve) =>
    child.on("close", (code) => resolve({ code, said: said.trim() })),
  );
  return {
    lines,
    ended,
    until: (count: number) =>
      new Promise<void>((resolve, reject) => {
        void ended.then(({ code }) => reject(new Error(`${file} ended with ${code}: ${said}`)));
        const look = () => lines.length >= count && resolve();
        waiting.add(look);
        look();
      }),
  };
}

test.each(examples)("$file follows a job, through a restart of the broker too", async (example) => {
  const dataFolder = testFolder();
  const first = await openBroker({ dataFolder, feed: { tickMs: 100 } });
  const { number } = await submit(first.api, [{ frames: "1-4" }]);
  const proxy = await startProxy(first.url);
  const program = run(example, proxy.url, first.adminToken, `job:${number}`);
  const worker = await joinWorker(first);
  const witness = openReader(first, `job:${number}`);
  await witness.next("tick");
  while (first.feed.count() < 2)
    // oxlint-disable-next-line no-await-in-loop -- a turn of the loop
    await first.api.ok("health");
  await worker.succeed(await worker.work());
  await program.until(4);
  await first.stop();
  const second = await testBroker({ dataFolder });
  const again = await joinWorker(second, { name: "that PC" });
  await again.succeed(await again.work());
  proxy.lead(second.url);
  await program.until(8);
  const told = openReader(second, `job:${number}`, { after: `${(await witness.next("hello")).cursor}` });
  await told.next("tick");
  const words = (value: string | number | null) =>
    value === null ? (example.file === "feed.py" ? "None" : "null") : String(value);
  expect(program.lines).toEqual(
    told
      .events()
      .map(({ kind, jobNumber, step, first: ordinal, state }) =>
        [kind, jobNumber, words(step), words(ordinal), words(state)].join(" "),
      ),
  );
});

test.each(examples)("$file says why it is refused", async (example) => {
  const broker = await testBroker();
  const { code, said } = await run(example, broker.url, broker.adminToken, "job:7").ended;
  expect({ code, said }).toEqual({ code: 1, said: "There is no job 7." });
});

test("feed.py says what a proxy answers that lets no WebSocket through", async () => {
  const server = createServer((_, response) => response.writeHead(403).end("not here")).listen(
    0,
    "127.0.0.1",
  );
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const python = examples[0] as (typeof examples)[number];
  const { code, said } = await run(python, `http://127.0.0.1:${port}`, "token", "jobs").ended;
  expect({ code, said }).toEqual({ code: 1, said: "403 not here" });
});

test.each(examples)("$file has at most 30 lines that do something", ({ file }) => {
  const lines = readFileSync(join(folder, file), "utf8").split("\n");
  expect(lines.filter((line) => !/^\s*(#.*|\/\/.*)?$/.test(line)).length).toBeLessThanOrEqual(30);
});
