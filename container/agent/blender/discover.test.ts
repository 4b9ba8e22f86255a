// Blenders are found where people have them, and the right one is chosen.
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { blenderAt, chooseBlender, compareSeries, findBlenders } from "./discover.ts";
import type { BlenderInstall } from "./discover.ts";
import { usualPlaces } from "./folders.ts";
import { testFolder } from "./test-session.ts";

const home = testFolder();
const env = { HOME: home, PATH: join(home, "bin") };
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** A program that answers `--version` as Blender does, and counts how often it was asked. */
function program(path: string, version: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(
    path,
    `#!/bin/sh\necho x >> "${path}.asked"\necho "Blender ${version}"\necho "  build date: 2026"\n`,
  );
  chmodSync(path, 0o755);
  return path;
}

describe.skipIf(process.platform === "win32")("finding", () => {
  test("config, PATH, Steam, launcher folders and installed wheels, best first, each once", async () => {
    const configured = program(join(home, "mine", "blender"), "4.2.3");
    program(join(home, "bin", "blender"), "3.6.0");
    program(join(home, ".steam/steam/steamapps/common/Blender/blender"), "4.5.1 LTS");
    program(join(home, "blender-launcher/stable/blender-4.1.0-linux/blender"), "4.1.0");
    program(join(home, "blender-broken/blender"), "");
    const wheel = join(home, ".cache/tally/blender/5.0");
    program(join(wheel, "bin/python"), "");
    mkdirSync(join(wheel, "lib/python3.11/site-packages/bpy-5.0.1.dist-info"), { recursive: true });
    const found = await findBlenders({ config: { blenders: [configured] }, env });
    expect(
      found.filter((one) => one.path.startsWith(home)).map((one) => [one.source, one.version, one.kind]),
    ).toEqual([
      ["config", "4.2.3", "blender"],
      ["path", "3.6.0", "blender"],
      ["folder", "4.5.1", "blender"],
      ["folder", "4.1.0", "blender"],
      ["installed", "5.0.1", "bpy"],
    ]);
  });

  test("a Blender is asked for its version once, until it changes", async () => {
    const path = program(join(home, "once", "blender"), "4.4.0");
    expect((await blenderAt(path, env))?.version).toBe("4.4.0");
    expect((await blenderAt(path, env))?.version).toBe("4.4.0");
    const { readFileSync, utimesSync } = await import("node:fs");
    expect(readFileSync(`${path}.asked`, "utf8")).toBe("x\n");
    program(path, "4.4.1");
    utimesSync(path, 1, 1);
    expect((await blenderAt(path, env))?.version).toBe("4.4.1");
    expect(await blenderAt(join(home, "none"), env)).toBeNull();
  });
});

test.each(["linux", "darwin", "win32"] as const)("%s has its usual places, Steam among them", (platform) => {
  const places = usualPlaces(platform, { HOME: "/home/me", LOCALAPPDATA: "C:\\Users\\me\\AppData\\Local" });
  expect(places.some((place) => /steam/i.test(place))).toBe(true);
  expect(places.length).toBeGreaterThan(5);
});

describe("choosing", () => {
  const install = (version: string, source: BlenderInstall["source"] = "path"): BlenderInstall => ({
    series: version.split(".").slice(0, 2).join("."),
    version,
    path: `/b/${version}/${source}`,
    kind: "blender",
    source,
  });
  const all = [
    install("3.4.1"),
    install("4.5.15", "installed"),
    install("4.5.2"),
    install("5.0.1"),
    install("4.10.0"),
  ];
  const chosen = (file: string, override?: string): string => {
    const answer = chooseBlender(all, file, override);
    return "install" in answer ? answer.install.path : answer.problem;
  };

  test("the file's own series, else the nearest newer, never an older", () => {
    expect(chosen("4.5")).toBe("/b/4.5.2/path");
    expect(chosen("3.4")).toBe("/b/3.4.1/path");
    expect(chosen("3.6")).toBe("/b/4.5.2/path");
    expect(chosen("4.6")).toBe("/b/4.10.0/path");
    expect(chosen("5.1")).toBe(
      "The scene was saved with Blender 5.1. This machine has Blender 3.4, 4.5, 4.10, 5.0, none of them that new or newer. Install it with: tally blender install 5.1",
    );
  });

  test("a person's own choice holds, unless it is too old or not there", () => {
    expect(chosen("3.4", "5.0")).toBe("/b/5.0.1/path");
    expect(chosen("3.4", "4.5.1")).toBe("/b/4.5.2/path");
    expect(chosen("4.5", "3.4")).toMatch(/saved with Blender 4\.5, which Blender 3\.4 cannot open/);
    expect(chosen("3.4", "4.2")).toMatch(/not 4\.2\. Install it with: tally blender install 4\.2$/);
    expect(chooseBlender([], "4.5")).toEqual({
      problem:
        "The scene was saved with Blender 4.5. This machine has no Blender. Install it with: tally blender install 4.5",
    });
  });

  test("series are compared as numbers", () => {
    expect(["4.10", "4.2", "3.6", "5.0"].toSorted(compareSeries)).toEqual(["3.6", "4.2", "4.10", "5.0"]);
  });
});
