// The door for signed addresses of the folder store: no token, only what was signed; answers as an S3 server would.
import { Readable } from "node:stream";
import { Problem, problemTable } from "../contract/problem.ts";
import { isCode } from "../domain/error-code.ts";
import type { FolderStore } from "./folder.ts";
import { readThrough } from "./receive.ts";
import type { Grant } from "./signing.ts";

/**
 * Answers requests below `/signed/blobs/`. 403: not signed, changed, expired, or another length than was signed; 412: the
 * blob is here already; 400: other bytes than were signed; 404; 416: a range outside; 507: no room; 503: try again.
 * `source.incoming`: the request as Node has it, read in place of `request.body` at a third less work.
 */
export function createSignedDoor(
  store: FolderStore,
): (request: Request, source?: { incoming?: AsyncIterable<Uint8Array> }) => Promise<Response> {
  return async (request, source) => {
    const grant = store.signer.check(request.method, new URL(request.url));
    if (!grant) return say(403, "This address has expired or was changed. Ask for a new one.");
    try {
      return grant.method === "GET"
        ? await answerGet(store, grant, request)
        : await take(store, grant, request, source?.incoming);
    } catch (error) {
      // The sender broke off: nobody reads this answer.
      if (isCode(error, "ECONNRESET") || request.signal.aborted) return say(400, "The bytes broke off.");
      if (!(error instanceof Problem)) throw error;
      // S3 says 400 of bytes that have another hash.
      return say(error.code === "invalid" ? 400 : problemTable[error.code].status, error.detail);
    }
  };
}

async function take(
  store: FolderStore,
  { blob, part }: Grant,
  request: Request,
  incoming?: AsyncIterable<Uint8Array>,
): Promise<Response> {
  const { sha256, bytes } = part ?? blob;
  // A body of unknown length has no such header: it was not signed either.
  if (request.headers.get("content-length") !== String(bytes))
    return say(403, `This address is for exactly ${bytes} bytes.`);
  const body = incoming ?? ((request.body ?? emptyBody()) as AsyncIterable<Uint8Array>);
  if (part) {
    const isKnown = await store.receivePart(part.upload, part, body);
    return isKnown ? done(sha256) : say(404, "This upload is not known any more. Begin it again.");
  }
  if ((await store.head(sha256)) !== null) {
    // Read to its end, else the sender sees a broken line instead of the answer.
    await readThrough({ sha256, bytes }, body);
    return say(412, "These bytes are here already.");
  }
  const result = await store.put(sha256, bytes, body);
  return result === "stored" ? done(sha256) : say(412, "These bytes are here already.");
}

async function answerGet(store: FolderStore, { blob }: Grant, request: Request): Promise<Response> {
  const size = await store.head(blob.sha256);
  if (size === null) return say(404, "These bytes are not here any more.");
  const range = rangeOf(request.headers.get("range"), size);
  if (range === "outside")
    return say(416, "This range lies outside of the bytes.", { "content-range": `bytes */${size}` });
  const found = await store.get(blob.sha256, range);
  if (!found) return say(404, "These bytes are not here any more.");
  const headers = new Headers({
    "content-type": "application/octet-stream",
    "content-length": String(found.bytes),
    "accept-ranges": "bytes",
    etag: `"${blob.sha256}"`,
    // Where the page shares the broker's address, bytes of a job must not run as a part of it.
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox",
  });
  if (range) headers.set("content-range", `bytes ${range.start}-${range.start + found.bytes - 1}/${size}`);
  const body = Readable.toWeb(found.stream as Readable) as ReadableStream<Uint8Array<ArrayBuffer>>;
  return new Response(body, { status: range ? 206 : 200, headers });
}

/** One range of bytes; what is no such thing asks for all, as HTTP has it. */
function rangeOf(text: string | null, size: number): { start: number; end: number } | "outside" | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(text ?? "");
  if (!match || (match[1] === "" && match[2] === "")) return undefined;
  const last = size - 1;
  if (match[1] === "") {
    const length = Math.min(Number(match[2]), size);
    return length === 0 ? "outside" : { start: size - length, end: last };
  }
  const start = Number(match[1]);
  const end = match[2] === "" ? last : Math.min(Number(match[2]), last);
  if (match[2] !== "" && Number(match[2]) < start) return undefined;
  return start > last ? "outside" : { start, end };
}

async function* emptyBody(): AsyncGenerator<Uint8Array> {}

function done(sha256: string): Response {
  return new Response(null, { status: 200, headers: { etag: `"${sha256}"` } });
}

function say(status: number, text: string, headers: Record<string, string> = {}): Response {
  const init = { status, headers: { "content-type": "text/plain; charset=utf-8", ...headers } };
  if (status === 503) init.headers = { ...init.headers, "retry-after": "1" } as typeof init.headers;
  return new Response(`${text}\n`, init);
}
