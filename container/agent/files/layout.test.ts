// Where a job's paths lie on a worker: every kind of PATH parameter beside roots, shared folders and earlier results.
import { expect, test } from "vitest";
import type { Manifest } from "../../../broker/contract/manifest.ts";
import { mapPath } from "../../../broker/openjd/path-mapping.ts";
import { layOut, type LayoutOptions } from "./layout.ts";

type Output = LayoutOptions["script"]["outputs"][number];

const root = "/s/files";
const sha256 = "0".repeat(64);

interface Shape {
  paths?: Record<string, string>;
  outputs?: Output[];
  roots?: string[];
  files?: [string, string?][];
  shared?: string[];
  upstream?: string[];
  inPlace?: boolean;
  here?: string[];
  format?: Manifest["format"];
  sharedRoots?: LayoutOptions["script"]["sharedRoots"];
}

function layoutOf(shape: Shape) {
  const listed = shape.files ?? (shape.roots || shape.shared ? [] : undefined);
  return layOut({
    root,
    script: {
      parameters: Object.fromEntries(
        Object.entries({
          ...shape.paths,
          ...Object.fromEntries((shape.outputs ?? []).map(({ parameter, path }) => [parameter, path])),
        }).map(([name, value]) => [name, { type: "PATH" as const, value }]),
      ),
      outputs: shape.outputs ?? [],
      filesInPlace: shape.inPlace ?? false,
      sharedRoots: shape.sharedRoots ?? [],
    },
    manifest:
      listed === undefined
        ? null
        : {
            version: 1,
            format: shape.format ?? "posix",
            roots: shape.roots ?? [],
            files: listed.map(([path, group]) => ({ path, sha256, bytes: 1, ...(group && { group }) })),
            folders: [],
            shared: (shape.shared ?? []).map((path) => ({ path, bytes: 1 })),
          },
    upstream: shape.upstream ?? [],
    osFamily: "linux",
    exists: (path) => shape.here?.includes(path) ?? false,
  });
}

const out = (path: string, more: Partial<Output> = {}): Output => ({
  parameter: "Out",
  path,
  objectType: "DIRECTORY",
  dataFlow: "OUT",
  ...more,
});

test("a root is mirrored as a whole; a file outside all roots has a rule of its own and its neighbours have none", () => {
  const { rules } = layoutOf({ roots: ["/home/ann/shot"], files: [["/home/ann/shot/a"], ["/lib/b.abc"]] });
  expect(mapPath("/home/ann/shot/tex/a.png", rules)).toBe("/s/files/home/ann/shot/tex/a.png");
  expect(mapPath("/lib/b.abc", rules)).toBe("/s/files/lib/b.abc");
  expect(mapPath("/lib/other.abc", rules)).toBe("/lib/other.abc");
  expect(mapPath("/home/ann/shot2/a", rules)).toBe("/home/ann/shot2/a");
});

test("paths of Windows are mirrored on Linux, whatever their case and slashes", () => {
  const { rules, watched } = layoutOf({
    format: "windows",
    roots: ["C:\\Proj"],
    files: [["\\\\nas\\lib\\a.png"]],
    outputs: [out("c:/proj/out/")],
  });
  expect(mapPath("c:\\proj\\Tex\\a.png", rules)).toBe("/s/files/C/Proj/Tex/a.png");
  expect(mapPath("\\\\NAS\\lib\\a.png", rules)).toBe("/s/files/UNC/nas/lib/a.png");
  expect(watched).toEqual([{ path: "/s/files/C/proj/out", kind: "tree", format: "windows" }]);
});

test("OUT folder and OUT FILE: made, mapped and watched; the file alone is mapped, its folder is looked at", () => {
  const { rules, folders, watched, isWritable } = layoutOf({
    outputs: [
      out("/home/ann/out"),
      out("/home/ann/film/shot.mp4", { parameter: "Film", objectType: "FILE" }),
    ],
  });
  expect(mapPath("/home/ann/out/a/1.png", rules)).toBe("/s/files/home/ann/out/a/1.png");
  expect(mapPath("/home/ann/film/shot.mp4", rules)).toBe("/s/files/home/ann/film/shot.mp4");
  expect(mapPath("/home/ann/film/other.mp4", rules)).toBe("/home/ann/film/other.mp4");
  expect(folders).toEqual([
    ["home", "ann", "out"],
    ["home", "ann", "film"],
  ]);
  expect(watched.map(({ path, kind }) => [path, kind])).toEqual([
    ["/s/files/home/ann/out", "tree"],
    ["/s/files/home/ann/film", "folder"],
  ]);
  expect(isWritable(["home", "ann", "out", "old.png"], undefined)).toBe(true);
  expect(isWritable(["home", "ann", "film", "shot.mp4"], undefined)).toBe(true);
  expect(isWritable(["home", "ann", "film", "input.wav"], undefined)).toBe(false);
});

