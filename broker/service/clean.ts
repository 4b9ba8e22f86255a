// Retention: removes bytes that nobody needs any more, by the rules of tally.yaml or of one request. First rows let go
// of blobs, in slices; then blobs that nothing needs lose their row; last go the bytes.
import type { Cleaned } from "../contract/system.ts";
import { Problem } from "../contract/problem.ts";
import { missingPlaces, storeOwner } from "../store/blobs.ts";
import {
  countInputs,
  countOrphans,
  countResults,
  deleteStaleUpload,
  deleteUnneeded,
  endOfSlice,
  letInputsGo,
  letResultsGo,
  markInputsCleaned,
  newestId,
  nextHolder,
  orphansIn,
  staleUploads,
  unneededOf,
  uploadReferences,
  type Retention,
  type Tally,
  type Unneeded,
  type Window,
} from "../store/retention.ts";
import type { Tx } from "../store/tx.ts";
import type { Broker } from "./broker.ts";
import { sliceRows } from "./settle.ts";

const dayMs = 86_400_000;
/** Stored objects looked at together. */
const listed = 1000;
/** Input files counted together: each is looked up in every job that has it. */
const counted = 500;

export interface RetentionDays {
  deliveredDays: number | null;
  inputDays: number | null;
}

export interface CleanAsk {
  dryRun: boolean;
  deliveredDays?: number | undefined;
  inputDays?: number | undefined;
  undeliveredDays?: number | undefined;
  /** The number of the one job to clean. */
  job?: number;
}

/** What a request means at this moment. Throws `illegal-transition` for a job that is not over. */
function retentionOf(broker: Broker, ask: CleanAsk, days: RetentionDays): Retention {
  const now = broker.clock.now();
  if (ask.job !== undefined) {
    const job = broker.rows.get<{ endedAt: number | null }>(
      "SELECT ended_at AS endedAt FROM jobs WHERE id = ?",
      ask.job,
    );
    if (job === undefined || job.endedAt === null)
      throw new Problem(
        "illegal-transition",
        `Job ${ask.job} is not over. Wait for it, or cancel it first: tally cancel ${ask.job}`,
      );
    const all = now + 1;
    return { deliveredBefore: all, undeliveredBefore: all, inputsBefore: all, jobId: ask.job };
  }
  const before = (limit: number | null) => (limit === null ? null : now - limit * dayMs);
  return {
    deliveredBefore: before(ask.deliveredDays ?? days.deliveredDays),
    undeliveredBefore: before(ask.undeliveredDays ?? null),
    inputsBefore: before(ask.inputDays ?? days.inputDays),
    jobId: null,
  };
}

/** Removes what nobody needs, or with `dryRun` only counts it. Results that never came home stay unless they are asked for. */
export async function clean(broker: Broker, ask: CleanAsk, days: RetentionDays): Promise<Cleaned> {
  const what = retentionOf(broker, ask, days);
  const dayAgo = broker.clock.now() - dayMs;
  return ask.dryRun ? count(broker, what, dayAgo) : remove(broker, what, dayAgo);
}

async function count(broker: Broker, what: Retention, dayAgo: number): Promise<Cleaned> {
  const { jobId, deliveredBefore, undeliveredBefore, inputsBefore } = what;
  const results = nothing();
  const undelivered = nothing();
  const previews = nothing();
  const orphans = nothing();
  for await (const window of windowsOf(broker, "artifacts", jobId)) {
    if (inputsBefore !== null)
      add(previews, countResults(broker.rows, "preview", inputsBefore, jobId, window));
    if (deliveredBefore !== null)
      add(results, countResults(broker.rows, "delivered", deliveredBefore, jobId, window));
    if (undeliveredBefore !== null)
      add(undelivered, countResults(broker.rows, "undelivered", undeliveredBefore, jobId, window));
  }
  if (jobId === null)
    for await (const window of windowsOf(broker, "blobs", null))
      add(orphans, countOrphans(broker.rows, dayAgo, window));
  const inputs = await countAllInputs(broker, what);
  const uploads = jobId === null ? leftUploads(broker, dayAgo) : 0;
  return { dryRun: true, results, undelivered, previews, inputs, orphans, uploads };
}

