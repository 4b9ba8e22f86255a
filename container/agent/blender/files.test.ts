// Every file that a scene needs is found, in every Blender here, and the scene renders the same where its files lie elsewhere.
import { createHash } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { pathMappingDocument, type PathMappingRule } from "../../../broker/openjd/path-mapping.ts";
import { inspectScene, type Inspection } from "./inspect.ts";
import {
  blenders,
  lastOf,
  makeFileScenes,
  newSession,
  pixelsOf,
  renderLocally,
  testFolder,
} from "./test-session.ts";

const filesBelow = (folder: string): string[] =>
  (readdirSync(folder, { recursive: true }) as string[])
    .filter((name) => statSync(join(folder, name)).isFile())
    .toSorted();

const rule = (sourcePath: string, destinationPath: string): PathMappingRule => ({
  sourcePathFormat: /^[A-Z]:/.test(sourcePath) ? "WINDOWS" : "POSIX",
  sourcePath,
  destinationPath,
});

function writeRules(folder: string, rules: PathMappingRule[]): string {
  const path = join(folder, "rules.json");
  writeFileSync(path, pathMappingDocument(rules));
  return `--rules=${path}`;
}

/** What a worker does with the files of an inspection: links below its own folder, rules for roots and single files. */
function mirror(scene: string, { files, folders }: Inspection, session: string): PathMappingRule[] {
  const store = join(session, "store");
  const below = join(session, "files");
  mkdirSync(store);
  const place = (path: string): string => join(below, path);
  const link = (path: string): void => {
    const blob = join(store, createHash("sha256").update(path).digest("hex"));
    copyFileSync(path, blob);
    mkdirSync(dirname(place(path)), { recursive: true });
    symlinkSync(blob, place(path));
  };
  const all = [
    scene,
    ...files,
    ...folders.flatMap(({ path }) => filesBelow(path).map((name) => join(path, name))),
  ];
  for (const path of all) link(path);
  const root = dirname(scene);
  const alone = all.filter((path) => !path.startsWith(`${root}/`));
  return [rule(root, place(root)), ...alone.map((path) => rule(path, place(path)))];
}

