// Makes a job's input files appear in a session, under rules that map their original paths there.
import { createHash, randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { copyFile, mkdir, rename, rm, stat, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Client } from "../../broker/contract/client.ts";
import type { Asset } from "../../broker/contract/job.ts";
import { isWindowsPath, type PathMappingRule } from "../../broker/openjd/path-mapping.ts";
import { createBackoff, isPassing } from "./backoff.ts";
import { platform } from "./platform/platform.ts";

const AT_ONCE = 4;

export interface AssetSource {
  client: Client;
  /** The broker's own blob folder, when this worker is on the same machine. */
  blobs: string | undefined;
  /** Where downloaded blobs are kept. */
  cache: string;
  signal: AbortSignal;
}

/**
 * Puts every asset below `folder` and returns the rules, longest path first.
 * @throws Error with one sentence when a file cannot be had or has other contents than at submit.
 */
export async function placeAssets(
  assets: readonly Asset[],
  folder: string,
  source: AssetSource,
): Promise<PathMappingRule[]> {
  const rules: PathMappingRule[] = [];
  const queue = [...assets.entries()];
  const place = async (): Promise<void> => {
    for (let entry = queue.shift(); entry !== undefined; entry = queue.shift()) {
      const [index, asset] = entry;
      const blob = await findBlob(asset, source);
      const windows = isWindowsPath(asset.path);
      const name = asset.path.split(windows ? /[\\/]/ : "/").at(-1) ?? "file";
      const path = join(folder, String(index), name);
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      if (platform.osFamily === "windows") await copyFile(blob, path);
      else await symlink(blob, path);
      rules.push({
        sourcePathFormat: windows ? "WINDOWS" : "POSIX",
        sourcePath: asset.path,
        destinationPath: path,
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, () => place()));
  return rules.toSorted((a, b) => b.sourcePath.length - a.sourcePath.length);
}

async function findBlob(asset: Asset, source: AssetSource): Promise<string> {
  const inside = join(asset.sha256.slice(0, 2), asset.sha256);
  if (source.blobs !== undefined) {
    const path = join(source.blobs, inside);
    if ((await bytesOf(path)) === asset.bytes) return path;
  }
  const cached = join(source.cache, inside);
  if ((await bytesOf(cached)) === asset.bytes) return cached;
  const backoff = createBackoff();
  for (;;) {
    try {
      await download(asset, cached, source);
      return cached;
    } catch (error) {
      const passing = error instanceof Error && isPassing(error.cause);
      if (!passing || source.signal.aborted) throw error;
      await backoff.wait(source.signal);
    }
  }
}

async function download(asset: Asset, target: string, source: AssetSource): Promise<void> {
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  // Two files with the same bytes may be fetched at once.
  const temporary = `${target}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`;
  const hash = createHash("sha256");
  const counter = new Transform({
    transform(bytes: Buffer, _encoding, done) {
      hash.update(bytes);
      done(null, bytes);
    },
  });
  try {
    const answer = await source.client.raw("get", `/v1/blobs/${asset.sha256}`, { signal: source.signal });
    if (answer.body === null) throw new Error("the answer was empty");
    await pipeline(Readable.fromWeb(answer.body), counter, createWriteStream(temporary, { mode: 0o400 }));
    if (hash.digest("hex") !== asset.sha256) throw new Error("its contents were not those of the submit");
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`The file ${asset.path} could not be brought to this worker: ${why}`, { cause: error });
  }
}

async function bytesOf(path: string): Promise<number | undefined> {
  return await stat(path).then(
    (found) => found.size,
    () => undefined,
  );
}