/** Two brokers that share a store do not know of each other's jobs: what one does not need the other may. */
async function refuseForeignStore(broker: Broker): Promise<void> {
  const own = await broker.writer.write(storeOwner);
  if ((await broker.blobs.claim(own)) === own) return;
  throw new Problem(
    "conflict",
    "Another broker keeps its files in the same storage, so nothing is removed: its jobs may need it. Give each broker a folder, a bucket or a prefix of its own under storage in tally.yaml.",
  );
}

async function remove(broker: Broker, what: Retention, dayAgo: number): Promise<Cleaned> {
  await refuseForeignStore(broker);
  const { jobId, deliveredBefore, undeliveredBefore, inputsBefore } = what;
  // Of one job all goes now; else what was asked for today stays, and goes another day.
  const usedBefore = jobId === null ? dayAgo : null;
  const orphans = nothing();
  if (jobId === null)
    for await (const window of windowsOf(broker, "blobs", null))
      add(orphans, await removeBlobs(broker, orphansIn(broker.rows, dayAgo, window), dayAgo));
  const results = nothing();
  const undelivered = nothing();
  const previews = nothing();
  for await (const window of windowsOf(broker, "artifacts", jobId)) {
    if (inputsBefore !== null)
      add(previews, await letGo(broker, "preview", inputsBefore, jobId, window, usedBefore));
    if (deliveredBefore !== null)
      add(results, await letGo(broker, "delivered", deliveredBefore, jobId, window, usedBefore));
    if (undeliveredBefore !== null)
      add(undelivered, await letGo(broker, "undelivered", undeliveredBefore, jobId, window, usedBefore));
  }
  const inputs = await letInputs(broker, what, usedBefore);
  let uploads = 0;
  if (jobId === null) {
    uploads = await abortStale(broker, dayAgo);
    add(orphans, await removeStrays(broker, dayAgo));
  }
  return { dryRun: false, results, undelivered, previews, inputs, orphans, uploads };
}

const nothing = (): Tally => ({ files: 0, bytes: 0 });

function add(sum: Tally, more: Tally): void {
  sum.files += more.files;
  sum.bytes += more.bytes;
}

/** A table window by window; others have their turn in between. */
async function* windowsOf(
  broker: Broker,
  table: "artifacts" | "blobs",
  jobId: number | null,
): AsyncGenerator<Window> {
  const last = jobId === null ? newestId(broker.rows, table) : Infinity;
  for (let from = 0; from < last && !broker.stopping;) {
    const to = jobId === null ? from + sliceRows : endOfSlice(broker.rows, jobId, from, sliceRows);
    if (to === null) return;
    yield { from, to };
    from = to;
    await turn();
  }
}

/** Lets others have their turn of the loop. */
function turn(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}

/** Every job that is to lose its input files, one after another. */
async function* holdersOf(broker: Broker, { inputsBefore, jobId }: Retention): AsyncGenerator<number> {
  for (let after = 0; inputsBefore !== null && !broker.stopping;) {
    const holder = nextHolder(broker.rows, after, inputsBefore, jobId);
    if (holder === undefined) return;
    yield holder;
    after = holder;
    await turn();
  }
}

/** Input files that no other job and no kept result needs. */
async function countAllInputs(broker: Broker, what: Retention): Promise<Tally> {
  const sum = nothing();
  const holders: number[] = [];
  for await (const holder of holdersOf(broker, what)) holders.push(holder);
  for (const holder of holders) {
    for (let after = 0; ;) {
      const slice = countInputs(broker.rows, holders, holder, after, counted);
      for (const { bytes, goes } of slice) if (goes === 1) add(sum, { files: 1, bytes });
      if (slice.length < counted) break;
      after = slice.at(-1)?.blobId ?? after;
      // oxlint-disable-next-line no-await-in-loop -- others have their turn in between
      await turn();
    }
  }
  return sum;
}

/** Lets results go, and with them the blobs that only they needed. */
async function letGo(
  broker: Broker,
  kind: "delivered" | "undelivered" | "preview",
  before: number,
  jobId: number | null,
  window: Window,
  usedBefore: number | null,
): Promise<Tally> {
  const gone = await broker.writer.write((tx) => letResultsGo(tx, kind, before, jobId, window));
  await removeFreed(broker, [...new Set(gone.map(({ blobId }) => blobId))], usedBefore);
  return { files: gone.length, bytes: gone.reduce((sum, { bytes }) => sum + bytes, 0) };
}

