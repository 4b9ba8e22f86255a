// What is tried again, and who hears of it.
import { expect, test } from "vitest";
import { createPatience, StoreError } from "./retry.ts";

test("a storage that stays away is told while it is waited for, not only at the end", async () => {
  const told: string[] = [];
  const patience = createPatience(20_000, (why) => void told.push(why));
  const { signal } = new AbortController();
  let tries = 0;
  const answer = await patience.keep(
    () => {
      tries += 1;
      if (told.length === 0) return Promise.reject(new StoreError(503, "no keys"));
      return Promise.resolve("here");
    },
    { signal },
  );
  expect(answer).toBe("here");
  expect(told).toEqual(["The storage answered 503: no keys"]);
  // What passes at once is nobody's business.
  expect(tries).toBeGreaterThan(2);
});
