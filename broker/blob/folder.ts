// The blob store in a folder: `<first two>/<sha256>`, written under a temporary name and renamed when its hash is right.
import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Problem } from "../contract/problem.ts";
import { isCode } from "../domain/error-code.ts";
import type { BlobStore } from "../domain/ports.ts";

/** Where a blob lies in `folder`. Workers on the same machine read it in place. */
export function blobPath(folder: string, sha256: string): string {
  if (!/^[0-9a-f]{64}$/.test(sha256))
    throw new Problem("invalid", "A blob is named by 64 hexadecimal digits.");
  return join(folder, sha256.slice(0, 2), sha256);
}

/** Opens (or makes) the store in `folder`. `put` throws `invalid` when the bytes have another hash, `storage-full`. */
export function createFolderStore(folder: string): BlobStore {
  async function size(sha256: string): Promise<number | null> {
    try {
      return (await stat(blobPath(folder, sha256))).size;
    } catch (error) {
      if (isCode(error, "ENOENT")) return null;
      throw error;
    }
  }

  return {
    size,
    async put(sha256, bytes) {
      const final = blobPath(folder, sha256);
      const made = await mkdir(dirname(final), { recursive: true, mode: 0o700 });
      const temporary = `${final}.${randomBytes(6).toString("hex")}.tmp`;
      const handle = await open(temporary, "wx", 0o400);
      try {
        const hash = createHash("sha256");
        for await (const part of bytes) {
          hash.update(part);
          // Unlike `write`, this writes the whole part or fails: a full disk must not leave a blob that is cut short.
          await handle.appendFile(part);
        }
        if (hash.digest("hex") !== sha256) {
          throw new Problem("invalid", "The bytes that arrived do not have this hash. Send them again.");
        }
        await handle.sync();
        await handle.close();
        await rename(temporary, final);
        // A job that is acknowledged has its scene, also after a power cut: the name must be on the disk too.
        await syncFolder(dirname(final));
        if (made !== undefined) await syncFolder(dirname(made));
      } catch (error) {
        await handle.close().catch(() => undefined);
        await rm(temporary, { force: true });
        if (isCode(error, "ENOSPC"))
          throw new Problem(
            "storage-full",
            "The disk with Tally's data folder is full. Free some space and submit again.",
          );
        throw error;
      }
    },
    async get(sha256) {
      const bytes = await size(sha256);
      return bytes === null ? null : { bytes, stream: createReadStream(blobPath(folder, sha256)) };
    },
  };
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
