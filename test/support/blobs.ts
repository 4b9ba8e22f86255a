// Bytes for tests: their hash, packs of them, and manifests, sent to a broker as a client sends them.
import { createHash } from "node:crypto";
import type { BlobRef } from "../../broker/contract/blob.ts";
import type { ManifestInput } from "../../broker/contract/manifest.ts";
import { packEnd, packHead, packStart } from "../../broker/contract/pack.ts";
import type { Api } from "./api.ts";

/** SHA-256 of a text or bytes, in hexadecimal. */
export function sha256Of(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** A pack of these texts. */
export function packOf(texts: readonly (string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const files = texts.flatMap((text) => {
    const data = Buffer.from(text);
    return [packHead(sha256Of(data), data.length), data];
  });
  return new Uint8Array(Buffer.concat([packStart(), ...files, packEnd(texts.length)]));
}

/** Sends bytes to a broker; answers the blob. */
export async function sendBlob(api: Api, data: string | Uint8Array): Promise<BlobRef> {
  const bytes = new Uint8Array(Buffer.from(data));
  const sha256 = sha256Of(bytes);
  await api.ok("putBlob", { params: { sha256 }, bytes });
  return { sha256, bytes: bytes.length };
}

/** Sends files (path → text) and the manifest that names them; answers the manifest's blob. */
export async function sendManifest(
  api: Api,
  files: Record<string, string>,
  more: Partial<ManifestInput> = {},
): Promise<BlobRef> {
  const entries = Object.entries(files);
  await api.ok("putPack", { bytes: packOf(entries.map(([, text]) => text)) });
  const manifest: ManifestInput = {
    version: 1,
    format: "posix",
    roots: [],
    files: entries.map(([path, text]) => ({
      path,
      sha256: sha256Of(text),
      bytes: Buffer.byteLength(text),
    })),
    ...more,
  };
  return sendBlob(api, JSON.stringify(manifest));
}
