// The broker's own blob folder, read in place by workers on its machine.
import { lstat, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { maxSingleBytes, type BlobRef } from "../../../broker/contract/blob.ts";
import type { Client } from "../../../broker/contract/client.ts";
import { BlobDamagedError } from "./file-errors.ts";
import { hashFile } from "./hash.ts";

export interface BlobFolder {
  /**
   * Where a blob lies whole; undefined when it is not here. What was sent in parts is read once on this machine before it
   * is used: nobody else has checked it as a whole. Throws BlobDamagedError after the broker was told.
   */
  find(blob: BlobRef): Promise<string | undefined>;
}

/** Looks into `folder`; what was checked is noted below `notes`. */
export function openBlobFolder(
  folder: string,
  notes: string,
  doubt: { client: Client; headers: Record<string, string>; signal: AbortSignal },
): BlobFolder {
  async function check(blob: BlobRef, path: string, stamp: string): Promise<void> {
    const note = join(notes, blob.sha256);
    if ((await readFile(note, "utf8").catch(() => "")) === stamp) return;
    if ((await hashFile(path)).sha256 !== blob.sha256) {
      const { client, headers, signal } = doubt;
      await client.call("post", `/v1/blobs/${blob.sha256}/doubt`, { headers, signal }).catch(() => {});
      throw new BlobDamagedError(blob.sha256);
    }
    await mkdir(notes, { recursive: true, mode: 0o700 });
    // Without the note it is only read again next time.
    await writeFile(note, stamp, { mode: 0o600 }).catch(() => {});
  }

  return {
    async find(blob) {
      const path = join(folder, blob.sha256.slice(0, 2), blob.sha256);
      const found = await lstat(path).catch(() => undefined);
      if (found === undefined || !found.isFile() || found.size !== blob.bytes) return undefined;
      if (blob.bytes > maxSingleBytes) await check(blob, path, `${found.ino}:${found.mtimeMs}:${found.size}`);
      return path;
    },
  };
}
