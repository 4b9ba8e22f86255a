// The broker's clock as a client knows it: all moments are told by it, and a desk whose own clock is wrong must not call a
// fresh job three hours old.

/** A program speaks with one broker, and has one of these. */
export interface BrokerClock {
  /** Takes the time that the broker told in a message that comes in now (RFC 3339, or as HTTP's `date`); anything else is left aside. */
  readonly hear: (at: string | null | undefined) => void;
  /** The broker's time, ms since 1970; that of this machine before anything was heard. */
  readonly now: () => number;
}

/** So many of the newest are weighed. */
const weighed = 4;
/** A difference that does not show, ms: HTTP tells whole seconds, and messages take a while. */
const unseenMs = 3000;

/** Knows nothing yet. `own` is this machine's clock, ms since 1970. */
export function createBrokerClock(own: () => number = Date.now): BrokerClock {
  let ahead: number[] = [];
  return {
    hear(at) {
      const told = Date.parse(at ?? "");
      if (!Number.isNaN(told)) ahead = [...ahead, told - own()].slice(-weighed);
    },
    now() {
      // A message that was long on its way tells a time that is past, never one to come: the largest is the nearest.
      const most = Math.max(...ahead);
      return own() + (Number.isFinite(most) && Math.abs(most) > unseenMs ? most : 0);
    },
  };
}

/** The clock of the broker that this program speaks with. */
export const brokerClock = createBrokerClock();
