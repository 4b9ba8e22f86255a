// Launches of a broker that died: those without a living worker are closed at start, their tokens with them.
import type { Broker } from "./broker.ts";

/** Closes launches that never became a worker, or whose worker is gone. A living agent keeps its token and comes back. */
export function closeStaleLaunches(broker: Broker): Promise<number> {
  return broker.writer.write((tx) => {
    const stale =
      "ended_at IS NULL AND NOT EXISTS (SELECT 1 FROM workers w WHERE w.launch_id = launches.id AND w.ended_at IS NULL)";
    tx.run(
      `UPDATE tokens SET revoked_at = ? WHERE id IN (SELECT token_id FROM launches WHERE ${stale})`,
      tx.now,
    );
    return tx.run(
      `UPDATE launches SET ended_at = ?, reason = 'the broker was restarted' WHERE ${stale}`,
      tx.now,
    ).changes;
  });
}
