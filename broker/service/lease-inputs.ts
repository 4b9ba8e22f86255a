// What the steps before made: the inputs of a step that depends on them.
import { Problem } from "../contract/problem.ts";
import { resultsThatCount, stepsBefore } from "../store/artifacts.ts";
import { getLease } from "../store/leases.ts";
import type { Broker } from "./broker.ts";
import { factsOf } from "./offer.ts";
import { lost } from "./report-lease.ts";
import { cursorNumber } from "./paging.ts";

interface LeaseInput {
  name: string;
  sha256: string;
  bytes: number;
  executable?: true;
}

/**
 * A page of the results that the step of a lease reads. Throws `busy` while one is on its way into the store, `cleaned`
 * when the bytes of one are gone.
 */
export function listLeaseInputs(
  broker: Broker,
  leaseId: number,
  { after, limit }: { after?: string | undefined; limit: number },
): { items: LeaseInput[]; next: string | null } {
  const lease = getLease(broker.rows, leaseId);
  if (!lease) throw lost();
  const { jobId } = factsOf(broker, broker.rows, lease.stepId);
  const steps = stepsBefore(broker.rows, lease.stepId);
  const files = resultsThatCount(broker.rows, jobId, steps, cursorNumber(after) ?? 0, limit);
  for (const { step, name, staged, stored } of files) {
    if (stored === 1) continue;
    if (staged !== "")
      throw new Problem("busy", `The result ${name} is still on its way into the store. Ask again.`);
    throw new Problem(
      "cleaned",
      `The result ${name} of the step ${step} is no longer kept. Render that step again: tally requeue ${jobId} --step ${step}`,
    );
  }
  const items = files.map(({ name, sha256, bytes, executable }) => ({
    name,
    sha256,
    bytes,
    ...(executable === 1 && { executable: true as const }),
  }));
  return { items, next: files.length === limit ? String(files.at(-1)?.id) : null };
}
