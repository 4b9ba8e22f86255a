// What the tests of every blob store share: a store under test, and ways to send to it and read from it.
import { createHash } from "node:crypto";
import { buffer } from "node:stream/consumers";
import type { BlobName, BlobStore, SignedAddress } from "../domain/ports.ts";

/** A store under test, empty. */
export interface StoreUnderTest {
  store: BlobStore;
  /** The same store as a process with another clock sees it, ms ahead of ours. */
  storeAt: (offsetMs: number) => BlobStore;
  /** What signed addresses are relative to. */
  base: string;
  /** Every file that a reader could take for a blob, and nothing that is underway. */
  finalNames: () => Promise<string[]>;
}

/** Makes one in each test. */
export type SetUp = () => Promise<StoreUnderTest>;

/** The least part that S3 takes, other than the last, bytes. */
export const partBytes = 5 * 1024 * 1024;
/** A minute, ms. */
export const minute = 60_000;

/** The SHA-256 of bytes. */
export const hashOf = (data: Uint8Array) => createHash("sha256").update(data).digest("hex");

/** The name of bytes. */
export const named = (data: Uint8Array): BlobName => ({ sha256: hashOf(data), bytes: data.length });

/** Bytes as they arrive. */
export async function* streamOf(...pieces: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

/** All bytes of a blob, or of a range; null when it is not there. */
export async function contents(
  store: BlobStore,
  sha256: string,
  range?: { start: number; end?: number },
): Promise<Buffer | null> {
  const found = await store.get(sha256, range);
  return found && (await buffer(found.stream));
}

/** Sends a request to a signed address, `data` as its body where the method has one. */
export async function send(base: string, to: SignedAddress, data: Uint8Array, method = "PUT") {
  const init: RequestInit = { method, headers: to.headers };
  if (method !== "GET" && method !== "HEAD") init.body = new Uint8Array(data);
  const response = await fetch(new URL(to.url, base), init);
  return { status: response.status, body: Buffer.from(await response.arrayBuffer()) };
}
