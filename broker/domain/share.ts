// Fair share: how many running seconds each owner had lately, decayed, so that one long job does not starve others.

/** After this long a second of rendering weighs half. */
const halfLifeMs = 10 * 60_000;

export interface Shares {
  /** Adds seconds that an owner's frame ran. */
  add(owner: string, seconds: number, nowMs: number): void;
  /** Decayed seconds of an owner. */
  of(owner: string, nowMs: number): number;
}

/** An empty record of shares; kept in memory, it starts afresh with the broker. */
export function createShares(): Shares {
  const byOwner = new Map<string, { seconds: number; at: number }>();
  const decayed = (entry: { seconds: number; at: number }, nowMs: number) =>
    entry.seconds * 2 ** ((entry.at - nowMs) / halfLifeMs);
  return {
    add(owner, seconds, nowMs) {
      const entry = byOwner.get(owner);
      byOwner.set(owner, { seconds: (entry ? decayed(entry, nowMs) : 0) + seconds, at: nowMs });
    },
    of(owner, nowMs) {
      const entry = byOwner.get(owner);
      return entry ? decayed(entry, nowMs) : 0;
    },
  };
}
