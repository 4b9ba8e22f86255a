// How long history is kept is a setting of tally.yaml: by age and by number, and nothing else goes.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { addEvent, newestCursor } from "../../broker/store/events.ts";
import { submit } from "../support/builders.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { openBroker, testBroker, testFolder } from "../support/start-broker.ts";

const dayMs = 86_400_000;

test.each([
  { setting: "eventRows: 1000", gone: 202 },
  { setting: "eventDays: 2.5", gone: 2 },
  { setting: "eventDays: 1", gone: 1201 },
  { setting: "eventRows: 1500", gone: 0 },
])("retention: {$setting} takes $gone of 1202 events", async ({ setting, gone }) => {
  const dataFolder = testFolder();
  const clock = createFakeClock();
  writeFileSync(join(dataFolder, "tally.yaml"), `retention: { ${setting} }\n`);
  const first = await openBroker({ dataFolder, clock });
  const { number } = await submit(first.api);
  const begun = newestCursor(first.broker.reader);
  const write = (count: number) =>
    first.broker.writer.write((tx) => {
      for (let n = 0; n < count; n++)
        addEvent(tx, { kind: "job.changed", jobId: number, data: { priority: n } });
    });
  await write(2 - begun);
  clock.advance(dayMs);
  await write(1200);
  clock.advance(2 * dayMs);
  await first.stop();
  const broker = await testBroker({ dataFolder, clock });
  const after = (cursor: number) => broker.api.raw("listEvents", { query: { after: cursor } });
  // The newest stays whatever its age: cursors go on from there.
  await expect.poll(async () => (await after(gone)).status).toBe(200);
  if (gone > 0) await expect.poll(async () => (await after(gone - 1)).status).toBe(410);
  const [oldest] = (await broker.api.ok("listEvents", { query: { after: gone } })).events;
  expect(oldest?.cursor).toBe(gone + 1);
  expect((await broker.api.ok("getJob", { params: { job: number } })).state).toBe("queued");
});
