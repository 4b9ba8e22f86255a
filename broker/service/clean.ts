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
  leftoversIn,
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
  /** Whether the store is looked through for bytes that no row knows. */
  strays: boolean;
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

/**
 * Removes what nobody needs, or with `dryRun` only counts it: the figures are those of what leaves the disk. Results that
 * never came home stay unless they are asked for.
 */
export async function clean(broker: Broker, ask: CleanAsk, days: RetentionDays): Promise<Cleaned> {
  const what = retentionOf(broker, ask, days);
  const dayAgo = broker.clock.now() - dayMs;
  // Of one job all goes now; else what was asked for today stays, and goes another day.
  const order = { ...what, dayAgo, usedBefore: what.jobId === null ? dayAgo : null, strays: ask.strays };
  return ask.dryRun ? count(broker, order) : remove(broker, order);
}

interface Order extends Retention {
  dayAgo: number;
  /** What was used since leaves the disk a day later; null: nothing does. */
  usedBefore: number | null;
  /** The store is looked through for bytes without a row, too. */
  strays: boolean;
}

const parts = ["results", "undelivered", "previews", "inputs", "orphans", "later"] as const;
type Sums = Record<(typeof parts)[number], Tally>;

const noSums = () => Object.fromEntries(parts.map((part) => [part, { files: 0, bytes: 0 }])) as Sums;

function add(sum: Tally, { files, bytes }: Tally): void {
  sum.files += files;
  sum.bytes += bytes;
}

