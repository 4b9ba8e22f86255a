// Previews of any program's pictures, on machines near and far; and what they may never do to a frame.
import { existsSync, readFileSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import type { Artifact } from "../../broker/contract/attempt.ts";
import { runAgent } from "../../container/agent/agent.ts";
import { testCard } from "../page/png.ts";
import { startFarm, until, type Farm } from "./agent-support.ts";

let farm: Farm;
let home: string;
beforeEach(async () => {
  farm = await startFarm();
  home = join(farm.folder, "home");
  await mkdir(home);
  await writeFile(join(farm.folder, "card.png"), testCard(0.5, 1280, 720));
});
afterEach(() => farm.stop());

/** Copies a picture for each frame, and writes a note and something that is called a picture and is none. */
function template(frames: string): object {
  const script = `cp "$2/card.png" "$1/f_000$3.png"; echo note > "$1/note_$3.txt"; echo none > "$1/bad_$3.exr"`;
  const args = ["-euc", script, "sh", "{{Param.Out}}", farm.folder, "{{Task.Param.F}}"];
  return {
    parameterDefinitions: [{ name: "Out", type: "PATH", objectType: "DIRECTORY", dataFlow: "OUT" }],
    steps: [
      {
        name: "S",
        parameterSpace: { taskParameterDefinitions: [{ name: "F", type: "INT", range: frames }] },
        script: { actions: { onRun: { command: "sh", args } } },
      },
    ],
  };
}
const submit = (frames = "1-3") => farm.submit(template(frames), { parameters: { Out: home } });

async function artifacts(number: number): Promise<Artifact[]> {
  const query = { kind: "any", limit: 1000 };
  return (await farm.client.call<{ items: Artifact[] }>("get", `/v1/jobs/${number}/artifacts`, { query }))
    .items;
}
const previews = async (number: number): Promise<Artifact[]> =>
  (await artifacts(number)).filter(({ kind }) => kind === "preview");

/** An agent in this process that, told to finish and leave, makes previews for longer than any test. */
async function agentHere(): Promise<{ ended: Promise<number>; leave: AbortController }> {
  const leave = new AbortController();
  onTestFinished(() => leave.abort());
  const ended = runAgent({
    url: farm.client.url,
    token: await farm.workerToken(),
    work: join(farm.folder, "work-here"),
    pool: "test",
    leave: leave.signal,
    previewsLimitMs: 2 ** 30,
  });
  return { ended, leave };
}

test.each([
  ["that shares the broker's disk", false],
  ["on another machine", true],
])("a worker %s makes one of each picture, and a picture that is none has none", async (_, far) => {
  const agent = await farm.agent({ far });
  const { number } = await submit();
  await farm.jobIn(number, "succeeded");
  const made = await until("there are three", async () => {
    const found = await previews(number);
    return found.length === 3 && found;
  });
  expect(made.map(({ name, ordinal }) => [name, ordinal])).toEqual(
    [0, 1, 2].map((ordinal) => [join(home, `f_000${ordinal + 1}.png`), ordinal]),
  );
  for (const { sha256, bytes } of made) {
    const data = await (await farm.client.raw("get", `/v1/blobs/${sha256}`)).arrayBuffer();
    expect(data.byteLength).toBe(bytes);
    expect(bytes).toBeLessThan(100_000);
    expect(Buffer.from(data).readUInt16BE(0)).toBe(0xffd8);
  }
  await until("the bad one was said", () => agent.said().includes("no preview of"));
  expect((await artifacts(number)).filter(({ kind }) => kind === "file")).toHaveLength(9);
});

test("a preview is never the reason that a frame fails, and never makes the next frame wait: one that hangs", async () => {
  const programs = join(farm.folder, "programs");
  await mkdir(programs);
  const began = join(farm.folder, "began");
  await writeFile(join(programs, "ffmpeg"), `#!/bin/sh\necho $$ > "${began}"\nexec sleep 1000\n`);
  await chmod(join(programs, "ffmpeg"), 0o755);
  const env = { PATH: [programs, process.env["PATH"]].join(delimiter) };
  const agent = await farm.agent({ env });
  const first = await submit("1-2");
  await until("the first preview hangs", () => existsSync(began));
  await farm.jobIn(first.number, "succeeded");
  const second = await submit("1-8");
  const job = await farm.jobIn(second.number, "succeeded");
  expect(job.counts.succeeded).toBe(8);
  expect(await previews(first.number)).toEqual([]);
  const pid = Number(readFileSync(began, "utf8"));
  const isAlive = (): boolean => {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  };
  expect(isAlive()).toBe(true);
  // Whoever stops the worker does not wait for it either, and it is not left behind.
  agent.signal("SIGTERM");
  expect(await agent.ended).toBe(0);
  await until("it was ended too", () => !isAlive());
});

test("a worker that is told to finish and leave brings the previews of its last frames first", async () => {
  const { ended } = await agentHere();
  const { number } = await submit("1-5");
  await farm.jobIn(number, "succeeded");
  const [worker] = await farm.workers();
  await farm.client.call("put", `/v1/workers/${worker?.id}/intent`, { body: { intent: "drain" } });
  expect(await ended).toBe(0);
  expect(await previews(number)).toHaveLength(5);
});

test("one that finishes and leaves, and is told to go now, leaves its previews", async () => {
  const began = join(farm.folder, "began");
  const program = join(farm.folder, "ffmpeg");
  await writeFile(program, `#!/bin/sh\ntouch "${began}"\nexec sleep 1000\n`);
  await chmod(program, 0o755);
  vi.stubEnv("TALLY_FFMPEG", program);
  onTestFinished(() => void vi.unstubAllEnvs());
  const { ended, leave } = await agentHere();
  const { number } = await submit("1-2");
  await farm.jobIn(number, "succeeded");
  await until("the first preview hangs", () => existsSync(began));
  const [worker] = await farm.workers();
  await farm.client.call("put", `/v1/workers/${worker?.id}/intent`, { body: { intent: "drain" } });
  await until("it said goodbye", async () => (await farm.workers()).length === 0);
  leave.abort();
  expect(await ended).toBe(0);
});
