// Sends what an agent that ended before its reports arrived has left on the disk.
import type { Client } from "../../broker/contract/client.ts";
import { createLeaseLog } from "./lease-log.ts";
import { sendReport } from "./reporter.ts";
import { adoptSpool, type Spool } from "./spool.ts";

/** Replays the spools of agents that are no longer alive, oldest first. What the broker no longer wants is dropped. */
export async function replaySpool(
  client: Client,
  work: string,
  own: Spool,
  signal: AbortSignal,
): Promise<void> {
  for (const { lease, logFile, done: finished } of adoptSpool(work, own)) {
    const { leaseId, token } = lease;
    const log = createLeaseLog({ client, leaseId, token, signal }, logFile);
    await log.flush();
    let outcome: Awaited<ReturnType<typeof sendReport>> = "lost";
    for (const [index, report] of lease.reports.entries()) {
      // That agent is gone: with its last word the rest of its lease goes back, and the next one is not for it.
      const done = index === lease.reports.length - 1;
      outcome = await sendReport(client, leaseId, { ...report, done, next: false }, signal);
      if (typeof outcome === "string") break;
    }
    log.close(outcome === "given-up");
    if (outcome !== "given-up") finished();
  }
}
