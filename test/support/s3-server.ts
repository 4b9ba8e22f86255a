// A real S3 server for tests: versitygw with a folder, a free port and keys of its own, stopped with the test.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";

export interface S3Server {
  /** Its address, for `endpoint`. */
  endpoint: string;
  bucket: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
  /** Where it keeps the bucket's objects, as files. */
  folder: string;
  stop(): Promise<void>;
}

/** Where versitygw is: on PATH, or where `go install` puts it. Undefined when it is not installed. */
export function findVersitygw(): string | undefined {
  const goPath = process.env.GOPATH?.split(delimiter)[0] ?? join(homedir(), "go");
  const folders = [
    ...(process.env.PATH ?? "").split(delimiter),
    process.env.GOBIN ?? "",
    join(goPath, "bin"),
  ];
  return folders.map((folder) => join(folder, "versitygw")).find((path) => existsSync(path));
}

/** Starts a server with one empty bucket; resolves when it answers. `disk`: where to keep it all instead of a new folder. */
export async function startS3Server(disk?: string): Promise<S3Server> {
  const program = findVersitygw();
  if (program === undefined)
    throw new Error("The S3 server of the tests is missing: type `node scripts/setup.mjs test`.");
  const root = disk ?? mkdtempSync(join(tmpdir(), "tally-s3-"));
  const [data, side] = [join(root, "data"), join(root, "side")];
  const bucket = "tally-test";
  mkdirSync(join(data, bucket), { recursive: true });
  mkdirSync(side, { recursive: true });
  const credentials = {
    accessKeyId: randomBytes(10).toString("hex"),
    secretAccessKey: randomBytes(20).toString("hex"),
  };
  const port = await freePort();
  const child = spawn(program, ["--port", `127.0.0.1:${port}`, "--quiet", "posix", data], {
    cwd: root,
    env: {
      PATH: process.env.PATH,
      HOME: root,
      ROOT_ACCESS_KEY: credentials.accessKeyId,
      ROOT_SECRET_KEY: credentials.secretAccessKey,
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (piece: Buffer) => (said += piece.toString()));
  const ended = once(child, "exit");
  const endpoint = `http://127.0.0.1:${port}`;
  await untilAnswers(endpoint, () => (child.exitCode === null ? undefined : said));
  return {
    endpoint,
    bucket,
    credentials,
    folder: join(data, bucket),
    async stop() {
      child.kill("SIGKILL");
      await ended;
      if (disk === undefined) rmSync(root, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

async function untilAnswers(endpoint: string, ended: () => string | undefined): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (performance.now() < deadline) {
    const words = ended();
    if (words !== undefined) throw new Error(`The S3 server ended: ${words}`);
    try {
      // oxlint-disable-next-line no-await-in-loop -- until it answers
      await (await fetch(endpoint)).arrayBuffer();
      return;
    } catch {
      // oxlint-disable-next-line no-await-in-loop -- it is starting
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  throw new Error("The S3 server did not answer within 20 s.");
}