async function letInputs(broker: Broker, what: Retention, usedBefore: number | null): Promise<Tally> {
  const sum = nothing();
  for await (const holder of holdersOf(broker, what)) {
    // Marked and let go in one: a job that was requeued meanwhile keeps all, one that lost some is not rendered again.
    const isOver = (tx: Tx) => nextHolder(tx, 0, what.inputsBefore ?? 0, holder) !== undefined;
    for (let isMore = true; isMore && !broker.stopping;) {
      const slice = await broker.writer.write((tx) => {
        if (!isOver(tx)) return [];
        markInputsCleaned(tx, holder);
        return letInputsGo(tx, holder, sliceRows);
      });
      add(sum, await removeFreed(broker, slice, usedBefore));
      isMore = slice.length === sliceRows;
    }
  }
  return sum;
}

/** Removes blobs that rows let go of. What was used since `usedBefore` stays, and goes another day as an orphan. */
function removeFreed(broker: Broker, ids: readonly number[], usedBefore: number | null): Promise<Tally> {
  return removeBlobs(broker, unneededOf(broker.rows, ids, usedBefore), usedBefore);
}

/** Rows first, then bytes; never a blob that somebody stores or began to use at this moment. */
async function removeBlobs(
  broker: Broker,
  blobs: readonly Unneeded[],
  usedBefore: number | null,
): Promise<Tally> {
  const sum = nothing();
  if (blobs.length === 0) return sum;
  const ids = new Map(blobs.map(({ sha256, id }) => [sha256, id]));
  await broker.guard.removing([...ids.keys()], async (free) => {
    const chosen = free.map((sha256) => ids.get(sha256) as number);
    const gone = await broker.writer.write((tx) => deleteUnneeded(tx, chosen, usedBefore));
    await broker.blobs.delete(gone.map(({ sha256 }) => sha256));
    for (const { bytes } of gone) add(sum, { files: 1, bytes });
  });
  return sum;
}

function leftUploads(broker: Broker, before: number): number {
  return staleUploads(broker.rows, before, 1_000_000).filter(({ isLeft }) => isLeft === 1).length;
}

async function abortStale(broker: Broker, before: number): Promise<number> {
  let left = 0;
  for (;;) {
    const slice = staleUploads(broker.rows, before, 100);
    for (const { id, sha256, bytes, reference, isLeft } of slice) {
      // oxlint-disable no-await-in-loop -- there is hardly ever one
      if (!(await broker.writer.write((tx) => deleteStaleUpload(tx, id, before)))) continue;
      await broker.blobs.abortParts(reference, { sha256, bytes });
      // oxlint-enable no-await-in-loop
      left += isLeft;
    }
    if (slice.length < 100 || broker.stopping) break;
  }
  // Those that no row knows: the broker died between the store's answer and its own.
  return left + (await broker.blobs.abortStale(before, uploadReferences(broker.rows)));
}

/** Stored objects without a row: the broker died between the two. */
async function removeStrays(broker: Broker, before: number): Promise<Tally> {
  const sum = nothing();
  for (let after: string | null = null; ;) {
    // oxlint-disable no-await-in-loop -- page after page
    const page: { sha256: string; bytes: number; storedAt: number }[] = await broker.blobs.list(
      after,
      listed,
    );
    const old = page.filter(({ storedAt }) => storedAt < before);
    const names = old.map(({ sha256 }) => sha256);
    await broker.guard.removing(names, async (free) => {
      // By the writer: what was committed a moment ago counts.
      const strays = await broker.writer.write((tx) =>
        missingPlaces(tx, free).map((place) => free[place] as string),
      );
      await broker.blobs.delete(strays);
      const gone = new Set(strays);
      for (const { sha256, bytes } of old) {
        if (!gone.has(sha256)) continue;
        add(sum, { files: 1, bytes });
      }
    });
    // oxlint-enable no-await-in-loop
    if (page.length < listed || broker.stopping) return sum;
    after = page.at(-1)?.sha256 ?? null;
  }
}
