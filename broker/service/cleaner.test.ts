// When retention is looked after by itself.
import { expect, test } from "vitest";
import { createFakeClock } from "../../test/support/fake-clock.ts";
import { testBroker } from "../../test/support/start-broker.ts";
import { createCleaner } from "./cleaner.ts";

test("a broker that stops while it cleans goes on with that when it is back, not a day later", async () => {
  const clock = createFakeClock();
  const { broker } = await testBroker({ clock });
  let cleaned = 0;
  const life = async (isCutShort: boolean) => {
    const alive = { ...broker, stopping: false };
    const cleaner = createCleaner(
      alive,
      { everyHours: 24, deliveredDays: 1, inputDays: 1 },
      () => {
        cleaned++;
        alive.stopping = isCutShort;
      },
      (error) => expect.unreachable(String(error)),
    );
    await cleaner.look();
    await cleaner.stop();
  };
  await life(false);
  clock.advance(25 * 3_600_000);
  await life(true);
  expect(cleaned).toBe(1);
  await life(false);
  expect(cleaned).toBe(2);
  await life(false);
  expect(cleaned).toBe(2);
});
