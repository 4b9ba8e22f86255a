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
import { openBroker, testFolder } from "./start-broker.ts";

export const kinds = ["folder", "s3"] as const;

/** A file as it is sent: where it lies, its hash, its size and times. */
export type Sent = FoundFile & { sha256: string };

export interface Lines {
  /** Speaks to the broker over the bad line, as an admin. */
  client: Client;
  /** The client's. */
  token: string;
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
  /** From now on: what it answers later are the requests that carried bytes since. */
  mark(): () => SeenRequest[];
  /** Stops the broker, and starts it again at the same address with the same folder. */
  restart(): Promise<void>;
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
    const store = toStore;
    onTestFinished(() => store.close());
    vi.stubEnv("AWS_ACCESS_KEY_ID", server.credentials.accessKeyId);
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", server.credentials.secretAccessKey);
    onTestFinished(() => void vi.unstubAllEnvs());
    const storage = { kind: "s3", bucket: server.bucket, endpoint: toStore.url };
    writeFileSync(join(dataFolder, "tally.yaml"), JSON.stringify({ storage }));
    blobs = join(server.folder, "blobs");
  }
  let running = await openBroker({ dataFolder });
  onTestFinished(() => running.stop());
  const toBroker = await startFaultProxy(running.url);
  onTestFinished(() => toBroker.close());
  const lines = toStore ? [toBroker, toStore] : [toBroker];
  const carried = () => lines.flatMap(({ seen }) => seen.filter(carriesBytes));
  return {
    client: createClient(toBroker.url, running.adminToken),
    token: running.adminToken,
    toBroker,
    toStore: toStore ?? toBroker,
    blobs,
    onBytes(choose) {
      for (const line of lines)
        line.onRequest((request) => (carriesBytes(request) ? choose(request) : undefined));
    },
    carried,
    mark() {
      const before = new Set(carried());
      return () => carried().filter((one) => !before.has(one));
    },
    async restart() {
      const port = Number(new URL(running.url).port);
      await running.stop();
      running = await openBroker({ dataFolder, port });
    },
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

/** Something small, something in one piece, something in parts. */
export const few = [0, 3000, 40_000, 262_144, 900_000, 17_500_000];

/** Puts each blob in a folder under its hash. */
export const into = (folder: string) => (blob: { sha256: string }) => join(folder, blob.sha256);

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

/** Files that were looked at already, by place, size and time: a blob is not hashed again each time. */
const known = new Set<string>();

/** Fails when a file whose name is a hash has other bytes: half-written, or wrong. Answers the names. */
export function expectWhole(folder: string): Set<string> {
  const names = new Set<string>();
  if (!existsSync(folder)) return names;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/^[0-9a-f]{64}$/.test(entry.name)) continue;
    // What a store is still writing lies in a folder of its own, and nobody looks for blobs there.
    if (entry.parentPath.startsWith(join(folder, "incoming"))) continue;
    names.add(entry.name);
    const path = join(entry.parentPath, entry.name);
    const { size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    const key = `${path} ${size} ${mtimeNs} ${ctimeNs}`;
    if (known.has(key)) continue;
    const found = createHash("sha256").update(readFileSync(path)).digest("hex");
    expect(found, `${entry.name} is whole`).toBe(entry.name);
    known.add(key);
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
