// Where pulled files may go, and nowhere else.
import { expect, test } from "vitest";
import type { JobDetail } from "../contract/job.ts";
import { createPlaces } from "./pull-place.ts";
import { tally } from "./own-name.ts";

function job(outputPattern: string | null, outputFolders: string[] = []): JobDetail {
  return { number: 12, outputPattern, settings: { outputFolders } } as unknown as JobDetail;
}

const at = (name: string, outside = false) => ({ name, outside });

test("home is the file's own name, below the folders of its job", () => {
  const placeOf = createPlaces(job("/shots/a/####.png"), [], undefined, "posix");
  expect(placeOf(at("/shots/a/0001.png"))).toEqual({ path: "/shots/a/0001.png" });
  expect(placeOf(at("/etc/passwd", true))).toEqual({
    problem: `/etc/passwd is not below a folder that job 12 may write to. To have it elsewhere: ${tally("pull 12 --to FOLDER")}`,
  });
});

test.each(["../a.png", "/shots/../etc/passwd", "a.png", "/a//b.png", "/a/./b.png", "/a\0b", ""])(
  "path traversal in an artifact name is refused: %j",
  (name) => {
    for (const to of [undefined, "/tmp/here"])
      expect(createPlaces(job("/shots/####.png"), [], to, "posix")(at(name))).toHaveProperty("problem");
  },
);

test("--to keeps the folders below the one that all results share", () => {
  const files = [at("/shots/a/beauty/1.exr"), at("/shots/a/depth/1.exr")];
  const placeOf = createPlaces(job(null), files, "/tmp/here", "posix");
  expect(files.map(placeOf)).toEqual([{ path: "/tmp/here/beauty/1.exr" }, { path: "/tmp/here/depth/1.exr" }]);
  // With a pattern it does not depend on which files are there by now.
  const frames = createPlaces(job("/shots/a/beauty/####.exr"), [], "/tmp/here", "posix");
  expect(frames(at("/shots/a/beauty/1.exr"))).toEqual({ path: "/tmp/here/1.exr" });
  expect(frames(at("/shots/a/depth/1.exr", true))).toEqual({ path: "/tmp/here/depth/1.exr" });
  const bundle = createPlaces(job(null, ["/b/out", "/b/films"]), [], "/tmp/here", "posix");
  expect(bundle(at("/b/out/x/1.txt"))).toEqual({ path: "/tmp/here/out/x/1.txt" });
  // A single file keeps its name.
  expect(createPlaces(job(null), [at("/a/b.txt")], "/tmp/here", "posix")(at("/a/b.txt"))).toEqual({
    path: "/tmp/here/b.txt",
  });
});

test("names of Windows need --to on another system", () => {
  const files = [at("C:\\shots\\a\\0001.png")];
  expect(() => createPlaces(job("C:\\shots\\a\\####.png"), files, undefined, "posix")(files[0]!)).toThrow(
    /belong to Windows, such as C:\\shots\\a\\0001\.png\. .*tally pull 12 --to FOLDER/,
  );
  expect(createPlaces(job("C:\\shots\\a\\####.png"), files, "/tmp/here", "posix")(files[0]!)).toEqual({
    path: "/tmp/here/0001.png",
  });
  expect(createPlaces(job(null), [], "/tmp/here", "posix")(at("C:\\a\\..\\b.png"))).toHaveProperty("problem");
});
