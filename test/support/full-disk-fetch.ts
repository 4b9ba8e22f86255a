// The program of a test: fetches blobs to a disk that is too small, then has room; run as its own process in a mount
// namespace of its own, where it may mount a small disk. What it is to fetch comes on its input.
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import type { BlobRef } from "../../broker/contract/blob.ts";
import { createClient } from "../../broker/contract/client.ts";
import { fetchBlobs } from "../../container/agent/files/download.ts";

/** What this program answers: the refusal in words, the files there were then, and those with room. */
export interface FetchOnFullDisk {
  refused: string;
  left: string[];
  after: string[];
}

if (import.meta.main) {
  const [, , disk = ""] = process.argv;
  const { url, token, blobs } = (await json(process.stdin)) as {
    url: string;
    token: string;
    blobs: BlobRef[];
  };
  const mount = (...options: string[]) => execFileSync("mount", [...options, disk]);
  mount("-t", "tmpfs", "-o", "size=2m", "tmpfs");
  const fetching = fetchBlobs(createClient(url, token), blobs, ({ sha256 }) => join(disk, sha256));
  const refused = await fetching.then(
    () => "fetched",
    (error: Error & { code?: string }) => `${error.name} ${error.code} ${error.message}`,
  );
  const left = readdirSync(disk);
  mount("-o", "remount,size=32m");
  await fetchBlobs(createClient(url, token), blobs, ({ sha256 }) => join(disk, sha256));
  console.log(JSON.stringify({ refused, left, after: readdirSync(disk) } satisfies FetchOnFullDisk));
}
