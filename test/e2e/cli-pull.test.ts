// `tally pull`: frames come home from a broker elsewhere, whole, once, and what is missing is said.
import { existsSync } from "node:fs";
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Artifact } from "../../broker/contract/attempt.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { until } from "./agent-support.ts";
import type { Desk } from "./cli-support.ts";
import { createFarDesk, type FarDesk } from "./far-desk.ts";

let far: FarDesk;
let artist: Desk;

beforeAll(async () => {
  far = await createFarDesk();
  artist = far.artist;
  await far.agent();
});
afterAll(() => far.close());

/** Draws frames into a folder of the artist's; answers the job's number. */
async function draw(folder: string, frames = "1-4", ...more: string[]): Promise<number> {
  const output = join(artist.folder, folder, "a_####.svg");
  const { out, err } = await artist.tally(
    "submit",
    "--template",
    "generic-sample",
    "--frames",
    frames,
    "-o",
    output,
    ...more,
  );
  const number = Number(/^Job (\d+):/m.exec(out)?.[1]);
  expect(number, out + err).toBeGreaterThan(0);
  return number;
}

const at = (...names: string[]) => join(artist.folder, ...names);
const artifacts = async (job: number) =>
  (await far.client.call<{ items: Artifact[] }>("get", `/v1/jobs/${job}/artifacts`)).items;

describe("a job whose frames wait", () => {
  let job: number;
  beforeAll(async () => {
    job = await draw("wait");
    const { out, code } = await artist.tally("watch", String(job));
    expect(out).toMatch(/is rendered: 4 frames.* 4 files wait for you: tally pull \d+/);
    expect(code).toBe(0);
    expect(existsSync(at("wait"))).toBe(false);
  });

  test("--filter and --frames bring some, and say only what is missing of those", async () => {
    const one = await artist.tally("pull", String(job), "--frames", "2");
    expect(one.out).toContain(`Job ${job}: 1 file (`);
    expect(await readdir(at("wait"))).toEqual(["a_0002.svg"]);
    expect(one.code).toBe(0);
    const none = await artist.tally("pull", String(job), "--filter", "*.exr");
    expect(none.out).toContain("has no files that were asked for");
    await artist.tally("pull", String(job), "--filter", "a_000[34].*");
    expect(await readdir(at("wait"))).toEqual(["a_0002.svg", "a_0003.svg", "a_0004.svg"]);
  });

  test("all come home, and the broker knows it; what lies there is not fetched again", async () => {
    const before = (await stat(at("wait/a_0002.svg"))).ino;
    const { out, code } = await artist.tally("pull", String(job));
    expect(out).toMatch(
      new RegExp(`^Job ${job}: 4 files \\(.*\\) are home in ${at("wait")}; 3 had been there already\n$`),
    );
    expect(code).toBe(0);
    expect((await stat(at("wait/a_0002.svg"))).ino).toBe(before);
    expect((await artifacts(job)).every(({ deliveredAt }) => deliveredAt !== null)).toBe(true);
    expect(await readdir(at("wait"))).toHaveLength(4);
    expect((await artist.tally("watch", String(job))).out).toContain(`They are in ${at("wait")}`);
  });

  test("a file that was lost at home comes again; one that somebody changed stays, unless told otherwise", async () => {
    await rm(at("wait/a_0001.svg"));
    await writeFile(at("wait/a_0002.svg"), "painted over");
    const { out } = await artist.tally("pull", String(job));
    expect(out).toContain("1 file already there was kept. To replace: tally pull");
    expect(existsSync(at("wait/a_0001.svg"))).toBe(true);
    expect(await readFile(at("wait/a_0002.svg"), "utf8")).toBe("painted over");
    await artist.tally("pull", String(job), "--overwrite");
    expect(await readFile(at("wait/a_0002.svg"), "utf8")).toContain("<svg");
  });

  test("--to brings them elsewhere, several jobs at once, and home is not touched", async () => {
    const other = await draw("other", "5");
    await artist.tally("watch", String(other));
    const { out, code } = await artist.tally("pull", String(job), `#${other}`, "--to", "copy", "--json");
    expect(code).toBe(0);
    expect(await readdir(at("copy"))).toEqual([1, 2, 3, 4, 5].map((frame) => `a_000${frame}.svg`));
    const ends = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { kind: string; complete?: unknown });
    expect(ends.filter(({ kind }) => kind === "file")).toHaveLength(5);
    expect(ends.filter(({ kind }) => kind === "end")).toHaveLength(2);
    expect((await artifacts(other))[0]?.deliveredAt).toBe(null);
    expect(existsSync(at("other"))).toBe(false);
  });

  test("--zip writes one whole file, or none", async () => {
    const { out, code } = await artist.tally("pull", String(job), "--zip", "all.zip");
    expect(out).toMatch(new RegExp(`^The results of job ${job} are in ${at("all.zip")} \\(.*\\)\\.\n$`));
    expect(code).toBe(0);
    const bytes = await readFile(at("all.zip"));
    expect(bytes.includes("manifest.json")).toBe(true);
    expect(bytes.includes("a_0004.svg")).toBe(true);
    expect((await artist.tally("pull", String(job), "--zip", "copy")).err).toContain(
      "is a folder. Give the zip a name",
    );
    expect((await readdir(artist.folder)).filter((name) => name.includes(".tmp"))).toEqual([]);
  });

  test("mistakes in a sentence", async () => {
    const wrong = async (...args: string[]) => (await artist.tally("pull", ...args)).err;
    expect(await wrong("twelve")).toContain('"twelve" is no job number');
    expect(await wrong("--zip", "a.zip", "--to", "b")).toContain("--zip and --to do not go together");
    expect(await wrong("--overwrite", "--skip")).toContain("opposite things");
    expect(await wrong("9999")).toMatch(/9999/);
  });
});

