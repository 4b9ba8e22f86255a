// Tests how a client knows the broker's time.
import { expect, it } from "vitest";
import { createBrokerClock } from "./broker-clock.ts";

const day = Date.UTC(2026, 0, 1);
const hour = 3_600_000;
const told = (ms: number): string => new Date(ms).toISOString();

it("tells this machine's time before the broker said anything, and where nothing can be read", () => {
  const clock = createBrokerClock(() => day);
  expect(clock.now()).toBe(day);
  clock.hear(null);
  clock.hear(undefined);
  clock.hear("soon");
  expect(clock.now()).toBe(day);
});

it("tells the broker's time on a machine that is hours ahead, or behind", () => {
  for (const wrong of [-3 * hour, 5 * hour]) {
    let now = day + wrong;
    const clock = createBrokerClock(() => now);
    clock.hear(told(day));
    now += 60_000;
    expect(clock.now()).toBe(day + 60_000);
  }
});

it("takes the date of HTTP, and leaves a difference that does not show alone", () => {
  const clock = createBrokerClock(() => day + 2900);
  clock.hear("Thu, 01 Jan 2026 00:00:00 GMT");
  expect(clock.now()).toBe(day + 2900);
  const far = createBrokerClock(() => day);
  far.hear("Thu, 01 Jan 2026 01:00:00 GMT");
  expect(far.now()).toBe(day + hour);
});

it("is not led astray by a message that was long on its way", () => {
  let now = day;
  const clock = createBrokerClock(() => now);
  clock.hear(told(day + hour));
  now += 40_000;
  clock.hear(told(day + hour));
  expect(clock.now()).toBe(day + hour + 40_000);
});

it("follows when somebody sets this machine's clock", () => {
  let now = day;
  const clock = createBrokerClock(() => now);
  clock.hear(told(day));
  now += hour;
  for (let tick = 0; tick < 4; tick++) clock.hear(told(day));
  expect(clock.now()).toBe(day);
});
