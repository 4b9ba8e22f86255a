// Sends the reports of one lease: in order, several at once, again until the broker has them, and last the end of the lease.
import type { Client } from "../../broker/contract/client.ts";
import type { Lease, Report, ReportInput, ReportItem } from "../../broker/contract/worker.ts";
import { createBackoff, hasCode, isPassing, REQUEST_LIMIT_MS } from "./backoff.ts";
import type { LeaseLog } from "./lease-log.ts";
import type { Spool } from "./spool.ts";

const MAX_ITEMS = 5000;
/** A report is no longer than the broker takes: so many files, unless one task alone has more. */
const MAX_FILES = 5000;

export interface ReporterOptions {
  client: Client;
  spool: Spool;
  lease: Pick<Lease, "leaseId" | "token">;
  log: LeaseLog;
  /** The broker no longer knows this lease: stop the work at once. */
  onLost: () => void;
  /** Aborted when this worker gives up on the broker. */
  signal: AbortSignal;
  /** The broker was reached. */
  onContact: () => void;
  /** The broker has these words of how tasks ended, and knows their files. */
  onAccepted: (items: readonly ReportItem[]) => void;
}

export type LeaseEnd = { next: Lease | null } | "lost" | "given-up";

export interface Reporter {
  add(...items: ReportItem[]): void;
  /** Everything is said: the lease ends once all is sent. `next`: the answer may bring another one. */
  finish(next: boolean): Promise<LeaseEnd>;
  /** Whether the broker refused this lease. */
  readonly lost: boolean;
}

/** Starts the reports of a lease with number 1. */
export function createReporter(options: ReporterOptions): Reporter {
  const { client, spool, lease, log, signal } = options;
  let items: ReportItem[] = [];
  let last: { next: boolean } | undefined;
  let seq = 1;
  let lost = false;
  let loop: Promise<void> | undefined;
  const end = Promise.withResolvers<LeaseEnd>();
  let sending: Report | undefined;
  let disk: Promise<void> = Promise.resolve();

  /** Steps on the disk follow one another; one that fails costs a replay, not the work. */
  function onDisk(step: () => Promise<void> | void): Promise<void> {
    disk = disk.then(step).catch(() => {});
    return disk;
  }

  /** Keeps what the broker has not acknowledged: the report under way, and the verdicts that wait behind it. */
  function keepUnsent(): Promise<void> {
    return onDisk(() => {
      const reports = sending ? [sending] : [];
      if (items.some(isVerdict))
        reports.push({
          token: lease.token,
          seq: (sending?.seq ?? seq - 1) + 1,
          items: [...items],
          done: false,
          next: false,
        });
      return reports.length > 0 ? spool.keep({ ...lease, reports }) : undefined;
    });
  }

  function wake(): void {
    loop ??= work().finally(() => {
      loop = undefined;
      if (!lost && !signal.aborted && (items.length > 0 || last !== undefined)) wake();
    });
  }

  async function work(): Promise<void> {
    while (items.length > 0 || last !== undefined) {
      const batch = items.splice(0, batchLength(items));
      const finishing = items.length === 0 ? last : undefined;
      const closing = batch.some((item) => item.type !== "started");
      const report: Report = {
        token: lease.token,
        seq,
        items: batch,
        done: finishing !== undefined,
        next: finishing?.next ?? false,
      };
      // The log first: what a closed frame points to must be there. Both only cost time where there is something.
      sending = report;
      const kept = batch.some(isVerdict) ? keepUnsent() : undefined;
      if (closing || finishing !== undefined) await log.flush().catch(() => {});
      await kept;
      const answer = await send(report);
      sending = undefined;
      if (answer === undefined) return;
      options.onAccepted(batch.filter(({ type }) => type !== "started"));
      // What waits is kept again before it is sent.
      if (!items.some(isVerdict)) void onDisk(() => spool.forget(lease.leaseId));
      seq = answer.seq + 1;
      if (finishing === undefined) continue;
      last = undefined;
      end.resolve({ next: answer.next });
      return;
    }
  }

  async function send(report: Report): Promise<{ seq: number; next: Lease | null } | undefined> {
    const outcome = await sendReport(client, lease.leaseId, report, signal);
    if (outcome === "lost") {
      lost = true;
      items = [];
      last = undefined;
      void onDisk(() => spool.forget(lease.leaseId));
      end.resolve("lost");
      options.onLost();
      return undefined;
    }
    if (outcome === "given-up") {
      end.resolve("given-up");
      return undefined;
    }
    options.onContact();
    return outcome;
  }

  return {
    add(...more) {
      if (lost || more.length === 0) return;
      items.push(...more);
      if (sending && more.some(isVerdict)) void keepUnsent();
      wake();
    },
    finish(next) {
      if (!lost) {
        last = { next };
        wake();
      }
      return end.promise;
    },
    get lost() {
      return lost;
    },
  };
}

function batchLength(items: readonly ReportItem[]): number {
  let files = 0;
  let count = 0;
  for (const item of items.slice(0, MAX_ITEMS)) {
    files += "files" in item ? item.files.length : 0;
    if (count > 0 && files > MAX_FILES) break;
    count += 1;
  }
  return count;
}

function isVerdict(item: ReportItem): boolean {
  return item.type === "succeeded" || item.type === "failed";
}

/** Sends one report until the broker has it. It mends its number, and what the broker finds invalid becomes a failure. */
export async function sendReport(
  client: Client,
  leaseId: string,
  report: ReportInput,
  signal: AbortSignal,
): Promise<{ seq: number; next: Lease | null } | "lost" | "given-up"> {
  const backoff = createBackoff();
  let body = report;
  let mended = 0;
  for (;;) {
    try {
      return await client.call<{ seq: number; next: Lease | null }>("post", `/v1/leases/${leaseId}/reports`, {
        body,
        signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_LIMIT_MS)]),
      });
    } catch (error) {
      if (signal.aborted) return "given-up";
      if (hasCode(error, "sequence-gap") && error.body.expected !== undefined && mended < 3) {
        // Reports that only said "started" are not kept on disk: the numbers close up.
        mended += 1;
        body = { ...body, seq: error.body.expected };
      } else if (hasCode(error, "invalid", "malformed", "too-large", "missing-blobs") && mended < 3) {
        mended += 1;
        body = { ...body, items: body.items.map((item) => asFailure(item, error.message)) };
      } else if (isPassing(error)) {
        await backoff.wait(signal).catch(() => {});
      } else {
        // lease-lost, and any other refusal: this worker may say nothing about these frames any more.
        return "lost";
      }
    }
  }
}

function asFailure(item: ReportInput["items"][number], detail: string): ReportInput["items"][number] {
  // What was kept of a task that failed anyway is not worth its verdict.
  if (item.type === "failed" || item.type === "canceled") return { ...item, files: [] };
  if (item.type !== "succeeded") return item;
  const { ordinal, logOffset, seconds } = item;
  const reason = `The broker did not accept the result of this frame: ${detail}`.slice(0, 4000);
  return { type: "failed", ordinal, logOffset, seconds, failureClass: "config", reason };
}
