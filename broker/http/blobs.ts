// Handlers of the operations on bytes. Bodies go through as streams; none is ever held whole.
import { Readable } from "node:stream";
import { Problem } from "../contract/problem.ts";
import {
  confirmBlobs,
  doubtBlob,
  findMissing,
  getPack,
  notHere,
  putBlob,
  putPack,
  reachOf,
  within,
} from "../service/blobs.ts";
import { readBlob } from "../service/read-blob.ts";
import { onTheWire, signedForMs, signMany } from "../service/uploads.ts";
import { findBlob, findBlobs } from "../store/blobs.ts";
import type { HttpContext } from "./context.ts";
import type { Handlers } from "./mount.ts";

type BlobHandlers = Pick<
  Handlers,
  | "headBlob"
  | "putBlob"
  | "getBlob"
  | "findMissingBlobs"
  | "putPack"
  | "getPack"
  | "startUpload"
  | "signParts"
  | "completeUpload"
  | "abortUpload"
  | "confirmBlobs"
  | "signDownloads"
  | "doubtBlob"
>;

/** The handlers over one context. */
export function blobHandlers(context: HttpContext): BlobHandlers {
  const { broker, uploads } = context;
  return {
    headBlob({ who, headers, params }) {
      const row = findBlob(broker.rows, params.sha256);
      if (!row || !within(broker, reachOf(broker, who, headers), [params.sha256]).has(params.sha256))
        throw notHere();
      return new Response(null, { headers: { "content-length": String(row.bytes) } });
    },
    putBlob({ params, request }) {
      const length = Number(request.headers.get("content-length") ?? Number.NaN);
      return putBlob(broker, params.sha256, Number.isNaN(length) ? null : length, bodyOf(request));
    },
    async getBlob({ params, request }) {
      const row = findBlob(broker.rows, params.sha256);
      if (!row) throw notHere();
      const range = rangeOf(request.headers.get("range"), row.bytes);
      const headers = { "content-type": "application/octet-stream", "accept-ranges": "bytes" };
      if (!range) {
        const stream = await readBlob(broker, row);
        if (!stream) throw notHere();
        return new Response(webStream(stream), {
          headers: { ...headers, "content-length": String(row.bytes) },
        });
      }
      const found = await broker.blobs.get(params.sha256, range);
      if (!found) throw notHere();
      return new Response(webStream(found.stream), {
        status: 206,
        headers: {
          ...headers,
          "content-length": String(range.end - range.start + 1),
          "content-range": `bytes ${range.start}-${range.end}/${row.bytes}`,
        },
      });
    },
    async findMissingBlobs({ who, headers, body }) {
      reachOf(broker, who, headers);
      return { missing: await findMissing(broker, body.blobs) };
    },
    async putPack({ who, headers, request }) {
      reachOf(broker, who, headers);
      return { stored: await putPack(broker, bodyOf(request)) };
    },
    getPack({ who, headers, body }) {
      const files = getPack(broker, reachOf(broker, who, headers), body.sha256s);
      return new Response(webStream(Readable.from(files, { objectMode: false })), {
        headers: { "content-type": "application/octet-stream" },
      });
    },
    startUpload({ who, headers, body }) {
      reachOf(broker, who, headers);
      return uploads.start(body);
    },
    async signParts({ who, headers, params, body }) {
      reachOf(broker, who, headers);
      return { parts: await uploads.sign(params.upload, body.parts) };
    },
    completeUpload({ who, headers, params }) {
      reachOf(broker, who, headers);
      return uploads.complete(params.upload);
    },
    abortUpload({ who, headers, params }) {
      reachOf(broker, who, headers);
      return uploads.abort(params.upload);
    },
    async confirmBlobs({ who, headers, body }) {
      reachOf(broker, who, headers);
      return { missing: await confirmBlobs(broker, body.blobs) };
    },
    async signDownloads({ who, headers, body }) {
      const reach = reachOf(broker, who, headers);
      const known = findBlobs(broker.rows, body.sha256s);
      const allowed = within(broker, reach, body.sha256s);
      const downloads = await signMany(body.sha256s, async (sha256) => {
        const row = known.get(sha256);
        if (!row || !allowed.has(sha256)) return null;
        const { bytes } = row;
        return { sha256, bytes, get: onTheWire(await broker.blobs.signGet({ sha256, bytes }, signedForMs)) };
      });
      return { downloads };
    },
    doubtBlob: ({ who, headers, params }) => doubtBlob(broker, reachOf(broker, who, headers), params.sha256),
  };
}

/** The body as it comes. */
export function bodyOf(request: Request): AsyncIterable<Uint8Array> {
  return request.body ? (Readable.fromWeb(request.body as never) as AsyncIterable<Uint8Array>) : empty();
}

async function* empty(): AsyncGenerator<Uint8Array> {
  // An empty body is a blob of no bytes.
}

function webStream(stream: NodeJS.ReadableStream): ReadableStream<Uint8Array> {
  return Readable.toWeb(stream as Readable) as ReadableStream<Uint8Array>;
}

/** The one range of a Range header, both ends inclusive; null where the whole is to be sent. Throws `invalid` outside. */
function rangeOf(header: string | null, bytes: number): { start: number; end: number } | null {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? "");
  const [, first = "", last = ""] = match ?? [];
  if (!match || (first === "" && last === "")) return null;
  const start = first === "" ? Math.max(0, bytes - Number(last)) : Number(first);
  const end = first === "" || last === "" ? bytes - 1 : Math.min(Number(last), bytes - 1);
  if (start > end) throw new Problem("invalid", `These bytes end at ${bytes}.`);
  return { start, end };
}
