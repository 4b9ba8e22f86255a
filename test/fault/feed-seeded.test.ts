// Whatever happens to the network, the broker and its history: who follows the feed ends equal to a fresh snapshot. A run
// that fails prints its seed; FAULT_SEED=<seed> runs it again.
import { test } from "vitest";
import { startFeedChaos } from "../support/feed-chaos.ts";

const fresh = Array.from({ length: 4 }, () => Math.floor(Math.random() * 2 ** 31));
const asked = process.env["FAULT_SEED"];
const seeds = asked === undefined ? [1, 2, 3, 4, ...fresh] : [Number(asked)];

test.each(seeds)(
  "feed faults (drop, duplicate, reorder by the network, prune, restart, restore) with the seed %i",
  async (seed) => {
    const chaos = await startFeedChaos(seed);
    try {
      for (let round = 0; round < 6; round++) {
        // oxlint-disable no-await-in-loop -- one step after the other
        for (let step = 0; step < 40; step++) await chaos.step();
        await chaos.compare();
        // oxlint-enable no-await-in-loop
      }
    } catch (error) {
      console.error(`FAULT_SEED=${seed}; the last of ${chaos.diary.length} things that happened:`);
      console.error(chaos.diary.slice(-40).join("\n"));
      throw error;
    } finally {
      await chaos.end();
    }
  },
  60_000,
);
