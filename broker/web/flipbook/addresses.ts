// Addresses from which the page may fetch bytes by their hash: asked for together, kept as long as they are good.
import { brokerClock } from "../../contract/broker-clock.ts";
import type { Answer } from "../../contract/client.ts";

export interface Addresses {
  /** Where to fetch these bytes; null when the broker does not have them any more. Throws what the client throws. */
  of(sha256: string): Promise<string | null>;
}

type Sign = (sha256s: string[]) => Promise<Answer<"signDownloads">>;

/** An address is asked for anew so long before it ends, ms. */
const marginMs = 60_000;

/** `maxBlobsSigned` of the contract, which is not imported because it would bring its library along. */
const askedTogether = 1000;

/** Addresses of one broker. */
export function createAddresses(sign: Sign, now: () => number = brokerClock.now): Addresses {
  const known = new Map<string, { url: string; until: number }>();
  const pending = new Map<string, PromiseWithResolvers<string | null>>();

  async function ask(): Promise<void> {
    const all = [...pending];
    pending.clear();
    // A page that is open for weeks shows many pictures.
    for (const [sha256, { until }] of known) if (until <= now()) known.delete(sha256);
    for (let at = 0; at < all.length; at += askedTogether) {
      const some = all.slice(at, at + askedTogether);
      try {
        // oxlint-disable-next-line no-await-in-loop -- no more than one question at a time
        const { downloads } = await sign(some.map(([sha256]) => sha256));
        for (const [index, [sha256, waiting]] of some.entries()) {
          const found = downloads[index];
          if (found)
            known.set(sha256, { url: found.get.url, until: Date.parse(found.get.expiresAt) - marginMs });
          waiting.resolve(found ? found.get.url : null);
        }
      } catch (error) {
        for (const [, waiting] of some) waiting.reject(error);
      }
    }
  }

  return {
    of(sha256) {
      const kept = known.get(sha256);
      if (kept && kept.until > now()) return Promise.resolve(kept.url);
      const asked = pending.get(sha256);
      if (asked) return asked.promise;
      const waiting = Promise.withResolvers<string | null>();
      // What is asked for in the same moment goes together.
      if (pending.size === 0) queueMicrotask(() => void ask());
      pending.set(sha256, waiting);
      return waiting.promise;
    },
  };
}
