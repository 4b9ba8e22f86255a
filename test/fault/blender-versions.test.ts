// Which Blender renders a scene: the one it was saved with, else the nearest newer one, and one series for a whole job.
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test, type TestContext } from "vitest";
import { compareSeries, type BlenderInstall } from "../../container/agent/blender/discover.ts";
import { untilState } from "../support/builders.ts";
import { blenders } from "../support/scenes.ts";
import { openStudio, type Studio } from "../support/studio.ts";

let studio: Studio;
/** Hides the wheels that `tally blender install` has put there. */
let withoutWheels: Record<string, string>;
beforeAll(async () => {
  studio = openStudio();
  withoutWheels = { XDG_CACHE_HOME: join(studio.folder, "no cache") };
  await studio.startBroker();
});
afterAll(() => studio.close());

/** A Blender of this series, or the test is left out by name; where nothing may be left out it fails. */
function needs(context: TestContext, series: string): BlenderInstall {
  const found = blenders.find((one) => one.series === series);
  if (found !== undefined) return found;
  const why = `this machine has no Blender ${series}: tally blender install ${series}`;
  if (process.env["CI"]) throw new Error(why);
  return context.skip(why);
}

/** The Blenders that opened the scene of a job, by the logs of its workers. */
async function versionsIn(number: number): Promise<string[]> {
  const { items } = await studio.api.ok("listAttempts", { params: { job: number } });
  const logs = join(studio.dataFolder, "logs");
  const names = readdirSync(logs, { recursive: true, encoding: "utf8" });
  const texts = [...new Set(items.map(({ leaseId }) => leaseId))].flatMap((lease) =>
    names
      .filter((name) => name.endsWith(`/${lease.replace("lea_", "")}.log`))
      .map((name) => readFileSync(join(logs, name), "utf8")),
  );
  expect(texts.length).toBeGreaterThan(0);
  return [...new Set(texts.flatMap((text) => /Blender (\d+\.\d+\.\d+).* is ready/.exec(text)?.[1] ?? []))];
}

for (const series of ["4.5", "5.0"])
  test(`a scene saved with Blender ${series} renders with it, the whole way`, async (context) => {
    const install = needs(context, series);
    const scene = studio.scene("anim", { install });
    const { code, text } = await studio.tally("submit", scene, "--frames", "1-3", "--wait");
    expect(code, text).toBe(0);
    expect(text).toContain(`Blender ${install.version}\n`);
    expect(readdirSync(join(dirname(scene), "render"))).toEqual(
      [1, 2, 3].map((frame) => `frame_000${frame}.png`),
    );
    const { number } = await studio.api.ok("getJob", { params: { job: "latest" } });
    expect(await versionsIn(number)).toEqual([install.version]);
    expect((await studio.tally("show")).text).toMatch(new RegExp(`Blender +${series}\n`));
  });

test("a scene saved with a newer Blender than any here is refused at submit by its version", async (context) => {
  const scene = studio.scene("anim", { install: needs(context, "4.5") });
  const older = openStudio({ env: withoutWheels });
  try {
    const { code, text } = await older.tally("submit", scene);
    expect(code).toBe(1);
    expect(text).toMatch(
      /^The scene was saved with Blender 4\.5\. This machine has Blender [\d., ]+, none of them that new or newer\. Install it with: tally blender install 4\.5\n$/,
    );
    // Nobody was bothered with it.
    expect(existsSync(join(older.dataFolder, "connection.json"))).toBe(false);
  } finally {
    await older.close();
  }
});

test("--blender takes a newer series than the scene's, says so, and refuses an older one", async (context) => {
  const [oldest, newer] = [
    blenders.toSorted((a, b) => compareSeries(a.series, b.series))[0],
    needs(context, "4.5"),
  ];
  const scene = studio.scene("anim", { install: oldest as BlenderInstall });
  const { code, text } = await studio.tally("submit", scene, "--frames", "1", "--blender", "4.5", "--wait");
  expect(code, text).toBe(0);
  expect(text).toContain(`Blender ${newer.version}: the scene was saved with ${oldest?.series}`);
  const { number } = await studio.api.ok("getJob", { params: { job: "latest" } });
  expect(await versionsIn(number)).toEqual([newer.version]);
  const back = studio.scene("anim", { install: newer });
  const refused = await studio.tally("submit", back, "--blender", oldest?.series ?? "");
  expect(refused.code).toBe(1);
  expect(refused.text).toBe(
    `The scene was saved with Blender 4.5, which Blender ${oldest?.series} cannot open. Leave --blender out, or ask for 4.5 or newer.\n`,
  );
  const unknown = await studio.tally("submit", back, "--blender", "9.9");
  expect(unknown.text).toMatch(
    /^This machine has Blender .*, not 9\.9\. Install it with: tally blender install 9\.9\n$/,
  );
});

test("never two series in one job: frames wait for the job's own Blender though another one is idle", async (context) => {
  const install = needs(context, "4.5");
  const oldest = blenders.find((one) => one.kind === "blender");
  if (oldest === undefined) return context.skip("this machine has only wheels, which cannot be hidden apart");
  // Readable by an older one too, so that only the rule holds it back.
  const scene = studio.scene("anim", { install: oldest });
  const number = await studio.submit(scene, "--frames", "1-2", "--blender", "4.5", "--paused");
  const restart = async (env: Record<string, string>): Promise<void> => {
    await studio.killBroker();
    for (const agent of studio.processes("agent/main.ts")) process.kill(agent, "SIGKILL");
    await studio.startBroker(env);
  };
  await restart(withoutWheels);
  expect((await studio.tally("resume", String(number))).code).toBe(0);
  // One that the worker can render, submitted later, is done; the first still waits.
  const other = await studio.submit(
    studio.scene("anim", { install: oldest }),
    "--frames",
    "1",
    "--blender",
    oldest.series,
  );
  await untilState(studio.api, other, "succeeded");
  expect((await studio.api.ok("getJob", { params: { job: number } })).state).toBe("queued");
  expect((await studio.api.ok("listAttempts", { params: { job: number } })).items).toEqual([]);
  await restart({});
  await untilState(studio.api, number, "succeeded");
  expect(await versionsIn(number)).toEqual([install.version]);
});

test("a Blender that is installed while a worker idles is used without a restart", async (context) => {
  const install = needs(context, "4.5");
  const oldest = blenders.find((one) => one.kind === "blender");
  if (oldest === undefined) return context.skip("this machine has only wheels, which cannot be hidden apart");
  const wheels = join(withoutWheels["XDG_CACHE_HOME"] as string, "tally", "blender");
  const fresh = openStudio({ env: withoutWheels });
  try {
    const first = await fresh.tally(
      "submit",
      fresh.scene("anim", { install: oldest }),
      "--frames",
      "1",
      "--wait",
    );
    expect(first.code, first.text).toBe(0);
    mkdirSync(wheels, { recursive: true });
    // The environment of a wheel is <folder>/<series>/bin/python.
    symlinkSync(dirname(dirname(install.path)), join(wheels, "4.5"));
    const second = await fresh.tally("submit", fresh.scene("anim", { install }), "--frames", "1", "--wait");
    expect(second.code, second.text).toBe(0);
    expect(second.text).toContain(`Blender ${install.version}\n`);
  } finally {
    await fresh.close();
  }
});
