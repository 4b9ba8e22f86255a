// Workers that share no folder with the broker: files in, frames home.
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, mkdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { shellStep, startFarm, until, type Farm } from "./agent-support.ts";
import { artifactsOf, bytesBelow, readTree, uploadInputs, writeTree } from "./files-support.ts";

let farm: Farm;

afterEach(async () => {
  await farm.stop();
});

const path = (name: string, objectType: string, dataFlow: string) => ({
  name,
  type: "PATH",
  objectType,
  dataFlow,
});

/** Every kind of PATH parameter, and a second step that reads what the first one wrote. */
const twoSteps = {
  parameterDefinitions: [
    path("Textures", "DIRECTORY", "IN"),
    path("Settings", "FILE", "IN"),
    path("Frames", "DIRECTORY", "OUT"),
    path("Film", "FILE", "OUT"),
    path("Notes", "DIRECTORY", "INOUT"),
  ],
  steps: [
    {
      name: "Render",
      parameterSpace: { taskParameterDefinitions: [{ name: "F", type: "INT", range: "1-3" }] },
      script: {
        actions: {
          onRun: {
            command: "sh",
            args: [
              "-euc",
              `cat "$1/wood.txt" "$1/deep dir/ünïcode.txt" "$2" > "$3/frame_000$5.txt"
               test -d "$1/empty"
               mkdir -p "$3/passes"
               "$1/tool.sh" $5 > "$3/passes/mask.$5.txt"
               test $5 != 1 || { echo rendered >> "$4/log.txt"; printf more > "$4/new $5.txt"; }`,
              "sh",
              "{{Param.Textures}}",
              "{{Param.Settings}}",
              "{{Param.Frames}}",
              "{{Param.Notes}}",
              "{{Task.Param.F}}",
            ],
          },
        },
      },
    },
    {
      name: "Encode",
      dependencies: [{ dependsOn: "Render" }],
      script: {
        actions: {
          onRun: {
            command: "sh",
            args: [
              "-euc",
              'cat "$1"/frame_*.txt "$1"/passes/mask.*.txt "$3/log.txt" > "$2"; echo once more >> "$3/log.txt"',
              "sh",
              "{{Param.Frames}}",
              "{{Param.Film}}",
              "{{Param.Notes}}",
            ],
          },
        },
      },
    },
  ],
};

/** A project on the artist's machine, submitted, and then out of every worker's reach. */
async function submitProject() {
  const home = join(farm.folder, "artist");
  await writeTree(join(home, "shot"), {
    "tex/wood.txt": "wood\n",
    "tex/deep dir/ünïcode.txt": "ü\n",
    "tex/tool.sh": '#!/bin/sh\necho "mask $1"\n',
    "notes/log.txt": "begun\n",
    "notes/kept.txt": "kept\n",
  });
  await mkdir(join(home, "shot/tex/empty"));
  await chmod(join(home, "shot/tex/tool.sh"), 0o755);
  await writeTree(home, { "settings.ini": "settings\n" });
  const manifest = await uploadInputs(farm.client, [
    { group: "Textures", folder: join(home, "shot/tex") },
    { group: "Settings", file: join(home, "settings.ini") },
    { group: "Notes", folder: join(home, "shot/notes") },
  ]);
  await rename(home, join(farm.folder, "out of reach"));
  const { number } = await farm.submit(twoSteps, {
    manifest,
    parameters: {
      Textures: join(home, "shot/tex"),
      Settings: join(home, "settings.ini"),
      Frames: join(home, "frames"),
      Film: join(home, "film/shot.txt"),
      Notes: join(home, "shot/notes"),
    },
    settings: { maxRetries: 0 },
  });
  return { number, home };
}

async function expectHome({ number, home }: { number: number; home: string }): Promise<void> {
  await farm.jobIn(number, "succeeded");
  await until("everything is home", async () => {
    const files = await artifactsOf(farm.client, number);
    return files.every(({ deliveredAt, state }) => deliveredAt !== null || state === "replaced");
  });
  const frame = "wood\nü\nsettings\n";
  expect(await readTree(home)).toEqual({
    "film/shot.txt": `${frame.repeat(3)}mask 1\nmask 2\nmask 3\nbegun\nrendered\n`,
    "frames/frame_0001.txt": frame,
    "frames/frame_0002.txt": frame,
    "frames/frame_0003.txt": frame,
    "frames/passes/mask.1.txt": "mask 1\n",
    "frames/passes/mask.2.txt": "mask 2\n",
    "frames/passes/mask.3.txt": "mask 3\n",
    "shot/notes/log.txt": "begun\nrendered\nonce more\n",
    "shot/notes/new 1.txt": "more",
  });
}

test("a far worker with an empty cache and no shared folder makes the same files at home as a local one", async () => {
  farm = await startFarm();
  const far = await farm.agent({ far: true });
  await expectHome(await submitProject());
  // Nothing of it is left on the worker but what the cache may keep.
  const work = join(farm.folder, "work-0");
  far.signal("SIGTERM");
  expect(await far.ended).toBe(0);
  expect(await readTree(join(work, "staging"))).toEqual({});
  expect(await readTree(join(work, "s"))).toEqual({});
});

test("a local worker reads the broker's blobs in place and makes the same files", async () => {
  farm = await startFarm();
  await farm.agent({ args: ["--blobs", join(farm.dataFolder, "blobs")] });
  await expectHome(await submitProject());
  // It fetched nothing at all.
  expect(Object.keys(await readTree(join(farm.folder, "work-0", "cache")))).toEqual([]);
});

