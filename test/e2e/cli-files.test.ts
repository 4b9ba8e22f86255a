// Files in, frames home, typed: an artist's machine, a broker elsewhere, and a worker that shares no folder with them.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Upload } from "../../broker/contract/blob.ts";
import type { Job } from "../../broker/contract/job.ts";
import type { Cleaned } from "../../broker/contract/system.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { until } from "./agent-support.ts";
import { createDesk, type Desk } from "./cli-support.ts";
import { createFarDesk, type FarDesk } from "./far-desk.ts";

const template = `specificationVersion: jobtemplate-2023-09
name: Copy
parameterDefinitions:
  - { name: Textures, type: PATH, objectType: DIRECTORY, dataFlow: IN }
  - { name: Note, type: PATH, objectType: FILE, dataFlow: IN }
  - { name: Out, type: PATH, objectType: DIRECTORY, dataFlow: OUT }
steps:
  - name: Copy
    script:
      actions:
        onRun:
          command: sh
          args:
            - -ec
            - 'cat "$1"/*.txt "$2" > "$3/all.txt"; find "$1" -type d | wc -l >> "$3/all.txt"; printf "%s" "$1" > "$3/where.txt"'
            - sh
            - "{{Param.Textures}}"
            - "{{Param.Note}}"
            - "{{Param.Out}}"
`;

let far: FarDesk;
let artist: Desk;

beforeAll(async () => {
  far = await createFarDesk();
  artist = far.artist;
  await writeFile(join(artist.folder, "copy.yaml"), template);
});
afterAll(() => far.close());

/** A folder with files and an empty folder, and the arguments that submit it. */
async function makeInputs(name: string, texts: Record<string, string>): Promise<string[]> {
  const folder = join(artist.folder, name);
  await mkdir(join(folder, "tex", "empty"), { recursive: true });
  for (const [file, text] of Object.entries(texts)) await writeFile(join(folder, "tex", file), text);
  await writeFile(join(folder, "note.txt"), `note of ${name}\n`);
  return ["copy.yaml", "-p", `Textures=${name}/tex`, "-p", `Note=${name}/note.txt`, "-p", `Out=${name}/out`];
}

test("what a template reads is sent, what it writes comes home, and nothing lies where the worker could see it", async () => {
  const agent = await far.agent();
  const args = await makeInputs("far", { "a.txt": "a\n", "b.txt": "b\n" });
  const { code, out } = await artist.tally("submit", ...args, "--wait");
  expect(out).toMatch(/Job \d+ is done/);
  expect(code).toBe(0);
  const home = join(artist.folder, "far", "out");
  expect(await readFile(join(home, "all.txt"), "utf8")).toMatch(/^a\nb\nnote of far\n *2\n$/);
  const where = await readFile(join(home, "where.txt"), "utf8");
  expect(where).toContain(`/files${join(artist.folder, "far", "tex")}`);
  await agent.kill();
});

test("what was sent once is not sent again: only the one that changed", async () => {
  const args = await makeInputs("again", { "a.txt": "first\n", "b.txt": "second\n" });
  const measure = async () =>
    JSON.parse((await artist.tally("submit", ...args, "--dry-run", "--json")).out) as Record<string, unknown>;
  expect(await measure()).toMatchObject({ inputFiles: 3, inPlace: false });
  await artist.tally("submit", ...args, "--paused");
  expect(await measure()).toMatchObject({ inputFiles: 3, bytesToSend: 0 });
  await writeFile(join(artist.folder, "again/tex/b.txt"), "another\n");
  expect(await measure()).toMatchObject({ inputFiles: 3, bytesToSend: 8 });
});

test("every problem of the input files at once, in plain words; --allow-missing goes on without", async () => {
  const args = await makeInputs("bad", { "a.txt": "a\n" });
  const tex = join(artist.folder, "bad/tex");
  await symlink("/etc/hostname", join(tex, "outside"));
  await symlink("nowhere", join(tex, "dangling"));
  const refused = await artist.tally("submit", ...args);
  expect(refused.err).toMatch(/^2 input files cannot be sent:\n/);
  expect(refused.err).toMatch(/ {2}.*outside.*\n/);
  expect(refused.err).toMatch(/ {2}.*dangling.*\n/);
  expect(refused.err).toContain("--allow-missing");
  expect(refused.code).toBe(1);
  const taken = await artist.tally("submit", ...args, "--allow-missing", "--paused");
  expect(taken.out).toMatch(/Left out, as --allow-missing says:\n {2}.*dangling.*\n {2}.*outside/);
  expect(taken.code).toBe(0);
});

