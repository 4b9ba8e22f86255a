// Bytes by content hash, and how they travel: which are missing, where to send them, where to fetch them.
import { z } from "zod";

export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);

/** A blob: its name and its size. */
export const blobRefSchema = z
  .object({ sha256: sha256Schema, bytes: z.int().nonnegative() })
  .strict()
  .meta({ id: "BlobRef" });
export type BlobRef = z.infer<typeof blobRefSchema>;

/** Blobs that one question may name: "which of these are missing", "these are sent". */
export const maxBlobsAsked = 10_000;
/** Blobs that one answer of signed addresses may hold. */
export const maxBlobsSigned = 1_000;
/** Files up to this size travel in packs, bytes. */
export const maxPackedBytes = 256 * 1024;
/** A pack is sent when it is at least so long; it is never longer than this and one file, bytes. */
export const packBytes = 8 * 1024 * 1024;
/** Files up to this size are sent in one piece that the store checks whole; larger ones in parts, bytes. */
export const maxSingleBytes = 16 * 1024 * 1024;
/** A preview is never longer, bytes. */
export const maxPreviewBytes = 1024 * 1024;
/** A part is at least so long, except the last one, bytes. An object has at most 10,000 parts (S3). */
export const minPartBytes = 8 * 1024 * 1024;

/** How long the parts of a blob of so many bytes are: the least that keeps it under 10,000 parts. */
export function partBytesOf(bytes: number): number {
  const least = Math.ceil(bytes / 10_000 / 1_048_576) * 1_048_576;
  return Math.max(minPartBytes, least);
}

export const blobListSchema = z
  .object({ blobs: z.array(blobRefSchema).max(maxBlobsAsked) })
  .strict()
  .meta({ id: "BlobList" });
export const missingBlobsSchema = z
  .object({ missing: z.array(z.int()).meta({ description: "Places in the question, from 0" }) })
  .meta({ id: "MissingBlobs" });

/** An address that may be used for one key, one method and one size, for some minutes, without a token. */
export const signedSchema = z
  .object({
    url: z.string().meta({ description: "Absolute, or a path on this broker" }),
    headers: z.record(z.string(), z.string()).meta({ description: "To be sent as they are" }),
    expiresAt: z.string(),
  })
  .meta({ id: "Signed" });
export type Signed = z.infer<typeof signedSchema>;

/** Where to send a blob: nowhere, in one piece, or in parts. Asking again resumes. */
export const uploadSchema = z
  .discriminatedUnion("kind", [
    z.object({ kind: z.literal("present") }).meta({ id: "UploadPresent" }),
    z.object({ kind: z.literal("single"), put: signedSchema }).meta({ id: "UploadSingle" }),
    z
      .object({
        kind: z.literal("parts"),
        uploadId: z.string(),
        partBytes: z.int(),
        done: z.array(z.int()).meta({ description: "Numbers, from 1, of the parts that are there already" }),
      })
      .meta({ id: "UploadParts" }),
  ])
  .meta({ id: "Upload" });
export type Upload = z.infer<typeof uploadSchema>;

export const signPartsSchema = z
  .object({
    parts: z
      .array(
        z
          .object({ number: z.int().min(1).max(10_000), sha256: sha256Schema, bytes: z.int().positive() })
          .strict(),
      )
      .min(1)
      .max(100),
  })
  .strict()
  .meta({ id: "SignParts" });
export const signedPartsSchema = z
  .object({ parts: z.array(signedSchema).meta({ description: "In the order of the question" }) })
  .meta({ id: "SignedParts" });

export const shaListSchema = z
  .object({ sha256s: z.array(sha256Schema).max(maxBlobsSigned) })
  .strict()
  .meta({ id: "ShaList" });
export const downloadsSchema = z
  .object({
    downloads: z
      .array(z.object({ sha256: sha256Schema, bytes: z.int().nonnegative(), get: signedSchema }).nullable())
      .meta({ description: "In the order of the question; null: the broker does not have it" }),
  })
  .meta({ id: "Downloads" });