test("two workers on one machine share the cache at once, and it is too small for their job", async () => {
  farm = await startFarm();
  const folder = join(farm.folder, "tex");
  const small = Object.fromEntries(
    Array.from({ length: 40 }, (_, index) => [`${index}.txt`, `text ${index}\n`]),
  );
  await writeTree(folder, { ...small, "large.bin": randomBytes(3 * 1024 * 1024) });
  const sum = spawnSync("sh", ["-c", "cat *.txt large.bin | sha256sum"], {
    cwd: folder,
    encoding: "utf8",
  }).stdout;
  const manifest = await uploadInputs(farm.client, [{ group: "In", folder }]);
  await rm(folder, { recursive: true });
  const work = join(farm.folder, "shared-work");
  const args = ["--cache-bytes", "100000"];
  await Promise.all([farm.agent({ far: true, work, args }), farm.agent({ far: true, work, args })]);
  const command = 'cd "{{Param.In}}" && cat *.txt large.bin | sha256sum';
  const jobs = [];
  for (let job = 0; job < 3; job += 1) {
    jobs.push(
      await farm.submit(
        { ...shellStep(command, "1-4"), parameterDefinitions: [path("In", "DIRECTORY", "IN")] },
        { manifest, parameters: { In: folder }, settings: { maxRetries: 0 } },
      ),
    );
  }
  for (const { number } of jobs) {
    await farm.jobIn(number, "succeeded");
    for (const attempt of await farm.attempts(number)) expect(await farm.log(attempt)).toBe(sum);
  }
  // What no session uses any more fits the limit; each worker's last session may hold its own.
  await until("the cache is small again", async () => {
    for (const agent of await farm.workers()) if (agent.state === "busy") return false;
    return (await bytesBelow(join(work, "cache"))) < 4 * 1024 * 1024;
  });
});

test("frames that a driver reports one by one are sent from a far worker while it goes on; one that it took back fails", async () => {
  farm = await startFarm();
  await farm.agent({ far: true });
  const home = join(farm.folder, "home");
  const script = `
    for f in 1 2 3; do
      echo "tally_frame: {\\"frame\\":$f,\\"state\\":\\"started\\"}"
      printf picture$f > "$TALLY_LEASE_DIR/$f.png"
      echo "tally_frame: {\\"frame\\":$f,\\"state\\":\\"succeeded\\",\\"files\\":[{\\"path\\":\\"$TALLY_LEASE_DIR/$f.png\\",\\"name\\":\\"${home}/$f.png\\",\\"bytes\\":8}]}"
      test $f != 3 || printf cut > "$TALLY_LEASE_DIR/$f.png"
    done`;
  const { number } = await farm.submit(
    shellStep(script, "1-3", { chunks: { defaultTaskCount: 3, rangeConstraint: "CONTIGUOUS" } }),
    { settings: { maxRetries: 0, frameParameter: "F", outputFolders: [home] } },
  );
  await farm.jobIn(number, "failed");
  const tasks = await farm.tasks(number);
  expect(tasks.map(({ state }) => state)).toEqual(["succeeded", "succeeded", "failed"]);
  expect(tasks[2]?.reason).toBe(
    "The frame's file 3.png is not what was written: it has 3 bytes on the disk, not the 8 that were written.",
  );
  await until("the others are home", async () =>
    (await artifactsOf(farm.client, number)).every(({ deliveredAt }) => deliveredAt !== null),
  );
  expect(await readTree(home)).toEqual({ "1.png": "picture1", "2.png": "picture2" });
  expect((await stat(join(home, "1.png"))).size).toBe(8);
});

test("a warm session that goes on with another step of its job fetches what that one needs besides", async () => {
  farm = await startFarm();
  await farm.agent({ far: true });
  const folder = join(farm.folder, "in");
  await writeTree(folder, { "a/a.txt": "a\n", "b/b.txt": "b\n" });
  const manifest = await uploadInputs(farm.client, [
    { group: "A", folder: join(folder, "a") },
    { group: "B", folder: join(folder, "b") },
  ]);
  await rename(folder, `${folder} elsewhere`);
  const step = (name: string) => ({
    name,
    script: {
      actions: {
        onRun: {
          command: "sh",
          args: ["-c", 'cat "$1"/*; ls "$1/../.."; pwd', "sh", `{{Param.${name}}}`],
        },
      },
    },
  });
  const { number } = await farm.submit(
    {
      parameterDefinitions: [path("A", "DIRECTORY", "IN"), path("B", "DIRECTORY", "IN")],
      steps: [step("A"), step("B")],
    },
    { manifest, parameters: { A: join(folder, "a"), B: join(folder, "b") } },
  );
  await farm.jobIn(number, "succeeded");
  const attempts = (await farm.attempts(number)).toSorted((a, b) => (a.step < b.step ? -1 : 1));
  const logs = await Promise.all(attempts.map(async (it) => (await farm.log(it)).trim().split("\n")));
  expect(logs[0]?.slice(0, 2)).toEqual(["a", "in"]);
  expect(logs[1]?.slice(0, 2)).toEqual(["b", "in"]);
  // The same session, by its folder.
  expect(logs[0]?.at(-1)).toBe(logs[1]?.at(-1));
});