describe.each(blenders)("Blender $version", (install) => {
  const top = testFolder();
  const at = (...names: string[]): string => join(top, ...names);
  beforeAll(() => makeFileScenes(install, top));

  test("a file of each kind is listed, and nothing else", async () => {
    const { files, folders, missing } = await inspectScene(at("shot", "kinds.blend"), install);
    expect(missing).toEqual([]);
    expect(files.map((path) => relative(top, path)).toSorted()).toEqual(
      [
        "caches/smoke_0001.vdb",
        "caches/smoke_0002.vdb",
        "caches/tall.pc2",
        ...["1001", "1002", "1003"].map((number) => `plates/clip_${number}.png`),
        "plates/film.mp4",
        ...["0001", "0002", "0003", "0004", "0005"].map((number) => `plates/long_${number}.png`),
        "plates/strip_0001.png",
        "plates/strip_0002.png",
        "shot/lib/asset.blend",
        "shot/lib/far.png",
        "shot/lib/near.png",
        "shot/notes/rig.py",
        "shot/osl/noise.osl",
        "shot/tex/plain.png",
        "shot/tex/wall.1001.png",
        "shot/tex/wall.1002.png",
        "store/beep.wav",
        "store/deep/deep.blend",
        "store/deep/deep.png",
        ...readdirSync(at("store", "fonts")).map((name) => `store/fonts/${name}`),
        "store/lamp.ies",
      ].toSorted(),
    );
    expect(folders.map(({ path, why }) => [relative(top, path), why])).toEqual([
      ["shot/blendcache_kinds", "disk cache of kinds.blend"],
      ["shot/fluid/data", 'fluid cache of "Fluid"'],
    ]);
  });

  test("a hole in an image sequence is missing for the frames that show it", async () => {
    const scene = at("shot", "holes.blend");
    const line = `texture ${at("plates", "h_0003.png")}`;
    expect((await inspectScene(scene, install)).missing).toEqual([line]);
    expect((await inspectScene(scene, install, { frames: [1, 2] })).missing).toEqual([]);
    const session = newSession(install);
    try {
      expect((await session.start(scene)).code).toBe(0);
      const ran = await session.render("2-3");
      expect(lastOf(ran, 2)?.state).toBe("succeeded");
      expect(lastOf(ran, 3)).toMatchObject({
        state: "failed",
        reason: expect.stringContaining(`The frame needs files that are not there: ${line}.`),
      });
    } finally {
      await session.stop();
    }
  });

  test.each(["far", "cut"])(
    "far from home %s has the same pixels, the names at home, and writes nothing where it reads",
    async (name) => {
      const scene = at("shot", `${name}.blend`);
      rmSync(at("shot", "render"), { recursive: true, force: true });
      renderLocally(install, scene);
      const local = filesBelow(at("shot", "render")).map((name) => at("shot", "render", name));
      const inspection = await inspectScene(scene, install);
      expect(inspection.missing).toEqual([]);
      const session = newSession(install);
      const rules = mirror(scene, inspection, session.folder);
      const before = filesBelow(join(session.folder, "files"));
      const blobs = join(session.folder, "store");
      const bytes = (): string[] =>
        readdirSync(blobs).map((name) => readFileSync(join(blobs, name)).toString("hex"));
      const stored = bytes();
      const away = `${top}-away`;
      renameSync(top, away);
      try {
        const placed = join(session.folder, "files", scene);
        const started = await session.start(placed, scene, writeRules(session.folder, rules));
        expect(started.lines.join("\n")).toContain("is ready");
        const ran = await session.render("1-5");
        const files = ran.frames.flatMap((line) => line.files ?? []);
        expect(files.map((file) => file.name).toSorted()).toEqual(local.toSorted());
        for (const file of files)
          expect(pixelsOf(file.path).equals(pixelsOf(file.name.replace(top, away))), file.name).toBe(true);
        expect(existsSync(top)).toBe(false);
        expect(filesBelow(join(session.folder, "files"))).toEqual(before);
        expect(bytes()).toEqual(stored);
      } finally {
        await session.stop();
        renameSync(away, top);
      }
    },
  );

  test("a simulation that was not baked writes to its own copies, never to what others share", async () => {
    const scene = at("shot", "loose.blend");
    const session = newSession(install);
    const rules = mirror(scene, await inspectScene(scene, install), session.folder);
    const cache = join(session.folder, "files", at("shot", "blendcache_loose"));
    expect(readdirSync(cache)).not.toEqual([]);
    const blobs = join(session.folder, "store");
    const bytes = (): string[] =>
      readdirSync(blobs).map((name) => readFileSync(join(blobs, name)).toString("hex"));
    const stored = bytes();
    const placed = join(session.folder, "files", scene);
    try {
      await session.start(placed, scene, writeRules(session.folder, rules));
      const ran = await session.render("1-5");
      expect(ran.frames.filter((line) => line.state === "succeeded")).toHaveLength(5);
      expect(bytes()).toEqual(stored);
      expect(readdirSync(cache).some((name) => lstatSync(join(cache, name)).isSymbolicLink())).toBe(false);
    } finally {
      await session.stop();
    }
  });

  test("what was not brought along is missing under its name at home", async () => {
    const scene = at("shot", "far.blend");
    const session = newSession(install);
    const rules = mirror(scene, await inspectScene(scene, install), session.folder);
    rmSync(join(session.folder, "files", at("shot", "tex", "red.png")));
    const away = `${top}-away`;
    renameSync(top, away);
    try {
      const placed = join(session.folder, "files", scene);
      const started = await session.start(placed, scene, writeRules(session.folder, rules));
      expect(started.lines.join("\n")).toContain(
        `The scene needs files that are not there: texture ${at("shot", "tex", "red.png")}.`,
      );
    } finally {
      await session.stop();
      renameSync(away, top);
    }
  });

  test("a scene that Windows wrote renders below the rules for its drive", async () => {
    renderLocally(install, at("shot", "plain.blend"));
    const session = newSession(install);
    const copy = join(session.folder, "files", "S", "shot");
    cpSync(at("shot"), copy, { recursive: true });
    const away = `${top}-away`;
    renameSync(top, away);
    try {
      const original = "S:\\shot\\windows.blend";
      const placed = join(copy, "windows.blend");
      const rules = writeRules(session.folder, [rule("S:\\shot", copy)]);
      const started = await session.start(placed, original, rules, "--output=S:\\out\\w_##");
      expect(started.lines.join("\n")).toContain("is ready");
      const [file] = lastOf(await session.render("2"), 2)?.files ?? [];
      expect(file?.name).toBe("S:\\out\\w_02.png");
      const expected = pixelsOf(join(away, "shot", "render", "frame_0002.png"));
      expect(pixelsOf(file!.path).equals(expected)).toBe(true);
    } finally {
      await session.stop();
      renameSync(away, top);
    }
    const own = newSession(install);
    cpSync(at("shot"), join(own.folder, "S", "shot"), { recursive: true });
    try {
      const rules = writeRules(own.folder, [rule("S:\\shot", join(own.folder, "S", "shot"))]);
      const placed = join(own.folder, "S", "shot", basename("windows.blend"));
      expect((await own.start(placed, "S:\\shot\\windows.blend", rules)).code).toBe(0);
      const [file] = lastOf(await own.render("1"), 1)?.files ?? [];
      expect(file?.name).toBe("S:\\shot\\render\\frame_0001.png");
    } finally {
      await own.stop();
    }
  });
});
