// Keeps the bytes of a scene as they are at submit.
import { createHash, randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { copyFile, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { BigIntStats } from "node:fs";

export type SceneSnapshot = { sha256: string; bytes: number };

const TRIES = 3;

/**
 * Copies a scene (never a hard link: Blender may write in place) durably to `destination`.
 * @returns the copy's SHA-256 and its size in bytes.
 * @throws Error with a sentence when the scene keeps changing while it is read, or cannot be read.
 */
export async function snapshotScene(original: string, destination: string): Promise<SceneSnapshot> {
  await mkdir(dirname(destination), { recursive: true });
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    const part = join(
      dirname(destination),
      `.${basename(destination)}.${randomBytes(6).toString("hex")}.part`,
    );
    try {
      const before = await stat(original, { bigint: true });
      await copyFile(original, part, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
      const after = await stat(original, { bigint: true });
      const result = await hashAndSync(part);
      if (isSame(before, after) && BigInt(result.bytes) === after.size) {
        await rename(part, destination);
        await syncFolder(dirname(destination));
        return result;
      }
    } finally {
      await rm(part, { force: true });
    }
  }
  throw new Error(
    `The scene ${original} changed while it was read. Wait until Blender has saved it, then submit again.`,
  );
}

function isSame(a: BigIntStats, b: BigIntStats): boolean {
  return a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.size === b.size && a.ino === b.ino;
}

async function hashAndSync(path: string): Promise<SceneSnapshot> {
  const file = await open(path, "r+");
  try {
    const hash = createHash("sha256");
    let bytes = 0;
    for await (const piece of file.createReadStream({ autoClose: false, highWaterMark: 1 << 20 })) {
      hash.update(piece as Buffer);
      bytes += (piece as Buffer).length;
    }
    await file.sync();
    return { sha256: hash.digest("hex"), bytes };
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  // Windows cannot open a folder for this; there the rename itself is what is promised.
  if (process.platform === "win32") return;
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
