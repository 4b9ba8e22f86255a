// Somebody else than the broker brought files home, and says so: a durable fact of each, as when the broker does it.
import { deliveredFile, markDelivered } from "../store/artifacts.ts";
import { addEvent } from "../store/events.ts";
import type { Broker } from "./broker.ts";
import { numberOf } from "./ids.ts";

/** Notes that result files of a job are home, or left out; those that were before, and ids of other jobs, change nothing. */
export function sayDelivered(
  broker: Broker,
  jobId: number,
  { artifacts, leftOut }: { artifacts: readonly string[]; leftOut: readonly string[] },
): Promise<void> {
  const home = new Set(artifacts);
  return broker.writer.write((tx) => {
    for (const id of new Set([...home, ...leftOut])) {
      const number = numberOf("artifact", id);
      const file = number === undefined ? undefined : deliveredFile(tx, jobId, number);
      if (!file) continue;
      const { step, ordinal: first, name, bytes, seconds, worker } = file;
      const isHome = home.has(id);
      // What was left out may come home after all.
      if (file.deliveredAt !== null && !(isHome && file.problem !== null)) continue;
      markDelivered(tx, file.id, jobId, isHome ? null : `${name} was there already and was kept.`);
      addEvent(tx, {
        kind: "artifact.delivered",
        jobId,
        step,
        first,
        state: isHome ? "delivered" : "skipped",
        data: { name, bytes, seconds, worker },
      });
    }
  });
}
