// Blender far from home: a scene with files of every kind renders the same pixels on a worker that shares no folder with
// the artist, and the film of its frames plays.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Job } from "../../broker/contract/job.ts";
import { makeFileScenes, pixelsOf, placeScene, renderLocally } from "../support/scenes.ts";
import { until } from "./agent-support.ts";
import { createDesk } from "./cli-support.ts";
import { createFarDesk, type FarDesk } from "./far-desk.ts";

let far: FarDesk;
beforeAll(async () => {
  far = await createFarDesk();
});
afterAll(() => far.close());

const numberOf = (out: string): number => Number(/[Jj]ob (\d+)/.exec(out)?.[1]);

async function ended(number: number): Promise<Job> {
  return await until(`job ${number} has ended`, async () => {
    const job = await far.client.call<Job>("get", `/v1/jobs/${number}`);
    return ["succeeded", "failed", "canceled"].includes(job.state) && job;
  });
}

type Stream = { codec_name: string; nb_read_frames: string; r_frame_rate: string; width: number };

function probe(film: string): Stream & { duration: string } {
  const args = "-v error -count_frames -show_entries stream:format=duration -of json".split(" ");
  const told = JSON.parse(execFileSync("ffprobe", [...args, film], { encoding: "utf8" })) as {
    streams: Stream[];
    format: { duration: string };
  };
  return { ...(told.streams[0] as Stream), duration: told.format.duration };
}

test("a scene with textures, an image sequence, UDIM tiles, a library with its own textures and caches renders the same pixels far away as at home", async () => {
  const show = join(far.artist.folder, "show");
  makeFileScenes(show, ["far"]);
  const scene = join(show, "shot", "far.blend");
  renderLocally(scene);
  const folder = join(show, "shot", "render");
  const local = Object.fromEntries(readdirSync(folder).map((name) => [name, pixelsOf(join(folder, name))]));
  expect(Object.keys(local)).toHaveLength(5);
  rmSync(folder, { recursive: true });

  const submitted = await far.artist.tally("submit", scene);
  expect(submitted.code, submitted.err).toBe(0);
  const number = numberOf(submitted.out);
  // The worker starts with nothing, and what the artist has is not where it was.
  const away = `${show}-away`;
  renameSync(show, away);
  const agent = await far.agent();
  try {
    const job = await ended(number);
    expect(job.state, JSON.stringify(job)).toBe("succeeded");
    expect(existsSync(show)).toBe(false);
  } finally {
    await agent.kill();
    renameSync(away, show);
  }
  const pulled = await far.artist.tally("pull", String(number));
  expect(pulled.code, pulled.err).toBe(0);
  const home = Object.fromEntries(readdirSync(folder).map((name) => [name, pixelsOf(join(folder, name))]));
  expect(home).toEqual(local);
});

test("the film of a job plays: made far away of frames that another step rendered, brought home beside them", async () => {
  const scene = placeScene("anim", join(far.artist.folder, "film"));
  const agent = await far.agent();
  const ran = await far.artist.tally("submit", scene, "--encode", "--frames", "-1-4", "--wait");
  await agent.kill();
  expect(ran.code, ran.out + ran.err).toBe(0);
  const folder = join(dirname(scene), "render");
  const names = ["-0001", "0000", "0001", "0002", "0003", "0004"].map((number) => `frame_${number}.png`);
  expect(readdirSync(folder).toSorted()).toEqual(["anim.mp4", ...names].toSorted());
  const film = probe(join(folder, "anim.mp4"));
  expect(film).toMatchObject({ codec_name: "h264", nb_read_frames: "6", r_frame_rate: "24/1", width: 64 });
  expect(Number(film.duration)).toBeCloseTo(6 / 24, 2);
});

test("a film is made on the artist's own machine too, of EXR with many layers, and nothing else changes there", async () => {
  const desk = await createDesk();
  try {
    const scene = placeScene("textured", join(desk.folder, "shot"));
    const flags = ["--format", "OPEN_EXR_MULTILAYER", "--encode", "prores", "--fps", "23.976"];
    const ran = await desk.tally("submit", scene, ...flags, "--wait");
    expect(ran.code, ran.out + ran.err).toBe(0);
    const folder = join(dirname(scene), "render");
    const frames = ["1", "2", "3", "4", "5"].map((number) => `frame_000${number}.exr`);
    expect(readdirSync(folder).toSorted()).toEqual([...frames, "textured.mov"].toSorted());
    expect(readdirSync(dirname(scene)).toSorted()).toEqual(["render", "tex", "textured.blend"]);
    const film = probe(join(folder, "textured.mov"));
    expect(film).toMatchObject({ codec_name: "prores", nb_read_frames: "5", r_frame_rate: "24000/1001" });
  } finally {
    await desk.close();
  }
});
