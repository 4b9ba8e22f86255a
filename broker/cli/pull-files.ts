// Brings result files to their places, a few at once: from the broker's own folder where it is here, else over the network.
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Artifact } from "../contract/attempt.ts";
import { maxPackedBytes } from "../contract/blob.ts";
import { UnreachableError, type Answer, type Client } from "../contract/client.ts";
import { bringHome } from "../home/bring-home.ts";
import type { Place } from "./pull-place.ts";

/** Files on their way at once. */
const lanes = 4;
/** Ids that one report of delivered files may hold; they are told at least so often, ms. */
const mostReported = 1000;
const reportEveryMs = 500;
/** Also when Ctrl-C ends the rest: what is home is said to be home. A broker that is silent is not waited for longer, ms. */
const reportLimitMs = 5000;
/** So many small files are fetched together. */
const batchFiles = 400;
/** Fewer than this are not worth a batch. */
const leastBatch = 4;

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
  onWaiting?: (why: string) => void;
  onFile?: (brought: Brought) => Promise<void> | void;
}

interface Errand {
  artifact: Artifact;
  place: Place;
  /** Files of the same place that came before. */
  older: Artifact[];
}

/** What the broker is told. */
interface Told {
  artifacts: string[];
  /** Another file was there and was kept. */
  leftOut: string[];
}

/**
 * Brings these files, of several with one place only the newest, and answers what became of each. Rejects when the
 * broker cannot be reached or the signal is aborted; what is home by then stays, and is told to the broker.
 */
export async function bringFiles(artifacts: readonly Artifact[], options: BringOptions): Promise<Brought[]> {
  const newest = new Map<string, Errand>();
  for (const artifact of artifacts) {
    const place = options.placeOf(artifact);
    const key = "path" in place ? place.path : artifact.id;
    const before = newest.get(key);
    newest.set(key, { artifact, place, older: before ? [...before.older, before.artifact] : [] });
  }
  const errands = [...newest.values()];
  const small = options.blobs === null ? errands.filter(isSmall) : [];
  const batched = new Set(small.length < leastBatch ? [] : small);
  const brought: Brought[] = [];
  for (let at = 0; at < batched.size; at += batchFiles) {
    const batch = small.slice(at, at + batchFiles);
    // oxlint-disable-next-line no-await-in-loop -- a batch is home before the next one needs room
    await withFetched(batch, options, async (scratch) => {
      brought.push(...(await bringAll(batch, scratch, options)));
    });
  }
  const rest = errands.filter((errand) => !batched.has(errand));
  brought.push(...(await bringAll(rest, null, options)));
  return brought;
}

function isSmall({ artifact, place }: Errand): boolean {
  return "path" in place && artifact.kept && artifact.bytes <= maxPackedBytes;
}

/** Fetches small files together into a folder that goes away afterwards; those that lie in their place are left out. */
async function withFetched(
  batch: readonly Errand[],
  { client, signal, onWaiting }: BringOptions,
  use: (scratch: string) => Promise<void>,
): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), "tally-pull-"));
  try {
    const wanted = new Map<string, { sha256: string; bytes: number }>();
    for (const { artifact, place } of batch) {
      // oxlint-disable-next-line no-await-in-loop -- a stat takes microseconds
      const there = "path" in place ? await stat(place.path).catch(() => null) : null;
      const { sha256, bytes } = artifact;
      if (there?.size !== bytes) wanted.set(sha256, { sha256, bytes });
    }
    const { fetchBlobs } = await import("../../container/agent/files/download.ts");
    try {
      await fetchBlobs(client, [...wanted.values()], ({ sha256 }) => join(scratch, sha256), {
        ...(signal && { signal }),
        ...(onWaiting && { onWaiting }),
      });
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof UnreachableError) throw error;
      // One that cannot be had must not keep the others away: each is asked for alone, and says why.
    }
    await use(scratch);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function bringAll(
  errands: readonly Errand[],
  scratch: string | null,
  options: BringOptions,
): Promise<Brought[]> {
  const queue = errands.values();
  const brought: Brought[] = [];
  const open: Told = { artifacts: [], leftOut: [] };
  const toTell = (): Told => ({ artifacts: open.artifacts.splice(0), leftOut: open.leftOut.splice(0) });
  let told = performance.now();
  async function lane(): Promise<void> {
    for (const { artifact, place, older } of queue) {
      options.signal?.throwIfAborted();
      // oxlint-disable no-await-in-loop -- a lane brings one file after another
      const one = await bringOne(artifact, place, scratch, options);
      brought.push(one);
      const list = one.result === "kept" ? open.leftOut : open.artifacts;
      // Of several with one place the older ones are as much home as if they had come one by one.
      for (const { id, deliveredAt, problem, state } of one.result === "failed" ? [] : [...older, artifact])
        // One with a problem was left out before.
        if ((deliveredAt === null || problem !== null) && state === "current") list.push(id);
      if (list.length >= mostReported || performance.now() - told > reportEveryMs) {
        told = performance.now();
        await report(options, toTell());
      }
      await options.onFile?.(one);
      // oxlint-enable no-await-in-loop
    }
  }
  // Every lane ends before anything is thrown, so that no file is written after this returned.
  const ends = await Promise.allSettled(Array.from({ length: lanes }, lane));
  const broken = ends.find((end) => end.status === "rejected");
  if (broken === undefined) await report(options, toTell());
  else {
    await report(options, toTell()).catch(() => undefined);
    throw broken.reason;
  }
  return brought;
}

async function bringOne(
  artifact: Artifact,
  place: Place,
  scratch: string | null,
  options: BringOptions,
): Promise<Brought> {
  if ("problem" in place) return { artifact, path: artifact.name, result: "failed", problem: place.problem };
  const { path } = place;
  const { id, bytes, sha256, executable } = artifact;
  let isFetched = false;
  let broken: unknown;
  const fetched = scratch === null ? null : join(scratch, sha256);
  const local = options.blobs === null ? fetched : join(options.blobs, sha256.slice(0, 2), sha256);
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
  if (outcome.kind === "failed")
    return { artifact, path, result: "failed", problem: typedAgain(outcome.problem) };
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
    ...(options.onWaiting && { onWaiting: options.onWaiting }),
  });
}

/** The broker tries again by itself; here a person does. */
function typedAgain(problem: string): string {
  return problem.replace(/(\. [^.]*); it is tried again by itself/, "$1, then type the same command again");
}

async function report(
  { client, job, report: isAsked }: BringOptions,
  { artifacts, leftOut }: Told,
): Promise<void> {
  for (let at = 0; isAsked && at < Math.max(artifacts.length, leftOut.length); at += mostReported) {
    const part = (all: string[]): string[] => all.slice(at, at + mostReported);
    const body = { artifacts: part(artifacts), leftOut: part(leftOut) };
    const signal = AbortSignal.timeout(reportLimitMs);
    // oxlint-disable-next-line no-await-in-loop -- more than one only where many files have one place
    await client.call<Answer<"markDelivered">>("post", `/v1/jobs/${job}/delivered`, { body, signal });
  }
}
