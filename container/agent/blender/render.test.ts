// Real frames in every Blender of this machine: named, placed and looking as a local render makes them.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inspectScene } from "./inspect.ts";
import {
  blenderOf,
  blenders,
  lastOf,
  makeScenes,
  newSession,
  pixelsOf,
  processesOf,
  renderLocally,
  testFolder,
} from "./test-session.ts";

interface Look {
  version: string;
  view: { exposure: number };
}

const NAMES = [
  "anim",
  "exposed",
  "packed",
  "textured",
  "sequence",
  "linked",
  "nodes",
  "stereo",
  "changed",
  "layers",
  "tmpout",
];

test("this machine has a Blender to test with", () => {
  expect(blenders.length).toBeGreaterThan(0);
});

describe.each(blenders)("Blender $version", (install) => {
  const folder = testFolder();
  const scene = (name: string): string => join(folder, `${name}.blend`);
  beforeAll(() => makeScenes(install, folder, ...NAMES));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(["anim", "packed", "textured", "sequence", "linked", "stereo"])(
    "the pictures of %s have the names and pixels of a local render",
    async (name) => {
      const away = join(folder, "away", `${name}-as-submitted`);
      mkdirSync(join(folder, "away"), { recursive: true });
      copyFileSync(scene(name), away);
      rmSync(join(folder, "render"), { recursive: true, force: true });
      renderLocally(install, scene(name));
      const local = readdirSync(join(folder, "render")).map((file) => join(folder, "render", file));
      // From here on the original shows something else; only the copy has the scene.
      copyFileSync(scene("changed"), scene(name));
      const session = newSession(install);
      try {
        expect((await session.start(away, scene(name))).lines.join("\n")).toContain("is ready");
        const ran = await session.render("1-5");
        expect(ran.code).toBe(0);
        const files = ran.frames
          .filter((line) => line.state === "succeeded")
          .flatMap((line) => line.files ?? []);
        expect(files.map((file) => file.name).toSorted()).toEqual(local.toSorted());
        for (const file of files) {
          expect(file.path.startsWith(session.leaseFolder)).toBe(true);
          expect(pixelsOf(file.path).equals(pixelsOf(file.name)), file.name).toBe(true);
        }
      } finally {
        await session.stop();
        copyFileSync(away, scene(name));
      }
      expect(processesOf(session)).toBe(0);
    },
  );

  test("File Output nodes write into the lease and keep their names at home", async () => {
    renderLocally(install, scene("nodes"));
    const passes = (readdirSync(join(folder, "passes"), { recursive: true }) as string[])
      .filter((name) => name.endsWith(".exr"))
      .map((name) => join(folder, "passes", name));
    rmSync(join(folder, "passes"), { recursive: true });
    const session = newSession(install);
    try {
      expect((await session.start(scene("nodes"))).code).toBe(0);
      const ran = await session.render("1-5");
      const names = ran.frames.flatMap((line) => line.files ?? []).map((file) => file.name);
      expect(names).toHaveLength(15);
      expect(names.filter((name) => name.endsWith(".exr")).toSorted()).toEqual(passes.toSorted());
      expect(existsSync(join(folder, "passes"))).toBe(false);
    } finally {
      await session.stop();
    }
  });

  test("the look of each frame is told, also where it is animated", async () => {
    const session = newSession(install);
    try {
      expect((await session.start(scene("exposed"))).code).toBe(0);
      const ran = await session.render("1,5,3");
      const looks = ran.frames.filter(({ state }) => state === "succeeded").map(({ look = "" }) => look);
      const exposures = looks.map((path) => {
        const { view, version } = JSON.parse(readFileSync(path, "utf8")) as Look;
        expect(version).toBe(install.version);
        return Math.round(view.exposure * 10) / 10;
      });
      expect(exposures).toEqual([0, 4, 2]);
      // It is no file of the frame.
      expect(ran.frames.flatMap((line) => line.files ?? [])).toHaveLength(3);
    } finally {
      await session.stop();
    }
  });

  test("the scene as submitted survives an overwritten original and a killed Blender", async () => {
    const away = join(folder, "away-anim");
    copyFileSync(scene("anim"), away);
    renderLocally(install, scene("anim"));
    const session = newSession(install);
    try {
      await session.start(away, scene("anim"));
      expect(lastOf(await session.render("2"), 2)?.state).toBe("succeeded");
      copyFileSync(scene("changed"), scene("anim"));
      process.kill(blenderOf(session), "SIGKILL");
      const after = lastOf(await session.render("4"), 4);
      expect(after?.state).toBe("succeeded");
      const [file] = after?.files ?? [];
      expect(pixelsOf(file!.path).equals(pixelsOf(join(folder, "render", "frame_0004.png")))).toBe(true);
    } finally {
      await session.stop();
      copyFileSync(away, scene("anim"));
    }
  });

  test("a lease that is told to end before its first frame: each frame is named as left out", async () => {
    const session = newSession(install);
    try {
      await session.start(scene("anim"));
      writeFileSync(join(session.leaseFolder, "stop-after-frame"), "");
      const ran = await session.render("1-2");
      expect(ran.code).toBe(0);
      expect(ran.frames.map(({ frame, state }) => [frame, state])).toEqual([
        [1, "released"],
        [2, "released"],
      ]);
      expect(readdirSync(session.leaseFolder)).toEqual(["stop-after-frame"]);
    } finally {
      await session.stop();
    }
  });

  test("settings of the job win over the scene's", async () => {
    const session = newSession(install);
    try {
      const settings = [
        "--output=//elsewhere/shot_##.v1",
        "--format=JPEG",
        "--resolution-scale=50",
        "--samples=1",
      ];
      await session.start(scene("anim"), scene("anim"), ...settings);
      const done = lastOf(await session.render("3"), 3);
      expect(done?.files?.map((file) => file.name)).toEqual([join(folder, "elsewhere", "shot_03.v1.jpg")]);
      expect(done?.device).toBe("CPU");
    } finally {
      await session.stop();
    }
  });

  test.each([
    ["anim", "OPEN_EXR"],
    ["layers", "OPEN_EXR_MULTILAYER"],
  ])("the ending of a name is its format where none is chosen, and layers stay: %s", async (name, format) => {
    const session = newSession(install);
    try {
      const output = "//endings/shot_####.exr";
      await session.start(scene(name), scene(name), `--output=${output}`, "--samples=1");
      const [file] = lastOf(await session.render("1"), 1)?.files ?? [];
      expect(file?.name).toBe(join(folder, "endings", "shot_0001.exr"));
      // A picture of one layer names its channels R, G and B alone.
      const text = readFileSync(file?.path ?? "").toString("latin1");
      expect(text.includes("Combined.R\0")).toBe(format === "OPEN_EXR_MULTILAYER");
      expect(text.slice(0, 4)).toBe("\x76\x2f\x31\x01");
      const { scenes } = await inspectScene(scene(name), install, { output });
      expect(scenes[0]?.output.first).toBe(join(folder, "endings", "shot_0001.exr"));
    } finally {
      await session.stop();
    }
  });

  test("an inspection reads the defaults of a job", async () => {
    const { scene: active, scenes, missing, scripts } = await inspectScene(scene("anim"), install);
    expect({ active, missing, scripts }).toEqual({ active: "Scene", missing: [], scripts: [] });
    expect(scenes[0]).toMatchObject({
      frameStart: 1,
      frameEnd: 5,
      samples: 4,
      camera: "Camera",
      engine: "CYCLES",
      format: "PNG",
    });
    expect(scenes[0]?.output).toMatchObject({
      pattern: "//render/frame_####",
      home: join(folder, "render"),
      last: join(folder, "render", "frame_0005.png"),
    });
    const temporary = await inspectScene(scene("tmpout"), install);
    expect(temporary.scenes[0]?.output.first).toBe(join(folder, "render", "tmpout", "0001.png"));
  });
});
