// Brings result files to their places, a few at once: from the broker's own folder where it is here, else over the network.
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Artifact } from "../contract/attempt.ts";
import type { Answer, Client } from "../contract/client.ts";
import { bringHome } from "../home/bring-home.ts";
import { UnreachableError } from "../contract/client.ts";
import type { Place } from "./pull-place.ts";

/** Files on their way at once. */
const lanes = 4;
/** Ids that one report of delivered files may hold. */
const mostReported = 1000;

export interface Brought {
  artifact: Artifact;
  /** Where it lies; the place that was meant for a problem. */
  path: string;
  result: "fetched" | "there" | "kept" | "failed";
  problem?: string;
}

export interface BringOptions {
  client: Client;
  job: number;
  /** The job's own rule, or the one that was asked for. */
  conflict: "overwrite" | "skip";
  /** Files that were home once and were changed since are overwritten too. */
  again: boolean;
  placeOf: (artifact: Artifact) => Place;
  /** The broker's folder of bytes, when it is on this machine. */
  blobs: string | null;
  /** Tells the broker what is home. Not for files that went elsewhere. */
  report: boolean;
  signal?: AbortSignal;
  onBytes?: (bytes: number) => void;
  onFile?: (brought: Brought) => Promise<void> | void;
}

/**
 * Brings these files, of several with one place only the newest, and answers what became of each. Rejects when the
 * broker cannot be reached or the signal is aborted; what is home by then stays, and is told to the broker.
 */
export async function bringFiles(artifacts: readonly Artifact[], options: BringOptions): Promise<Brought[]> {
  const newest = new Map<string, { artifact: Artifact; place: Place }>();
  for (const artifact of artifacts) {
    const place = options.placeOf(artifact);
    newest.set("path" in place ? place.path : artifact.id, { artifact, place });
  }
  const queue = newest.values();
  const brought: Brought[] = [];
  const delivered: string[] = [];
  async function lane(): Promise<void> {
    for (const { artifact, place } of queue) {
      options.signal?.throwIfAborted();
      // oxlint-disable no-await-in-loop -- a lane brings one file after another
      const one = await bringOne(artifact, place, options);
      brought.push(one);
      if (one.result !== "failed" && artifact.deliveredAt === null && artifact.state === "current")
        delivered.push(artifact.id);
      if (delivered.length >= mostReported) await report(options, delivered.splice(0));
      await options.onFile?.(one);
      // oxlint-enable no-await-in-loop
    }
  }
  // Every lane ends before anything is thrown, so that no file is written after this returned.
  const ends = await Promise.allSettled(Array.from({ length: lanes }, lane));
  const broken = ends.find((end) => end.status === "rejected");
  if (broken === undefined) await report(options, delivered);
  else {
    await report(options, delivered).catch(() => undefined);
    throw broken.reason;
  }
  return brought;
}

async function bringOne(artifact: Artifact, place: Place, options: BringOptions): Promise<Brought> {
  if ("problem" in place) return { artifact, path: artifact.name, result: "failed", problem: place.problem };
  const { path } = place;
  const { id, bytes, sha256, executable } = artifact;
  let isFetched = false;
  let broken: unknown;
  const local = options.blobs === null ? null : join(options.blobs, sha256.slice(0, 2), sha256);
  const isLocal = local !== null && (await stat(local).catch(() => null))?.size === bytes;
  // What came home once and is another file now was changed by a person.
  const wasHome = artifact.deliveredAt !== null && !options.again;
  const outcome = await bringHome({
    id,
    name: path,
    bytes,
    sha256,
    conflict: wasHome ? "skip" : options.conflict,
    executable,
    source: isLocal
      ? { file: local, move: false }
      : {
          fetch: async (target) => {
            isFetched = true;
            try {
              await fetchOne(artifact, target, options);
            } catch (error) {
              broken = error;
              throw error;
            }
          },
        },
  });
  options.signal?.throwIfAborted();
  if (broken instanceof UnreachableError) throw broken;
  if (outcome.kind === "failed") return { artifact, path, result: "failed", problem: outcome.problem };
  if (isFetched || isLocal) options.onBytes?.(bytes);
  if (outcome.kind === "skipped") return { artifact, path, result: "kept" };
  return { artifact, path, result: isFetched || isLocal ? "fetched" : "there" };
}

async function fetchOne(artifact: Artifact, target: string, options: BringOptions): Promise<void> {
  const { sha256, bytes, kept } = artifact;
  if (!kept)
    throw new Error(
      `the broker no longer has it${artifact.deliveredAt === null ? "" : ": it was home, and was cleaned away since"}. Render the frame again with \`tally requeue\``,
    );
  const { fetchBlobs } = await import("../../container/agent/files/download.ts");
  await fetchBlobs(options.client, [{ sha256, bytes }], () => target, {
    ...(options.signal && { signal: options.signal }),
  });
}

async function report({ client, job, report: isAsked }: BringOptions, artifacts: string[]): Promise<void> {
  if (!isAsked || artifacts.length === 0) return;
  await client.call<Answer<"markDelivered">>("post", `/v1/jobs/${job}/delivered`, { body: { artifacts } });
}