describe("a slow line", () => {
  test("Ctrl-C in an upload stops at once, makes no job, and says what to do; typed again it goes on", async () => {
    const args = await makeInputs("large", { "a.txt": "a\n" });
    const proxy = await startFaultProxy(far.client.url);
    const desk = await far.artistAt(proxy.url);
    const large = join(artist.folder, "large/tex/large.bin");
    await writeFile(large, "");
    await truncate(large, 40_000_000);
    await writeFile(join(desk.folder, "copy.yaml"), template);
    const far_ = args.map((one) => one.replace("=large", `=${artist.folder}/large`));
    // The third part and those after it hang.
    const hold = Promise.withResolvers<void>();
    let parts = 0;
    proxy.onRequest(({ path }) =>
      path.startsWith("/signed/") && ++parts >= 3 ? { until: hold.promise } : undefined,
    );
    const jobs = async () => (await far.client.call<{ items: Job[] }>("get", "/v1/jobs")).items.length;
    const before = await jobs();
    const running = desk.start("submit", ...far_, "--paused");
    const blob = {
      sha256: createHash("sha256").update(Buffer.alloc(40_000_000)).digest("hex"),
      bytes: 40_000_000,
    };
    await until("two parts are stored and the third hangs", async () => {
      if (parts < 3) return false;
      const upload = await far.client.call<Upload>("post", "/v1/blobs/uploads", { body: blob });
      return upload.kind === "parts" && upload.done.length === 2;
    });
    running.signal("SIGINT");
    const stopped = await running.ended;
    expect(stopped.code).toBe(130);
    expect(stopped.err).toContain("Stopped; nothing was submitted. Type the same command again");
    expect(await jobs()).toBe(before);
    hold.resolve();
    proxy.onRequest(() => undefined);
    const sent = proxy.seen.length;
    expect((await desk.tally("submit", ...far_, "--paused")).code).toBe(0);
    const again = proxy.seen.slice(sent).filter(({ path }) => path.startsWith("/signed/"));
    expect(again.reduce((sum, { bytesUp }) => sum + bytesUp, 0)).toBe(40_000_000 - 2 * 8 * 1_048_576);
    expect(await jobs()).toBe(before + 1);
    await proxy.close();
  });
});

test("files that were cleaned away between question and job are sent again, once, and there is one job", async () => {
  const args = await makeInputs("gone", { "a.txt": "a\n" });
  const proxy = await startFaultProxy(far.client.url);
  const desk = await far.artistAt(proxy.url);
  await writeFile(join(desk.folder, "copy.yaml"), template);
  const body = JSON.stringify({
    code: "missing-blobs",
    status: 409,
    title: "",
    type: "",
    instance: "",
    detail: "Not here.",
  });
  const refusal = { status: 409, headers: { "content-type": "application/problem+json" }, body };
  let refusals = 1;
  let asked = 0;
  proxy.onRequest(({ method, path }) => {
    if (path === "/v1/blobs/missing") asked += 1;
    return method === "POST" && path === "/v1/jobs" && refusals-- > 0 ? { answer: refusal } : undefined;
  });
  const here = args.map((one) => one.replace("=gone", `=${artist.folder}/gone`));
  const { out, code } = await desk.tally("submit", ...here, "--paused");
  expect(out.match(/^Job \d+:/gm)).toHaveLength(1);
  expect(code).toBe(0);
  expect(asked).toBeGreaterThan(2);
  refusals = 10;
  expect((await desk.tally("submit", ...here, "--paused")).err).toContain("Not here.");
  await proxy.close();
});

test("on one machine --in-place reads a template's files where they lie, and what it writes comes home", async () => {
  const desk = await createDesk();
  try {
    await writeFile(join(desk.folder, "copy.yaml"), template);
    await mkdir(join(desk.folder, "tex"));
    await writeFile(join(desk.folder, "tex/a.txt"), "a\n");
    const flags = ["-p", "Textures=tex", "-p", "Note=copy.yaml", "-p", "Out=out", "--wait"];
    const { code } = await desk.tally("submit", "copy.yaml", ...flags, "--in-place");
    expect(code).toBe(0);
    expect(await readFile(join(desk.folder, "out/where.txt"), "utf8")).toBe(join(desk.folder, "tex"));
    // Without the flag the worker gets a copy, here too: the file may change while the job waits.
    expect((await desk.tally("submit", "copy.yaml", ...flags)).code).toBe(0);
    expect(await readFile(join(desk.folder, "out/where.txt"), "utf8")).toContain(`/files${desk.folder}/tex`);
  } finally {
    await desk.close();
  }
});

test("--in-place where nobody could read the files is refused, and starts nothing", async () => {
  const args = await makeInputs("in-place", { "a.txt": "a\n" });
  const { err, code } = await artist.tally("submit", ...args, "--in-place");
  expect(err).toMatch(/--in-place needs the broker of this machine/);
  expect(code).toBe(2);
});

test("tally clean shows what would go, with --yes it goes, and what is home stays", async () => {
  const before = await artist.tally("clean", "--older-than", "0d");
  // An artist may not remove what belongs to all.
  expect(before.code).toBe(1);
  const home = join(artist.folder, "far/out/all.txt");
  const shown = await far.studio.tally("clean", "--older-than", "0d");
  expect(shown.out).toMatch(
    /^Nothing would leave the disk now\.\n5 files, .*, would leave the disk a day later: they were used today,/,
  );
  expect(shown.out).toContain("Nothing was removed. Do it: tally clean --older-than 0d --yes");
  const done = await far.studio.tally("clean", "--older-than", "0d", "--yes", "--json");
  expect(JSON.parse(done.out)).toMatchObject({ dryRun: false, results: { files: 0 }, later: { files: 5 } });
  // Of one job it all goes now, what was let go of before too.
  const jobs = JSON.parse((await far.studio.tally("ls", "--json")).out) as { jobs: { number: number }[] };
  let freed = 0;
  for (const { number } of jobs.jobs) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const { out, code } = await far.studio.tally("clean", "--job", String(number), "--yes", "--json");
    if (code !== 0) continue;
    const { results, inputs } = JSON.parse(out) as Cleaned;
    freed += results.files + inputs.files;
  }
  expect(freed).toBeGreaterThanOrEqual(5);
  expect((await far.studio.tally("clean", "--older-than", "0d")).out).toBe("There is nothing to clean.\n");
  expect(existsSync(home)).toBe(true);
  expect((await far.studio.tally("clean", "--older-than", "soon")).err).toContain(
    '--older-than must be a number of days such as 30 or 30d, not "soon".',
  );
});
