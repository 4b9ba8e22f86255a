// The client of a bench: looks for files, hashes and sends them, as `tally submit` does, in a process of its own.
import { createClient } from "../../broker/contract/client.ts";
import { openHashCache } from "../../container/agent/files/hash-cache.ts";
import { hashFiles } from "../../container/agent/files/hash.ts";
import { scanFolder } from "../../container/agent/files/scan.ts";
import { uploadFiles } from "../../container/agent/files/upload.ts";
import { keepHeapSmall } from "../../broker/small-heap.ts";
import { serveCalls } from "./child.ts";
import { peakMB } from "./peak.ts";

export interface FilesOptions {
  folder: string;
  /** The hash cache's file. */
  cache: string;
  /** Where to send them; absent: they are only hashed. */
  broker?: { url: string; token: string };
}

/** Times in ms. */
export interface FilesResult {
  files: number;
  hashMs: number;
  /** From the beginning until the first byte leaves, or all is known to be there. */
  untilSendMs: number;
  uploadMs: number;
  sentFiles: number;
  /** The most memory so far, MB. */
  peakMB: number;
}

async function turn({ folder, cache, broker }: FilesOptions): Promise<FilesResult> {
  const started = performance.now();
  const known = openHashCache(cache);
  const { files } = await scanFolder(folder);
  const { sha256s } = await hashFiles(files, { cache: known });
  known.close();
  const hashed = performance.now();
  let sending: number | undefined;
  let sentFiles = 0;
  if (broker) {
    const uploads = files.map((file, index) => ({ ...file, sha256: sha256s[index] as string }));
    await uploadFiles(createClient(broker.url, broker.token), uploads, {
      onProgress: ({ totalFiles }) => {
        sending ??= performance.now();
        sentFiles = totalFiles;
      },
    });
  }
  const ended = performance.now();
  return {
    files: files.length,
    hashMs: hashed - started,
    untilSendMs: (sending ?? ended) - started,
    uploadMs: ended - hashed,
    sentFiles,
    peakMB: peakMB(process.pid),
  };
}

// As the command line does.
keepHeapSmall();
serveCalls({ turn });
