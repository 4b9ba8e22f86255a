// A disk that fills up: where the frames are rendered, and where they belong. Needs the right to mount a small disk.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test, type TestContext } from "vitest";
import { until } from "../support/builders.ts";
import { fingerprint, openStudio, type Studio } from "../support/studio.ts";
import { ofThisWorker } from "../support/this-worker.ts";

let studio: Studio;
const mounted: string[] = [];
beforeAll(() => {
  studio = openStudio();
});
afterAll(async () => {
  for (const folder of mounted) spawnSync("umount", ["-l", folder]);
  await studio.close();
});

const size = 1 << 20;

/** Mounts a disk that can be filled until `room` bytes are left; without the right to do so the test is skipped, or fails where nothing may be left out. */
function smallDisk(context: TestContext, folder: string): { fill: (room: number) => void; free: () => void } {
  mkdirSync(folder, { recursive: true });
  const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder], {
    encoding: "utf8",
  });
  if (status !== 0) {
    if (process.env["CI"]) throw new Error(`This user may not mount a small disk: ${stderr}`);
    context.skip("this user may not mount a small disk");
  }
  mounted.push(folder);
  const filler = join(folder, "filler");
  return {
    fill: (room) => {
      const { bavail, bsize } = statfsSync(folder);
      writeFileSync(filler, Buffer.alloc(bavail * bsize - room));
    },
    free: () => rmSync(filler),
  };
}

test("disk full where the frames are rendered: the frame fails in plain words, the finished one stays, requeue mends it", async (context) => {
  const disk = smallDisk(context, join(studio.dataFolder, "staging"));
  await studio.startBroker();
  const scene = studio.scene("anim");
  const home = (frame: number) => join(dirname(scene), "render", `frame_000${frame}.png`);
  const number = await studio.submit(scene, "--frames", "1", "--retries", "0");
  expect((await studio.tally("watch", String(number))).code).toBe(0);
  const before = fingerprint(home(1));
  disk.fill(0);
  const full = await studio.tally("submit", scene, "--frames", "2-3", "--retries", "0", "--wait");
  expect(full.code, full.text).toBe(1);
  expect(full.text).toMatch(
    ofThisWorker(
      /frame 2 failed on NAME: The disk of the machine that renders is full \(Blender: "[^"]*No space left on device[^"]*"\)\. Free some space, then requeue the frame: tally requeue/,
    ),
  );
  expect(readdirSync(dirname(home(1)))).toEqual(["frame_0001.png"]);
  disk.free();
  expect((await studio.tally("requeue", "--failed")).code).toBe(0);
  const again = await studio.tally("watch");
  expect(again.code, again.text).toBe(0);
  expect(readdirSync(dirname(home(1)))).toEqual([1, 2, 3].map((frame) => `frame_000${frame}.png`));
  expect(fingerprint(home(1))).toBe(before);
});

test("disk full at home: the frames are done and kept, the file that has no room is named, and comes by itself later", async (context) => {
  const home = join(studio.folder, "small home");
  const disk = smallDisk(context, home);
  // Room for one picture at least, and not for five.
  disk.fill(12 << 10);
  const scene = studio.scene("anim");
  const full = await studio.tally("submit", scene, "-o", `${home}/`, "--wait");
  expect(full.code, full.text).toBe(1);
  expect(full.text).toMatch(/^Job \d+ is rendered, but \d files? could not be brought home:/m);
  expect(full.text).toMatch(
    /^ {2}\S.*\/small home\/\d{4}\.png could not be put in its place: the disk is full\. Free some space; it is tried again by itself\. The frame itself is done and kept by the broker\.$/m,
  );
  const shown = await studio.tally("show");
  expect(shown.text).toMatch(/done\n[^]*5 frames: 5 done[^]*Not home: /);
  const there = readdirSync(home).filter((name) => name !== "filler");
  expect(there.length).toBeGreaterThan(0);
  expect(
    there.every((name) => /^\d{4}\.png$/.test(name)),
    "no half file",
  ).toBe(true);
  const before = there.map((name) => fingerprint(join(home, name)));
  disk.free();
  const { number } = await studio.api.ok("getJob", { params: { job: "latest" } });
  await until(studio.api, async () => {
    const job = await studio.api.ok("getJob", { params: { job: number } });
    return job.deliveredFiles === 5 || undefined;
  });
  const later = await studio.tally("watch");
  expect(later.code, later.text).toBe(0);
  expect(readdirSync(home)).toEqual([1, 2, 3, 4, 5].map((frame) => `000${frame}.png`));
  expect(there.map((name) => fingerprint(join(home, name)))).toEqual(before);
});