test("submit --wait brings every frame as it finishes", async () => {
  const output = at("wait-home", "####.svg");
  const { out, code } = await artist.tally(
    "submit",
    "--template",
    "generic-sample",
    "--frames",
    "1-3",
    "-o",
    output,
    "--wait",
  );
  expect(out).toMatch(/frame 3\/3 +\d\.\d s +…\/wait-home\/0003\.svg/);
  expect(out).toMatch(/Job \d+ is done: 3 frames.* They are in .*wait-home/);
  expect(code).toBe(0);
  expect(await readdir(at("wait-home"))).toEqual(["0001.svg", "0002.svg", "0003.svg"]);
});

test("--follow waits for the frames to come; frames that failed are named, and the exit code is 1", async () => {
  await writeFile(
    at("half.yaml"),
    `specificationVersion: jobtemplate-2023-09
name: Half
parameterDefinitions:
  - { name: Out, type: PATH, objectType: DIRECTORY, dataFlow: OUT }
steps:
  - name: Make
    parameterSpace: { taskParameterDefinitions: [{ name: Frame, type: INT, range: "1-4" }] }
    script:
      actions:
        onRun:
          command: sh
          args: ["-ec", 'echo "$1" > "$2/$1.txt"; test "$1" != 3', sh, "{{Task.Param.Frame}}", "{{Param.Out}}"]
`,
  );
  await artist.tally("submit", "half.yaml", "-p", "Out=half", "--retries", "0", "--paused");
  const following = artist.start("pull", "--follow");
  await artist.tally("resume");
  const { out, code } = await following.ended;
  expect(out).toMatch(/3 files \(.*\) are home in .*half/);
  expect(out).toMatch(
    /Job \d+ is not complete:\n {2}1 frame \(3\) failed or canceled\n {2}Render them again: tally requeue \d+ --failed\n/,
  );
  expect(code).toBe(1);
  expect((await readdir(at("half"))).toSorted()).toEqual(["1.txt", "2.txt", "4.txt"]);
  // What the failed try left is kept, and comes only when it is asked for.
  const partial = await artist.tally("pull", "--partial", "--to", "left");
  expect(partial.code).toBe(1);
  expect(await readdir(at("left"))).toContain("3.txt");
});

test("Ctrl-C and a broken line leave nothing half written, and typed again it goes on", async () => {
  const job = await draw("cut", "1-3");
  await artist.tally("watch", String(job));
  const proxy = await startFaultProxy(far.client.url);
  const desk = await far.artistAt(proxy.url);
  const hold = Promise.withResolvers<void>();
  let fetches = 0;
  // The first file passes, the second hangs.
  proxy.onRequest(({ path }) =>
    /^\/(signed|v1\/packs\/read)/.test(path) && ++fetches > 1 ? { until: hold.promise } : undefined,
  );
  const running = desk.start("pull", String(job));
  await until("one file is home and another hangs", () => fetches > 1 && existsSync(at("cut")));
  running.signal("SIGINT");
  const stopped = await running.ended;
  expect(stopped.code).toBe(130);
  expect(stopped.err).toContain("Stopped. Type the same command again: it goes on where it stopped.");
  const left = (await readdir(at("cut"))).filter((name) => name.endsWith(".svg"));
  expect(left.length).toBeLessThan(3);
  for (const name of left) expect(await readFile(at("cut", name), "utf8")).toMatch(/<\/svg>\n$/);
  hold.resolve();
  proxy.onRequest(() => undefined);
  const { code } = await desk.tally("pull", String(job));
  expect(code).toBe(0);
  expect(await readdir(at("cut"))).toEqual(["a_0001.svg", "a_0002.svg", "a_0003.svg"]);
  await proxy.close();
});

test("on the broker's own machine a copy replaces the download, never a hard link", async () => {
  const job = await draw("local", "1-2");
  await artist.tally("watch", String(job));
  const { code, out } = await far.studio.tally("pull", String(job), "--json");
  expect(code).toBe(0);
  expect(out).toContain('"result":"fetched"');
  for (const name of await readdir(at("local"))) expect((await stat(at("local", name))).nlink).toBe(1);
  expect(await readdir(at("local"))).toHaveLength(2);
});
