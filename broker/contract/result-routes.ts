// The operations on result files: list them, fetch them together, say that they are home.
import { z } from "zod";
import { artifactKinds, artifactSchema, artifactStates, markDeliveredSchema } from "./attempt.ts";
import { maxPreviewBytes, sha256Schema } from "./blob.ts";
import { manifestSchema } from "./manifest.ts";
import type { Operation } from "./operation.ts";
import { jobParams, leaseHeaders, page, pageOf, people, readers, workers } from "./operation.ts";

export const resultRoutes = {
  listArtifacts: {
    method: "get",
    path: "/v1/jobs/{job}/artifacts",
    summary: "Result files and whether they are home, in the order in which they came",
    roles: readers,
    params: jobParams,
    query: z.object({
      ...page,
      kind: z.enum([...artifactKinds, "any"]).default("file"),
      state: z.enum(artifactStates).optional(),
      step: z.string().max(64).optional(),
      ordinal: z.coerce.number().int().min(0).optional(),
      troubled: z
        .stringbool()
        .default(false)
        .meta({ description: "Only those that are not home for a reason that `problem` names" }),
    }),
    status: 200,
    answer: pageOf(artifactSchema),
    problems: ["malformed", "invalid", "not-found"],
  },
  putPreview: {
    method: "put",
    path: "/v1/attempts/{attempt}/previews/{sha256}",
    summary: `A small JPEG or WebP, at most ${maxPreviewBytes / 1024} KiB, of the result file with this hash; the first one stays`,
    roles: workers,
    headers: leaseHeaders,
    params: z.object({ attempt: z.string().max(64), sha256: sha256Schema }),
    bytesIn: true,
    status: 204,
    problems: [
      "malformed",
      "invalid",
      "not-found",
      "too-large",
      "lease-lost",
      "storage-full",
      "storage-down",
    ],
  },
  getManifest: {
    method: "get",
    path: "/v1/jobs/{job}/manifest",
    summary: "The input files of a job",
    roles: readers,
    params: jobParams,
    status: 200,
    answer: manifestSchema,
    problems: ["not-found", "cleaned", "storage-down"],
  },
  getArchive: {
    method: "get",
    path: "/v1/jobs/{job}/archive",
    summary: "The results that count, as one zip with a manifest.json",
    roles: readers,
    params: jobParams,
    query: z.object({
      filter: z.string().max(1000).optional().meta({ description: "Only names that match, such as *.exr" }),
      step: z.string().max(64).optional(),
    }),
    bytesOut: true,
    status: 200,
    problems: ["malformed", "not-found", "cleaned", "storage-down"],
  },
  markDelivered: {
    method: "post",
    path: "/v1/jobs/{job}/delivered",
    summary: "These files are home now, whole and flushed; saying it twice is fine",
    roles: people,
    own: true,
    params: jobParams,
    body: markDeliveredSchema,
    status: 204,
    problems: ["malformed", "invalid", "not-found"],
  },
} as const satisfies Record<string, Operation>;
