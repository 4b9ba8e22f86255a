// What every operation of the API says about itself, and the pieces many of them share.
import { z } from "zod";
import type { ProblemCode } from "./problem.ts";
import type { Role } from "./states.ts";

export interface Operation {
  method: "get" | "post" | "put" | "delete" | "head";
  path: string;
  summary: string;
  /** Who may; empty: everybody, no token needed. An artist acts on own jobs only (`own`). */
  roles: readonly Role[];
  own?: boolean;
  params?: z.ZodObject;
  query?: z.ZodObject;
  headers?: z.ZodObject;
  body?: z.ZodType;
  /** A body or answer of bytes instead of JSON; `text`: bytes that are to be read as UTF-8. */
  bytesIn?: boolean;
  bytesOut?: true | "text";
  /** A GET that also answers a part, 206, to a Range header. */
  ranges?: boolean;
  status: 200 | 201 | 204;
  answer?: z.ZodType;
  problems: readonly ProblemCode[];
}

export const people = ["admin", "artist"] as const;
export const readers = ["admin", "artist", "viewer"] as const;
export const workers = ["worker"] as const;
export const jobParams = z.object({
  job: z.string().max(64).meta({ description: "A job's number, its id, or `latest`" }),
});
export const workerParams = z.object({ worker: z.string().max(64) });
export const leaseParams = z.object({ lease: z.string().max(64) });
/** By which lease a worker acts: its own. */
export const leaseHeaders = z.object({
  "tally-lease": z.string().max(64).optional().meta({ description: "A worker's own lease" }),
  "tally-lease-token": z.string().max(200).optional(),
});
export const page = {
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  after: z.string().max(200).optional().meta({ description: "Opaque: `next` of the page before" }),
};
/** A page of items and the opaque word that asks for the next one. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), next: z.string().nullable() });