async function count(broker: Broker, order: Order): Promise<Cleaned> {
  const { rows } = broker;
  const { jobId, dayAgo, usedBefore } = order;
  const sums = noSums();
  if (jobId === null)
    for await (const window of windowsOf(broker, "blobs", null))
      add(sums.orphans, countOrphans(rows, dayAgo, window));
  const seen = new Set<number>();
  for await (const window of windowsOf(broker, "artifacts", jobId)) {
    for (const { id, bytes, isHere, way } of jobId === null ? [] : leftoversIn(rows, jobId, window)) {
      if (isHere === 1 && !seen.has(id)) add(sums[way], { files: 1, bytes });
      seen.add(id);
    }
    for (const { way, isLater, ...some } of countResults(rows, order, usedBefore, window))
      add(sums[isLater === 1 ? "later" : way], some);
  }
  await countAllInputs(broker, order, sums);
  let uploads = 0;
  if (jobId === null) {
    uploads = staleUploads(rows, dayAgo, 1_000_000).filter(({ isLeft }) => isLeft === 1).length;
    uploads += await broker.blobs.abortStale(dayAgo, uploadReferences(rows), true);
    if (order.strays)
      await eachStray(broker, dayAgo, (old) => {
        const places = missingPlaces(
          rows,
          old.map(({ sha256 }) => sha256),
        );
        for (const place of places) add(sums.orphans, { files: 1, bytes: old[place]?.bytes ?? 0 });
      });
  }
  return { dryRun: true, ...sums, uploads };
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

async function remove(broker: Broker, order: Order): Promise<Cleaned> {
  await refuseForeignStore(broker);
  const { jobId, dayAgo, usedBefore } = order;
  const sums = noSums();
  /** What is let go and stays for a day: several may let go of the same. */
  const later = new Map<number, number>();
  const removeFreed = async (ids: readonly number[], sumOf: (id: number) => Tally) => {
    const freed = unneededOf(broker.rows, ids, usedBefore);
    for (const { id, bytes, isLater, isHere } of freed)
      if (isLater === 1 && isHere === 1) later.set(id, bytes);
    await removeBlobs(
      broker,
      freed.filter((one) => one.isLater === 0),
      usedBefore,
      sumOf,
    );
  };
  if (jobId === null)
    for await (const window of windowsOf(broker, "blobs", null))
      await removeBlobs(broker, orphansIn(broker.rows, dayAgo, window), dayAgo, () => sums.orphans);
  for await (const window of windowsOf(broker, "artifacts", jobId)) {
    const left = jobId === null ? [] : leftoversIn(broker.rows, jobId, window);
    const leftWay = new Map(left.map(({ id, way }) => [id, way]));
    await removeBlobs(broker, left, usedBefore, (id) => sums[leftWay.get(id) ?? "results"]);
    const gone = await broker.writer.write((tx) => letResultsGo(tx, order, window));
    // Of several results with the same bytes the newest says how they went.
    const goneWay = new Map(gone.map(({ blobId, way }) => [blobId, way]));
    await removeFreed([...goneWay.keys()], (id) => sums[goneWay.get(id) ?? "results"]);
  }
  await letInputs(broker, order, (ids) => removeFreed(ids, () => sums.inputs));
  let uploads = 0;
  if (jobId === null) {
    uploads = await abortStale(broker, dayAgo);
    if (order.strays) await eachStray(broker, dayAgo, (old) => removeStrays(broker, old, sums.orphans));
  }
  for (const bytes of later.values()) add(sums.later, { files: 1, bytes });
  return { dryRun: false, ...sums, uploads };
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

/** Every job that is to lose its input files, or began to, one after another. */
async function* holdersOf(broker: Broker, { inputsBefore, jobId }: Retention): AsyncGenerator<number> {
  for (let after = 0; !broker.stopping;) {
    const holder = nextHolder(broker.rows, after, inputsBefore ?? -1, jobId);
    if (holder === undefined) return;
    yield holder;
    after = holder;
    await turn();
  }
}

/** Input files that no other job and no kept result needs. */
async function countAllInputs(broker: Broker, order: Order, sums: Sums): Promise<void> {
  const holders: number[] = [];
  for await (const holder of holdersOf(broker, order)) holders.push(holder);
  for (const holder of holders) {
    for (let after = 0; ;) {
      const slice = countInputs(broker.rows, order, order.usedBefore, holders, holder, after, counted);
      for (const { bytes, goes, isLater } of slice)
        if (goes === 1) add(isLater === 1 ? sums.later : sums.inputs, { files: 1, bytes });
      if (slice.length < counted) break;
      after = slice.at(-1)?.blobId ?? after;
      // oxlint-disable-next-line no-await-in-loop -- others have their turn in between
      await turn();
    }
  }
}

/** Lets input files go: first all jobs that lose theirs are marked, so that none of them keeps what another has too. */
async function letInputs(
  broker: Broker,
  order: Order,
  removeFreed: (ids: readonly number[]) => Promise<void>,
): Promise<void> {
  const marked: number[] = [];
  for await (const holder of holdersOf(broker, order)) {
    // A job that was requeued meanwhile keeps all.
    const isMarked = await broker.writer.write((tx) => {
      if (nextHolder(tx, holder - 1, order.inputsBefore ?? -1, order.jobId) !== holder) return false;
      markInputsCleaned(tx, holder);
      return true;
    });
    if (isMarked) marked.push(holder);
  }
  for (const holder of marked) {
    for (let after = 0; !broker.stopping;) {
      const from = after;
      // oxlint-disable-next-line no-await-in-loop -- slices follow one another
      const ids = await broker.writer.write((tx) => letInputsGo(tx, holder, from, sliceRows));
      // oxlint-disable-next-line no-await-in-loop -- see above
      await removeFreed(ids);
      if (ids.length < sliceRows) break;
      after = ids.at(-1) ?? after;
    }
  }
}

/** Rows first, then bytes; never a blob that somebody stores or began to use at this moment. */
async function removeBlobs(
  broker: Broker,
  blobs: readonly Unneeded[],
  usedBefore: number | null,
  sumOf: (id: number) => Tally,
): Promise<void> {
  if (blobs.length === 0) return;
  const ids = new Map(blobs.map(({ sha256, id }) => [sha256, id]));
  await broker.guard.removing([...ids.keys()], async (free) => {
    const chosen = free.map((sha256) => ids.get(sha256) as number);
    const gone = await broker.writer.write((tx) => deleteUnneeded(tx, chosen, usedBefore));
    await broker.blobs.delete(gone.map(({ sha256 }) => sha256));
    for (const { id, bytes, isHere } of gone) if (isHere === 1) add(sumOf(id), { files: 1, bytes });
  });
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

type Stored = Awaited<ReturnType<Broker["blobs"]["list"]>>;

/** Every page of stored objects that are old enough to go. */
async function eachStray(
  broker: Broker,
  before: number,
  look: (old: Stored) => Promise<void> | void,
): Promise<void> {
  for (let after: string | null = null; ;) {
    // oxlint-disable no-await-in-loop -- page after page
    const page: Stored = await broker.blobs.list(after, listed);
    await look(page.filter(({ storedAt }) => storedAt < before));
    // oxlint-enable no-await-in-loop
    if (page.length < listed || broker.stopping) return;
    after = page.at(-1)?.sha256 ?? null;
  }
}

/** Stored objects without a row: the broker died between the two. */
async function removeStrays(broker: Broker, old: Stored, sum: Tally): Promise<void> {
  await broker.guard.removing(
    old.map(({ sha256 }) => sha256),
    async (free) => {
      // By the writer: what was committed a moment ago counts.
      const strays = await broker.writer.write((tx) =>
        missingPlaces(tx, free).map((place) => free[place] as string),
      );
      await broker.blobs.delete(strays);
      const gone = new Set(strays);
      for (const { sha256, bytes } of old) if (gone.has(sha256)) add(sum, { files: 1, bytes });
    },
  );
}
