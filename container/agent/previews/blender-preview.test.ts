// Previews by a Blender of their own: what they show is what the artist sees in the session, in each Blender there is.
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, truncateSync, writeFileSync } from "node:fs";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { pythonCommand, startScript } from "../blender/blender-process.ts";
import { blenders, testFolder } from "../blender/test-session.ts";
import { createBlenderPreviewer } from "./blender-preview.ts";
import { difference, sizeOf } from "./test-pictures.ts";

const looks = ["plain", "filmic", "exposed", "curved", "transparent"];

test("there is a Blender to ask", () => expect(blenders.length).toBeGreaterThan(0));

describe.each(blenders)("Blender $version", (install) => {
  const folder = testFolder();
  const scratch = join(folder, "scratch");
  mkdirSync(scratch);
  const previewer = createBlenderPreviewer(scratch);
  const target = join(folder, "small.jpg");
  const of = (look: string, name: string): string => join(folder, look, name);
  const make = (look: string, name: string, side = 960): Promise<void> =>
    previewer.make(install, of(look, name), target, of(look, "look.json"), side);

  beforeAll(() => {
    const maker = join(import.meta.dirname, "../../blender/tests/make_pictures.py");
    const args = install.kind === "bpy" ? [maker, "--"] : pythonCommand(install, maker);
    execFileSync(install.path, [...args, folder, ...looks], { stdio: "pipe" });
  });
  afterAll(() => previewer.close());

  test.each(looks)(
    "a picture of the look %s, with light, layers, 8 and 16 bits, looks as in the session",
    async (look) => {
      for (const name of ["light.exr", "layers.exr", "shown.png", "deep.png"]) {
        // oxlint-disable-next-line no-await-in-loop -- one at a time
        await make(look, name);
        expect(difference(target, of(look, "truth.png")), name).toBeLessThan(2.5);
      }
      expect(sizeOf(target)).toEqual([320, 180]);
    },
  );

  test("another look is seen as another one", async () => {
    for (const name of ["light.exr", "layers.exr"]) {
      const source = of("plain", name);
      // oxlint-disable-next-line no-await-in-loop -- one at a time
      await previewer.make(install, source, target, of("exposed", "look.json"), 960);
      expect(difference(target, of("plain", "truth.png")), name).toBeGreaterThan(10);
    }
  });

  test("a large picture becomes small, whether it has layers or not", async () => {
    for (const name of ["light.exr", "layers.exr", "shown.png"]) {
      // oxlint-disable-next-line no-await-in-loop -- one at a time
      await make("plain", name, 160);
      expect(sizeOf(target), name).toEqual([160, 90]);
      expect(difference(target, of("plain", "truth.png")), name).toBeLessThan(4);
    }
    expect(existsSync(`${target}.large.jpg`)).toBe(false);
  });

  test.skipIf(process.platform !== "linux")(
    "it ends by itself at a picture that hangs, once nobody is left to end it (Linux only)",
    async () => {
      const fifo = join(folder, "fifo.png");
      execFileSync("mkfifo", [fifo]);
      const ended = Promise.withResolvers<string | null>();
      const script = startScript<{ event: string }>(
        install,
        "previewer.py",
        scratch,
        {},
        {
          log() {},
          message({ event }) {
            // Its input stays open, as it does while somebody else has it too.
            if (event === "ready")
              script.send({ source: fifo, target, look: null, side: 96, quality: 80, seconds: 1 });
          },
          exit: (_, signal) => ended.resolve(signal),
        },
      );
      onTestFinished(() => script.kill());
      expect(await ended.promise).toBe("SIGALRM");
    },
  );

  test("what is no picture, or half of one, is said; the next picture is made all the same", async () => {
    const none = join(folder, "none.png");
    writeFileSync(none, "not a picture");
    await expect(previewer.make(install, none, target, of("plain", "look.json"), 960)).rejects.toThrow(/./);
    const half = join(folder, "half.exr");
    copyFileSync(of("plain", "layers.exr"), half);
    truncateSync(half, 3000);
    // Some Blenders show what there is of it, some do not: either way it goes on.
    await previewer.make(install, half, target, of("plain", "look.json"), 960).catch(() => {});
    await make("plain", "shown.png");
    expect(difference(target, of("plain", "truth.png"))).toBeLessThan(2.5);
  });
});
