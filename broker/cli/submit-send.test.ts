// Whether files travel, the film's flags, and how --encode is typed.
import { describe, expect, test } from "vitest";
import { filmName, filmParameters, readFilm } from "./film.ts";
import { readSubmit } from "./submit-flags.ts";
import { staysInPlace } from "./submit-send.ts";

const pool = (name: string, kind: string) => ({ name, kind, slots: 1, workers: 0 });
const around = (isOwn: boolean, ...pools: ReturnType<typeof pool>[]) => ({
  isOwn,
  system: { pools, sharedRoots: [] },
});
const [here, far] = [pool("local", "local"), pool("farm", "joined")];
const scene = { staysByItself: true };
const template = { staysByItself: false };

describe("files in place", () => {
  test("a scene stays where it is when all workers are on this machine, a template's files travel", () => {
    expect(staysInPlace(scene, {}, around(true, here))).toBe(true);
    expect(staysInPlace(template, {}, around(true, here))).toBe(false);
    expect(staysInPlace(scene, {}, around(true, here, far))).toBe(false);
    expect(staysInPlace(scene, {}, around(false, here))).toBe(false);
    expect(staysInPlace(scene, {}, around(true))).toBe(false);
  });
  test("the pool that is named counts, and what is asked for", () => {
    expect(staysInPlace(scene, { pool: "local" }, around(true, here, far))).toBe(true);
    expect(staysInPlace(scene, { pool: "farm" }, around(true, here, far))).toBe(false);
    expect(staysInPlace(scene, { upload: true }, around(true, here))).toBe(false);
    expect(staysInPlace(template, { "in-place": true }, around(true, here, far))).toBe(true);
  });
  test("--in-place is refused where nobody could read the files", () => {
    expect(() => staysInPlace(scene, { "in-place": true }, around(false, here))).toThrow(
      /broker of this machine/,
    );
    expect(() => staysInPlace(scene, { "in-place": true }, around(true, far))).toThrow(/no local pool/);
  });
});

describe("--encode", () => {
  const film = (...args: string[]) => readFilm(readSubmit(args).values);
  test("stands alone or with a codec, before the scene and after it", () => {
    expect(film("a.blend", "--encode")).toEqual({ codec: "h264", quality: "high", fps: undefined });
    expect(film("--encode", "a.blend")?.codec).toBe("h264");
    expect(film("--encode", "VP9", "a.blend", "--quality", "low", "--fps", "23.976")).toEqual({
      codec: "vp9",
      quality: "low",
      fps: "23.976",
    });
    expect(film("a.blend", "--encode=prores")?.codec).toBe("prores");
    expect(film("a.blend")).toBe(undefined);
  });
  test.each([
    [["a.blend", "--encode=h246"], /--encode does not know "h246"\. Did you mean h26\d\?/],
    [["a.blend", "--fps", "24"], /--fps is about a film: give --encode too/],
    [["a.blend", "--encode", "--fps", "0"], /--fps must be frames a second/],
    [["a.blend", "--encode", "--quality", "hihg"], /Did you mean high\?/],
    [["a.blend", "--encode", "--skip"], /--encode and --skip do not go together/],
  ])("%j is refused", (args, sentence) => {
    expect(() => film(...args)).toThrow(sentence);
  });
  test("the film lies beside the frames, called as the scene, with the scene's rate", () => {
    const flags = film("a.blend", "--encode", "prores")!;
    expect(filmName("/shots/a/####.png", "shot", flags)).toBe("/shots/a/shot.mov");
    expect(
      filmParameters(flags, { pattern: "/shots/a/####.png", name: "/x.mov", fps: 24 / 1.001 }),
    ).toMatchObject({
      Pictures: "/shots/a/####.png",
      FramesPerSecond: "23.976024",
    });
  });
});
