// Agents that outlive a broker which was killed: the next broker takes charge of them, and without one they still leave.
import { readFileSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "./agent-support.ts";
import { createDesk, type Desk } from "./cli-support.ts";

const template = `
specificationVersion: jobtemplate-2023-09
name: long
steps:
  - name: Sleep
    script:
      actions:
        onRun: { command: sleep, args: ["300"] }
`;

let desk: Desk;
beforeEach(async () => {
  desk = await createDesk();
});
afterEach(() => desk.close());

/** Process numbers of the agents of this data folder. */
async function agents(): Promise<number[]> {
  const found = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    found.map(async (pid) => [pid, await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")] as const),
  );
  return lines
    .filter(([, line]) => line.includes(join(desk.dataFolder, "blobs")))
    .map(([pid]) => Number(pid));
}

async function killBrokerInMidFrame(): Promise<number> {
  await writeFile(join(desk.folder, "long.yaml"), template);
  await desk.tally("submit", "long.yaml");
  await until("the task runs", async () => /running/.test((await desk.tally("show")).out) || undefined);
  const pid = await desk.brokerPid();
  process.kill(pid, "SIGKILL");
  await until("the broker is gone", () => (isThere(pid) ? undefined : true));
  const [agent] = await agents();
  if (agent === undefined) throw new Error("no agent outlived the broker");
  return agent;
}

function isThere(pid: number): boolean {
  try {
    // A process that nobody has waited for yet is gone all the same.
    return !/^\S+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

test("an agent that outlives a killed broker belongs to the next one: tally stop ends it too (Linux only)", async () => {
  const agent = await killBrokerInMidFrame();
  const serving = desk.start("serve");
  await serving.printed(/Tally is running/);
  expect(isThere(agent)).toBe(true);
  await desk.tally("stop");
  await serving.ended;
  expect(isThere(agent)).toBe(false);
});

test("SIGTERM ends an agent whose broker is gone, with its frame in hand (Linux only)", async () => {
  const agent = await killBrokerInMidFrame();
  process.kill(agent, "SIGTERM");
  await until("the agent is gone", () => (isThere(agent) ? undefined : true));
  const serving = desk.start("serve");
  await serving.printed(/Tally is running/);
  await until("the frame is given out again", async () =>
    /running/.test((await desk.tally("show")).out) ? true : undefined,
  );
});
