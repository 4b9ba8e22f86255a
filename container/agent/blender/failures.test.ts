// Bad days with real Blenders: what is told is true, is one sentence with a next step, and the rest goes on.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, renameSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inspectScene } from "./inspect.ts";
import {
  blenderOf,
  blenders,
  lastOf,
  makeScenes,
  newSession,
  processesOf,
  testFolder,
} from "./test-session.ts";
import type { TestSession } from "./test-session.ts";

const NAMES = [
  "anim",
  "textured",
  "linked",
  "nocamera",
  "slow",
  "hang",
  "scripterror",
  "liar",
  "holed",
  "pydriver",
  "gpu",
  "movie",
];

// Both ends of the range: logs, compositor and file format differ most between them.
const ends = blenders.filter((_, index) => index === 0 || index === blenders.length - 1);

describe.each(ends)("Blender $version", (install) => {
  const folder = testFolder();
  const scene = (name: string): string => join(folder, `${name}.blend`);
  beforeAll(() => makeScenes(install, folder, ...NAMES));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const refusal = async (name: string, ...args: string[]): Promise<string> => {
    const session = newSession(install);
    const ran = await session.start(scene(name), scene(name), ...args);
    expect(ran.code).toBe(1);
    await session.stop();
    expect(processesOf(session)).toBe(0);
    return ran.lines.find((line) => line.startsWith("openjd_fail: ")) ?? ran.lines.join("\n");
  };
  const within = async (
    name: string,
    args: string[],
    use: (session: TestSession) => Promise<void>,
  ): Promise<void> => {
    const session = newSession(install);
    try {
      const started = await session.start(scene(name), scene(name), ...args);
      expect(started.code, started.lines.join("\n")).toBe(0);
      await use(session);
    } finally {
      await session.stop();
    }
    expect(processesOf(session)).toBe(0);
  };

  test("a truncated .blend is refused before Blender opens it", async () => {
    copyFileSync(scene("anim"), scene("cut"));
    truncateSync(scene("cut"), 200_000);
    expect(await refusal("cut")).toMatch(/is cut off.*Save the scene again in Blender/);
  });

  test("a missing linked library is refused, and rendered when allowed", async () => {
    renameSync(join(folder, "lib", "asset.blend"), join(folder, "lib", "gone.blend"));
    try {
      expect(await refusal("linked")).toMatch(
        /needs files that are not there: library .*asset\.blend.*--allow-missing/,
      );
      expect((await inspectScene(scene("linked"), install)).missing[0]).toMatch(/^library .*asset\.blend$/);
      await within("linked", ["--allow-missing=true"], async (session) => {
        expect(lastOf(await session.render("1"), 1)?.state).toBe("succeeded");
      });
    } finally {
      renameSync(join(folder, "lib", "gone.blend"), join(folder, "lib", "asset.blend"));
    }
  });

  test("a missing texture is refused", async () => {
    renameSync(join(folder, "tex", "red.png"), join(folder, "tex", "gone.png"));
    try {
      expect(await refusal("textured")).toMatch(/not there: texture .*red\.png.*--allow-missing/);
    } finally {
      renameSync(join(folder, "tex", "gone.png"), join(folder, "tex", "red.png"));
    }
  });

  test("blocked scripts and drivers are refused until they are allowed", async () => {
    expect(await refusal("scripterror")).toMatch(/script "on_frame\.py".*--allow-scripts/);
    expect(await refusal("pydriver")).toMatch(
      /driver location = nothing_of_that_name\(frame\).*--allow-scripts/,
    );
  });

  test("a script error fails its frame, with the script's own words, and no other", async () => {
    await within("scripterror", ["--allow-scripts=true"], async (session) => {
      const ran = await session.render("1-3");
      expect(ran.code).toBe(0);
      expect([1, 2, 3].map((frame) => lastOf(ran, frame)?.state)).toEqual([
        "succeeded",
        "failed",
        "succeeded",
      ]);
      expect(lastOf(ran, 2)?.reason).toMatch(/script.*ValueError: the rig is broken/);
    });
  });

  test("a picture that cannot be read back fails its frame, though its beginning and end are right", async () => {
    await within("holed", ["--allow-scripts=true", "--format=OPEN_EXR"], async (session) => {
      const ran = await session.render("1-3");
      expect([1, 2, 3].map((frame) => lastOf(ran, frame)?.state)).toEqual([
        "succeeded",
        "failed",
        "succeeded",
      ]);
      expect(lastOf(ran, 2)?.reason).toMatch(/cannot be read back/);
    });
  });

  test("a broken driver fails every frame it would spoil", async () => {
    await within("pydriver", ["--allow-scripts=true"], async (session) => {
      const ran = await session.render("1-2");
      expect([1, 2].map((frame) => lastOf(ran, frame)?.state)).toEqual(["failed", "failed"]);
      expect(lastOf(ran, 2)?.reason).toMatch(/driver.*does not work/i);
    });
  });

  test("a scene cannot report frames itself", async () => {
    await within("liar", ["--allow-scripts=true"], async (session) => {
      const ran = await session.render("1");
      expect(lastOf(ran, 1)?.state).toBe("succeeded");
      expect(ran.lines.some((line) => line.startsWith("| tally_frame"))).toBe(true);
    });
  });

  test("no camera fails the frame and the session lives", async () => {
    expect((await inspectScene(scene("nocamera"), install)).scenes[0]?.lacksCamera).toBe(true);
    await within("nocamera", [], async (session) => {
      const ran = await session.render("1-2");
      expect(ran.code).toBe(0);
      expect(lastOf(ran, 2)?.reason).toMatch(
        /no camera.*\(Blender: "Error: Cannot render, no camera"\).*--camera NAME/,
      );
    });
  });

  test("a movie format and an absent GPU are refused with the flag that mends them", async () => {
    expect(await refusal("movie")).toMatch(/movie.*--format PNG/);
    expect(await refusal("gpu")).toMatch(/finds none.*--device cpu/);
    await within("gpu", ["--device=GPU_OR_CPU"], async (session) => {
      expect(lastOf(await session.render("1"), 1)?.device).toBe("CPU (no GPU found)");
    });
  });

  test("a hung frame is stopped by its timeout and the next one renders", async () => {
    await within("hang", ["--allow-scripts=true", "--frame-timeout=2"], async (session) => {
      const ran = await session.render("1-3");
      expect(ran.code).toBe(0);
      expect([1, 2, 3].map((frame) => lastOf(ran, frame)?.state)).toEqual([
        "succeeded",
        "failed",
        "succeeded",
      ]);
      expect(lastOf(ran, 2)?.reason).toMatch(/longer than its limit of 2 s.*--frame-timeout/);
    });
  });

  test("a Blender killed in mid-frame fails that frame by name of the signal, and the session lives", async () => {
    await within("slow", [], async (session) => {
      const ran = await session.render("1", (frame) => {
        if (frame.state === "started") process.kill(blenderOf(session), "SIGKILL");
      });
      expect(ran.code).toBe(0);
      expect(lastOf(ran, 1)).toMatchObject({ state: "failed" });
      expect(lastOf(ran, 1)?.reason).toMatch(/was killed \(SIGKILL.*tally requeue/);
    });
  });

  test("progress inside a frame is told and never runs backwards", async () => {
    await within("slow", ["--samples=400", "--resolution-scale=50"], async (session) => {
      const shares = (await session.render("1")).frames.flatMap((frame) => frame.progress ?? []);
      expect(shares.length).toBeGreaterThan(0);
      expect(shares).toEqual(shares.toSorted((a, b) => a - b));
      expect(shares.every((share) => share > 0 && share <= 1)).toBe(true);
    });
  });

  test("a client that is killed in mid-frame takes the whole session with it", async () => {
    const session = newSession(install);
    expect((await session.start(scene("slow"))).code).toBe(0);
    const ran = await session.render("1", (frame, kill) => {
      if (frame.state === "started") kill();
    });
    expect(lastOf(ran, 1)?.state).toBe("started");
    await expect.poll(() => processesOf(session), { timeout: 10_000 }).toBe(0);
  });
});

test.skipIf(process.platform !== "linux" || blenders[0] === undefined)(
  "a full disk fails the frame in plain words",
  async (context) => {
    const folder = testFolder();
    const session = newSession(blenders[0]!);
    const small = join(session.leaseFolder, "small");
    mkdirSync(small);
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=4k", "tmpfs", small]).status === 0;
    if (!mounted) return context.skip("this user may not mount a small disk");
    try {
      makeScenes(blenders[0]!, folder, "anim");
      expect((await session.start(join(folder, "anim.blend"))).code).toBe(0);
      const full = newSession(blenders[0]!, { TALLY_SESSION_DIR: session.folder, TALLY_LEASE_DIR: small });
      const ran = await full.render("1-2");
      expect(ran.code).toBe(0);
      expect(lastOf(ran, 2)?.reason).toMatch(/disk.*is full.*No space left on device.*tally requeue/);
      expect(lastOf(await session.render("1"), 1)?.state).toBe("succeeded");
    } finally {
      await session.stop();
      spawnSync("umount", [small]);
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
