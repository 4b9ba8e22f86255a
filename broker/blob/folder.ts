// The blob store in a folder: `<first two>/<sha256>`, written under a temporary name and renamed when its hash is right.
import { hash, randomBytes, type BinaryLike, type KeyObject } from "node:crypto";
import { constants, existsSync, renameSync } from "node:fs";
import { chmod, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { Problem } from "../contract/problem.ts";
import { isCode } from "../domain/error-code.ts";
import type { BlobPart, BlobStore } from "../domain/ports.ts";
import { bytesOfFile, createSyncMany, inParallel, onDisk, syncFolder, writeAll } from "./durable.ts";
import { createFolderParts } from "./folder-parts.ts";
import { readThrough, receive, wrongHash } from "./receive.ts";
import { createSigner, type Signer } from "./signing.ts";

/** A name younger than this may not be on the disk yet, ms: an ordinary system writes it there within half a minute. */
const settledAfterMs = 60_000;

export interface FolderStoreOptions {
  folder: string;
  /** Signs addresses; those signed before a restart hold while it stays the same. */
  secret: BinaryLike | KeyObject;
  /** Wall time, ms. */
  now?: () => number;
}

/** A blob store in a folder, with what its door needs (createSignedDoor). */
export interface FolderStore extends BlobStore {
  readonly kind: "folder";
  readonly folder: string;
  readonly signer: Signer;
  /** Takes one part in. False when this upload is not known. Throws `invalid`, `busy`, `storage-full`. */
  receivePart(upload: string, part: BlobPart, stream: AsyncIterable<Uint8Array>): Promise<boolean>;
}

/** Where a blob lies in `folder`. Workers on the same machine read it in place. Throws `invalid` for what is no hash. */
export function blobPath(folder: string, sha256: string): string {
  if (!/^[0-9a-f]{64}$/.test(sha256))
    throw new Problem("invalid", "A blob is named by 64 hexadecimal digits.");
  return join(folder, sha256.slice(0, 2), sha256);
}

/** Opens the store in a folder, which is made when needed. One process at a time may write to it. */
export function createFolderStore(options: FolderStoreOptions): FolderStore {
  const { folder, secret, now = Date.now } = options;
  const incoming = join(folder, "incoming");
  const signer = createSigner(secret, now);
  const syncMany = createSyncMany(folder);

  async function head(sha256: string): Promise<number | null> {
    const path = blobPath(folder, sha256);
    return await onDisk(async () => {
      try {
        const { size, ctimeMs } = await stat(path);
        // What is said to be here must be here after a power cut, whoever is about to say so of the same blob.
        if (Date.now() - ctimeMs < settledAfterMs) await syncFolder(dirname(path));
        return size;
      } catch (error) {
        if (isCode(error, "ENOENT")) return null;
        throw error;
      }
    });
  }

  async function claim(owner: string): Promise<string> {
    const path = join(folder, "owner");
    return await onDisk(async () => {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      try {
        await writeFile(path, owner, { flag: "wx", mode: 0o400, flush: true });
        return owner;
      } catch (error) {
        if (!isCode(error, "EEXIST")) throw error;
        return await readFile(path, "utf8");
      }
    });
  }

  async function temporaryName(): Promise<string> {
    await onDisk(() => mkdir(incoming, { recursive: true, mode: 0o700 }));
    return join(incoming, randomBytes(12).toString("hex"));
  }

  /** Gives a finished file, whose bytes are on the disk, its name. */
  async function commit(temporary: string, sha256: string): Promise<"stored" | "present"> {
    const final = blobPath(folder, sha256);
    await onDisk(() => makeFolder(dirname(final)));
    // Looked at and renamed in one go: of several who bring the same bytes exactly one stores them.
    const isFirst = !existsSync(final);
    await onDisk(async () => {
      if (isFirst) renameSync(temporary, final);
      else await rm(temporary, { force: true });
      await syncFolder(dirname(final));
    });
    return isFirst ? "stored" : "present";
  }

  async function makeFolder(path: string): Promise<void> {
    const made = await mkdir(path, { recursive: true, mode: 0o700 });
    if (made !== undefined) await syncFolder(dirname(made));
  }

  async function put(sha256: string, bytes: number | null, stream: AsyncIterable<Uint8Array>) {
    const expected = { sha256, bytes };
    if ((await head(sha256)) !== null) {
      await readThrough(expected, stream);
      return "present" as const;
    }
    const temporary = await temporaryName();
    try {
      const handle = await onDisk(() => open(temporary, "wx", 0o400));
      try {
        await receive(expected, stream, (pieces, at) => onDisk(() => writeAll(handle, pieces, at)));
        // A job that is acknowledged has its scene, also after a power cut.
        await onDisk(() => handle.sync());
      } finally {
        await handle.close();
      }
      return await commit(temporary, sha256);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  async function putMany(blobs: readonly { sha256: string; data: Uint8Array }[]): Promise<void> {
    const fresh = new Map<string, Uint8Array>();
    for (const [index, { sha256, data }] of blobs.entries()) {
      // Nothing holds the loop: thousands of hashes and look-ups go on in slices.
      // oxlint-disable-next-line no-await-in-loop -- see above
      if (index % 64 === 63) await setImmediate();
      if (hash("sha256", data) !== sha256) throw wrongHash();
      if (!existsSync(blobPath(folder, sha256))) fresh.set(sha256, data);
    }
    const batch = await temporaryName();
    try {
      await onDisk(async () => {
        await mkdir(batch, { mode: 0o700 });
        const names = [...fresh.keys()];
        await inParallel(names, 8, (name) => writeSmall(join(batch, name), fresh.get(name) as Uint8Array));
        await syncMany(names.map((name) => join(batch, name)));
        const folders = [...new Set(names.map((name) => dirname(blobPath(folder, name))))];
        await inParallel(folders, 8, makeFolder);
        await inParallel(names, 8, (name) => rename(join(batch, name), blobPath(folder, name)));
        // Those that were here before may be so new that their names are not on the disk yet: theirs too.
        await syncMany([...new Set(blobs.map(({ sha256 }) => dirname(blobPath(folder, sha256))))]);
      });
    } finally {
      await rm(batch, { recursive: true, force: true });
    }
  }

  async function adopt(sha256: string, bytes: number, file: string): Promise<void> {
    const final = blobPath(folder, sha256);
    const handle = await onDisk(() => open(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0)));
    let isOurs = false;
    try {
      const found = await handle.stat();
      if (!found.isFile() || found.size !== bytes)
        throw new Problem("invalid", `The file is not ${bytes} bytes long, as was said before: ${file}`);
      // A file with a second name could be written to by that name; only bytes that are ours alone become a blob.
      isOurs = found.nlink === 1 && process.platform !== "win32";
      if (isOurs) await onDisk(() => handle.sync());
    } finally {
      await handle.close();
    }
    if (existsSync(final) || !isOurs || !(await moved(file, sha256)))
      await put(sha256, bytes, bytesOfFile(file));
    await onDisk(() => rm(file, { force: true }));
  }

  /** False when the file lies on another disk. */
  async function moved(file: string, sha256: string): Promise<boolean> {
    const temporary = await temporaryName();
    try {
      await rename(file, temporary);
    } catch (error) {
      if (isCode(error, "EXDEV")) return false;
      throw error;
    }
    await onDisk(() => chmod(temporary, 0o400));
    await commit(temporary, sha256);
    return true;
  }

  async function get(sha256: string, range?: { start: number; end?: number }) {
    const path = blobPath(folder, sha256);
    const handle = await onDisk(() => open(path, "r")).catch((error: unknown) => {
      if (isCode(error, "ENOENT")) return null;
      throw error;
    });
    if (handle === null) return null;
    try {
      const { size } = await handle.stat();
      if (!range) return { bytes: size, stream: handle.createReadStream({ highWaterMark: pieceOf(size) }) };
      const { start } = range;
      const end = Math.min(range.end ?? size - 1, size - 1);
      if (start < 0 || start > end)
        throw new Problem("invalid", `This range lies outside of the ${size} bytes.`);
      const stream = handle.createReadStream({ start, end, highWaterMark: pieceOf(end - start + 1) });
      return { bytes: end - start + 1, stream };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  const parts = createFolderParts({ folder: join(folder, "uploads"), now, commit, head });

  return {
    kind: "folder",
    claim,
    folder,
    signer,
    head,
    put,
    putMany,
    adopt,
    get,
    async delete(sha256s) {
      const paths = sha256s.map((sha256) => blobPath(folder, sha256));
      await onDisk(() => inParallel(paths, 8, (path) => rm(path, { force: true })));
    },
    list: (after, limit) => onDisk(() => listFolder(folder, after, limit)),
    signPut: async (blob, forMs) => signer.sign({ method: "PUT", blob: checked(blob) }, forMs),
    signGet: async (blob, forMs) => signer.sign({ method: "GET", blob: checked(blob) }, forMs),
    startParts: async (blob, partBytes) => await parts.start(checked(blob), partBytes),
    async signPart(upload, blob, part, forMs) {
      await parts.checkPart(upload, blob, part);
      return signer.sign({ method: "PUT", blob, part: { upload, ...part } }, forMs);
    },
    listParts: (upload, blob) => parts.list(upload, blob),
    completeParts: (upload, blob, count) => parts.complete(upload, blob, count),
    abortParts: (upload, blob) => parts.abort(upload, blob),
    receivePart: (upload, part, stream) => parts.receive(upload, part, stream),
    async abortStale(before, known = new Set(), isDry = false) {
      if (!isDry) await onDisk(() => removeOlder(incoming, before));
      return await onDisk(() => parts.abortStale(before, known, isDry));
    },
  };

  function checked<T extends { sha256: string }>(blob: T): T {
    blobPath(folder, blob.sha256);
    return blob;
  }
}

const readBytes = 256 * 1024;
/** A buffer no larger than what is read: thousands of small files are fetched one after another. */
const pieceOf = (bytes: number) => Math.max(1, Math.min(readBytes, bytes));

async function writeSmall(path: string, data: Uint8Array): Promise<void> {
  const handle = await open(path, "wx", 0o400);
  try {
    await writeAll(handle, [data], 0);
    // Elsewhere all of a batch are put on the disk together; Windows takes that only from who writes.
    if (process.platform === "win32") await handle.sync();
  } finally {
    await handle.close();
  }
}

async function listFolder(folder: string, after: string | null, limit: number) {
  const found: { sha256: string; bytes: number; storedAt: number }[] = [];
  const folders = (await namesIn(folder)).filter((name) => /^[0-9a-f]{2}$/.test(name));
  for (const name of folders) {
    if (found.length >= limit) break;
    if (after !== null && name < after.slice(0, 2)) continue;
    // oxlint-disable-next-line no-await-in-loop -- most calls read one folder
    const blobs = (await namesIn(join(folder, name))).filter((one) => /^[0-9a-f]{64}$/.test(one));
    const wanted = blobs.filter((one) => after === null || one > after).slice(0, limit - found.length);
    // oxlint-disable-next-line no-await-in-loop -- see above
    const sized = await Promise.all(
      wanted.map(async (sha256) => {
        const info = await stat(join(folder, name, sha256)).catch(() => null);
        return info && { sha256, bytes: info.size, storedAt: Math.floor(info.ctimeMs) };
      }),
    );
    found.push(...sized.filter((one) => one !== null));
  }
  return found;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).toSorted();
  } catch (error) {
    if (isCode(error, "ENOENT")) return [];
    throw error;
  }
}

/** Removes what a broker that was killed left half-written. */
async function removeOlder(folder: string, before: number): Promise<void> {
  for (const name of await namesIn(folder)) {
    const path = join(folder, name);
    // oxlint-disable-next-line no-await-in-loop -- a few files, once a day
    const found = await stat(path).catch(() => null);
    // oxlint-disable-next-line no-await-in-loop -- see above
    if (found && found.mtimeMs < before) await rm(path, { recursive: true, force: true });
  }
}
