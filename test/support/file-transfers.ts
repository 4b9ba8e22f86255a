// A client, a broker and its store with a bad line between them: what the tests of sent and fetched files share.
import { createHash, randomFillSync } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { expect, onTestFinished, vi } from "vitest";
import { createClient, type Client } from "../../broker/contract/client.ts";
import { hashFiles } from "../../container/agent/files/hash.ts";
import { scanFolder, type FoundFile } from "../../container/agent/files/scan.ts";
import { startFaultProxy, type Fault, type FaultProxy, type SeenRequest } from "./fault-proxy.ts";
import { startS3Server } from "./s3-server.ts";
import { testBroker, testFolder, type TestBroker } from "./start-broker.ts";

export const kinds = ["folder", "s3"] as const;

/** A file as it is sent: where it lies, its hash, its size and times. */
export type Sent = FoundFile & { sha256: string };

export interface Lines {
  running: TestBroker;
  /** Speaks to the broker over the bad line, as an admin. */
  client: Client;
  /** Between the client and the broker. */
  toBroker: FaultProxy;
  /** Between everybody and the store; the same as `toBroker` for the folder store. */
  toStore: FaultProxy;
  /** Where the store keeps whole blobs, as files named by their hash two folders deep. */
  blobs: string;
  /** Chooses what goes wrong, of requests that carry bytes alone; for the others nothing does. */
  onBytes(choose: (request: SeenRequest) => Fault | undefined): void;
  /** Requests that carried bytes so far. */
  carried(): SeenRequest[];
}

/** Starts a broker with a store of this kind, and the lines; all of it ends with the test. */
export async function openLines(kind: (typeof kinds)[number]): Promise<Lines> {
  const dataFolder = testFolder();
  let toStore: FaultProxy | undefined;
  let blobs = join(dataFolder, "blobs");
  if (kind === "s3") {
    const server = await startS3Server();
    onTestFinished(() => server.stop());
    toStore = await startFaultProxy(server.endpoint);
    onTestFinished(toStore.close);
    vi.stubEnv("AWS_ACCESS_KEY_ID", server.credentials.accessKeyId);
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", server.credentials.secretAccessKey);
    onTestFinished(() => void vi.unstubAllEnvs());
    const storage = { kind: "s3", bucket: server.bucket, endpoint: toStore.url };
    writeFileSync(join(dataFolder, "tally.yaml"), JSON.stringify({ storage }));
    blobs = join(server.folder, "blobs");
  }
  const running = await testBroker({ dataFolder });
  const toBroker = await startFaultProxy(running.url);
  onTestFinished(toBroker.close);
  const lines = toStore ? [toBroker, toStore] : [toBroker];
  return {
    running,
    client: createClient(toBroker.url, running.adminToken),
    toBroker,
    toStore: toStore ?? toBroker,
    blobs,
    onBytes(choose) {
      for (const line of lines)
        line.onRequest((request) => (carriesBytes(request) ? choose(request) : undefined));
    },
    carried: () => lines.flatMap(({ seen }) => seen.filter(carriesBytes)),
  };
}

/** Packs, and requests to signed addresses, which carry no token. What the broker itself asks of S3 is not the client's. */
export function carriesBytes({ path }: SeenRequest): boolean {
  return path.startsWith("/v1/packs") || path.startsWith("/signed/") || path.includes("X-Amz-Signature=");
}

/** How many bytes each file of a set of files has: nothing, little, packs' worth, one piece, parts. */
const sizes = [
  0,
  1,
  4096,
  70_000,
  ...Array.from({ length: 40 }, (_, n) => 1000 + n),
  262_144,
  262_145,
  3_000_000,
  20_000_000,
];

/** New files of every size in a folder of their own, with their hashes. */
export async function someFiles(wanted: readonly number[] = sizes): Promise<Sent[]> {
  const folder = testFolder("tally-files-");
  const data = Buffer.allocUnsafe(Math.max(1, ...wanted));
  const longAgo = new Date(Date.now() - 3_600_000);
  for (const [index, bytes] of wanted.entries()) {
    const path = join(folder, String(index % 7), `${index}.bin`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, randomFillSync(data).subarray(0, bytes));
    utimesSync(path, longAgo, longAgo);
  }
  const { files } = await scanFolder(folder);
  const { sha256s } = await hashFiles(files);
  return files.map((file, index) => ({ ...file, sha256: sha256s[index] as string }));
}

export const sumOf = (files: readonly { bytes: number }[]) =>
  files.reduce((sum, { bytes }) => sum + bytes, 0);

/** Fails when a file whose name is a hash has other bytes: half-written, or wrong. Answers the names. */
export function expectWhole(folder: string): Set<string> {
  const names = new Set<string>();
  if (!existsSync(folder)) return names;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/^[0-9a-f]{64}$/.test(entry.name)) continue;
    const bytes = readFileSync(join(entry.parentPath, entry.name));
    expect(createHash("sha256").update(bytes).digest("hex"), `${entry.name} is whole`).toBe(entry.name);
    names.add(entry.name);
  }
  return names;
}

/** Fails unless the store holds all of these files, and nothing that is not what its name says. */
export function expectStored(lines: Lines, files: readonly Sent[]): void {
  const names = expectWhole(lines.blobs);
  expect(files.filter(({ sha256 }) => !names.has(sha256)).map(({ path, bytes }) => [path, bytes])).toEqual(
    [],
  );
}

/** Fails unless these files lie in the folder, each under its hash, and nothing else does. */
export function expectFetched(folder: string, files: readonly Sent[]): void {
  expect([...expectWhole(folder)].toSorted()).toEqual(
    [...new Set(files.map(({ sha256 }) => sha256))].toSorted(),
  );
  expect(readdirSync(folder).length).toBe(new Set(files.map(({ sha256 }) => sha256)).size);
  for (const { sha256, bytes } of files) expect(statSync(join(folder, sha256)).size).toBe(bytes);
}
