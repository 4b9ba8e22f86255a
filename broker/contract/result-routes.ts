// The operations on result files: list them, fetch them together, say that they are home.
import { z } from "zod";
import { artifactSchema, artifactStates, markDeliveredSchema } from "./attempt.ts";
import { manifestSchema } from "./manifest.ts";
import type { Operation } from "./operation.ts";
import { jobParams, page, pageOf, people, readers } from "./operation.ts";

export const resultRoutes = {
  listArtifacts: {
    method: "get",
    path: "/v1/jobs/{job}/artifacts",
    summary: "Result files and whether they are home, in the order in which they came",
    roles: readers,
    params: jobParams,
    query: z.object({
      ...page,
      state: z.enum(artifactStates).optional(),
      step: z.string().max(64).optional(),
      ordinal: z.coerce.number().int().min(0).optional(),
    }),
    status: 200,
    answer: pageOf(artifactSchema),
    problems: ["malformed", "invalid", "not-found"],
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