test("INOUT is mirrored only when its files were sent; else it stays where it lies, also inside a folder that is mirrored", () => {
  const work = out("/w", { parameter: "Work", dataFlow: "INOUT" });
  const sent = layoutOf({ outputs: [work], files: [["/w/a.txt", "Work"]], roots: ["/w"] });
  expect(mapPath("/w/a.txt", sent.rules)).toBe("/s/files/w/a.txt");
  expect(sent.watched.map(({ kind }) => kind)).toEqual(["tree"]);
  expect(sent.isWritable(["w", "a.txt"], "Work")).toBe(true);

  const left = layoutOf({ outputs: [work], files: [["/lib/b"]] });
  expect(mapPath("/w/a.txt", left.rules)).toBe("/w/a.txt");
  expect(left.watched).toEqual([]);

  const inside = layoutOf({ outputs: [out("/w"), { ...work, path: "/w/in" }], inPlace: true });
  expect(mapPath("/w/in/a", inside.rules)).toBe("/w/in/a");
  expect(mapPath("/w/b", inside.rules)).toBe("/s/files/w/b");

  const file = out("/w/a.db", { parameter: "Db", objectType: "FILE", dataFlow: "INOUT" });
  const one = layoutOf({ outputs: [file], files: [["/w/a.db", "Db"]] });
  expect(one.watched).toEqual([{ path: "/s/files/w/a.db", kind: "file", format: "posix" }]);
});

test("an input that is read where it lies is not caught by the folder of results around it", () => {
  const shape: Shape = { paths: { Scene: "/proj/a.blend" }, outputs: [out("/proj")] };
  expect(mapPath("/proj/a.blend", layoutOf({ ...shape, inPlace: true }).rules)).toBe("/proj/a.blend");
  expect(mapPath("/proj/a.blend", layoutOf({ ...shape, here: ["/proj/a.blend"] }).rules)).toBe(
    "/proj/a.blend",
  );
  // Nothing lies there, so it can only be meant for the results.
  expect(mapPath("/proj/a.blend", layoutOf(shape).rules)).toBe("/s/files/proj/a.blend");
  // Where nothing would catch it, no rule is needed.
  expect(layoutOf({ paths: { Scene: "/x/a.blend" }, inPlace: true }).rules).toEqual([]);
});

test("results of earlier steps: their folders are mirrored, the parameters that name them, above them or below them too", () => {
  const { rules } = layoutOf({
    paths: { Frames: "/r/shot", First: "/r/shot/beauty/1.png", Above: "/r", Other: "/x" },
    upstream: ["/r/shot/beauty/1.png", "/r/shot/beauty/deep/2.png", "/r/shot/mask/1.png"],
  });
  expect(mapPath("/r/shot/beauty/deep/2.png", rules)).toBe("/s/files/r/shot/beauty/deep/2.png");
  expect(mapPath("/r/shot", rules)).toBe("/s/files/r/shot");
  expect(mapPath("/r/shot/beauty/1.png", rules)).toBe("/s/files/r/shot/beauty/1.png");
  expect(mapPath("/r", rules)).toBe("/s/files/r");
  expect(mapPath("/x", rules)).toBe("/x");

  const inPlace = layoutOf({
    paths: { Scene: "/r/shot/scene.blend", Project: "/r" },
    upstream: ["/r/shot/1.png"],
    inPlace: true,
  });
  expect(mapPath("/r/shot/scene.blend", inPlace.rules)).toBe("/r/shot/scene.blend");
  expect(mapPath("/r/shot/1.png", inPlace.rules)).toBe("/s/files/r/shot/1.png");
  expect(mapPath("/r", inPlace.rules)).toBe("/r");
});

test("shared folders: every system's spelling leads to this system's, also inside a folder that is mirrored", () => {
  const nas = { name: "nas", linux: "/mnt/nas", macos: "/Volumes/nas", windows: "Z:\\" };
  const { rules } = layoutOf({ sharedRoots: [nas], roots: ["/"], files: [["/home/a"]] });
  expect(mapPath("Z:\\tex\\a.png", rules)).toBe("/mnt/nas/tex/a.png");
  expect(mapPath("/Volumes/nas/tex/a.png", rules)).toBe("/mnt/nas/tex/a.png");
  expect(mapPath("/mnt/nas/tex/a.png", rules)).toBe("/mnt/nas/tex/a.png");
  expect(mapPath("/home/a", rules)).toBe("/s/files/home/a");

  // Results land in the mirror first; what is read from the shared folder is read there.
  const results = layoutOf({
    sharedRoots: [nas],
    paths: { In: "Z:\\shot\\a.abc" },
    outputs: [out("Z:\\shot")],
    shared: ["Z:\\shot\\a.abc"],
    format: "windows",
  });
  expect(mapPath("Z:\\shot\\1.png", results.rules)).toBe("/s/files/Z/shot/1.png");
  expect(mapPath("Z:\\shot\\a.abc", results.rules)).toBe("/mnt/nas/shot/a.abc");
});

test("a path with doubled slashes and dots is the folder that it means; one that goes up is left alone and named", () => {
  const { rules, notes, watched } = layoutOf({
    outputs: [
      out("/home//ann/./out/"),
      out("/home/../etc", { parameter: "Up" }),
      out("/", { parameter: "All" }),
    ],
  });
  expect(mapPath("/home/ann/out/a", rules)).toBe("/s/files/home/ann/out/a");
  expect(watched).toHaveLength(1);
  expect(notes).toHaveLength(2);
  expect(notes[0]).toBe(
    'The parameter Up is no full path of a folder ("/home/../etc"): what is written there does not come home. Give its full path and submit again.',
  );
});
