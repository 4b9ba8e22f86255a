// Signed addresses of the folder store: good for one method, key, size, hash and part, until they expire.
import { createHmac, timingSafeEqual, type BinaryLike, type KeyObject } from "node:crypto";
import type { BlobName, BlobPart, SignedAddress } from "../domain/ports.ts";

/** What an address is good for. */
export interface Grant {
  method: "GET" | "PUT";
  blob: BlobName;
  /** One part of an upload in parts; absent: the whole blob. */
  part?: { upload: string } & BlobPart;
}

/** Where the broker serves signed addresses; the blob's hash follows. */
export const signedPath = "/signed/blobs/";

export interface Signer {
  /** The address of a grant for the next `forMs` ms. */
  sign(grant: Grant, forMs: number): SignedAddress;
  /** The grant of a request's method and address; null when it was not signed here, was changed or has expired. */
  check(method: string, url: URL): Grant | null;
}

/** Signs and checks by an HMAC of `secret`. `now` is wall time, ms. */
export function createSigner(secret: BinaryLike | KeyObject, now: () => number): Signer {
  // A key of its own, because the secret may sign other things as well.
  const key = createHmac("sha256", secret).update("tally signed blobs 1").digest();
  const signatureOf = ({ method, blob, part }: Grant, expiresAt: number) => {
    const partial = part ? [part.upload, part.number, part.bytes, part.sha256] : [];
    const said = JSON.stringify([method, blob.sha256, blob.bytes, expiresAt, ...partial]);
    return createHmac("sha256", key).update(said).digest();
  };

  return {
    sign(grant, forMs) {
      const expiresAt = Math.floor(now() + forMs);
      const query = new URLSearchParams({ bytes: String(grant.blob.bytes), expires: String(expiresAt) });
      if (grant.part) {
        query.set("upload", grant.part.upload);
        query.set("part", String(grant.part.number));
        query.set("partBytes", String(grant.part.bytes));
        query.set("hash", grant.part.sha256);
      }
      query.set("signature", signatureOf(grant, expiresAt).toString("base64url"));
      const url = `${signedPath}${grant.blob.sha256}?${query.toString()}`;
      const bytes = grant.part?.bytes ?? grant.blob.bytes;
      return { url, headers: grant.method === "PUT" ? { "content-length": String(bytes) } : {}, expiresAt };
    },
    check(method, url) {
      if (method !== "GET" && method !== "PUT") return null;
      const query = url.searchParams;
      const sha256 = url.pathname.slice(signedPath.length);
      const [bytes, expiresAt] = [number(query.get("bytes")), number(query.get("expires"))];
      if (!url.pathname.startsWith(signedPath) || !/^[0-9a-f]{64}$/.test(sha256)) return null;
      const grant: Grant = { method, blob: { sha256, bytes } };
      const upload = query.get("upload");
      if (upload !== null)
        grant.part = {
          upload,
          number: number(query.get("part")),
          bytes: number(query.get("partBytes")),
          sha256: query.get("hash") ?? "",
        };
      const said = Buffer.from(query.get("signature") ?? "", "base64url");
      const right = signatureOf(grant, expiresAt);
      if (said.length !== right.length || !timingSafeEqual(said, right)) return null;
      return expiresAt > now() ? grant : null;
    },
  };
}

/** A number as it is written here, or NaN, which no signature fits. */
function number(text: string | null): number {
  return text !== null && /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
}
