// How often the feed speaks, how much it holds for a slow reader, and how long it remembers.

export interface FeedLimits {
  /** Ticks and pings, ms. */
  tickMs: number;
  /** Bytes that may wait for one reader for `slowMs`, and those that may never wait. */
  softBytes: number;
  slowMs: number;
  hardBytes: number;
  /** Progress of one task, and the length of one log, are told to one reader at most so often, ms. */
  coalesceMs: number;
  /** After a round to all readers it rests so many times as long as the round took, at most `restMs`. */
  restFactor: number;
  restMs: number;
  maxReaders: number;
  /** Events older than this go, days; `retention.eventDays` in tally.yaml. */
  eventDays: number;
  /** Events beyond so many newest ones go; `retention.eventRows` in tally.yaml. */
  eventRows: number;
}

export const defaultFeedLimits: FeedLimits = {
  tickMs: 15_000,
  softBytes: 1024 * 1024,
  slowMs: 10_000,
  hardBytes: 8 * 1024 * 1024,
  coalesceMs: 100,
  restFactor: 4,
  restMs: 50,
  maxReaders: 2000,
  eventDays: 7,
  eventRows: 1_000_000,
};
