// Every picture that Blender saves is seen small a moment later, as the session shows it.
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Artifact } from "../../broker/contract/attempt.ts";
import { difference } from "../../container/agent/previews/test-pictures.ts";
import { renderLocally } from "../support/scenes.ts";
import { openStudio, until, type Studio } from "../support/studio.ts";

let studio: Studio;
beforeAll(async () => {
  studio = openStudio();
  await studio.startBroker();
});
afterAll(() => studio.close());

/** Waits until a job is done and each of its files has its preview; by the files' names. */
const previewsOf = (job: number): Promise<Map<string, Artifact>> =>
  until(`job ${job} has its previews`, async () => {
    const { endedAt, deliveredFiles } = await studio.api.ok("getJob", { params: { job } });
    if (endedAt === null) return undefined;
    const query = { kind: "any", limit: 1000 };
    const { items } = await studio.api.ok("listArtifacts", { params: { job }, query });
    const files = items.filter(({ kind }) => kind === "file");
    const previews = new Map(items.filter(({ kind }) => kind === "preview").map((one) => [one.of, one]));
    if (files.length > deliveredFiles || files.some(({ id }) => !previews.has(id))) return undefined;
    return new Map(files.map(({ id, name }) => [name, previews.get(id) as Artifact]));
  });

async function fetchPreview({ sha256 }: Artifact): Promise<string> {
  const answer = await fetch(`${studio.api.url}/v1/blobs/${sha256}`, {
    headers: { authorization: `Bearer ${studio.api.token}` },
  });
  const path = join(studio.folder, "preview.jpg");
  writeFileSync(path, Buffer.from(await answer.arrayBuffer()));
  return path;
}

test("an EXR of many layers is seen as a local render shows it", async () => {
  const scene = studio.scene("textured");
  // What the session shows is what Blender saves as PNG.
  renderLocally(scene);
  const folder = join(dirname(scene), "render");
  const number = await studio.submit(scene, "--format", "OPEN_EXR_MULTILAYER", "--frames", "1-3");
  const previews = await previewsOf(number);
  expect([...previews.keys()].toSorted()).toEqual(
    [1, 2, 3].map((frame) => join(folder, `frame_000${frame}.exr`)),
  );
  for (const [name, preview] of previews) {
    expect(preview).toMatchObject({ name, state: "current", kept: true, deliveredAt: null });
    // oxlint-disable-next-line no-await-in-loop -- one file for all
    const seen = await fetchPreview(preview);
    expect(difference(seen, name.replace(".exr", ".png")), name).toBeLessThan(3);
  }
  const others = [...previews.values()].map(({ sha256 }) => sha256);
  expect(new Set(others).size, "the cube turns").toBe(3);
});

test("files of the compositor and of both eyes have theirs too, and none of them is brought home", async () => {
  for (const name of ["nodes", "stereo"]) {
    const scene = studio.scene(name);
    // oxlint-disable-next-line no-await-in-loop -- one worker
    const number = await studio.submit(scene, "--frames", "1-2");
    // oxlint-disable-next-line no-await-in-loop -- one worker
    const previews = await previewsOf(number);
    expect(previews.size, name).toBe(name === "nodes" ? 6 : 4);
    // oxlint-disable-next-line no-await-in-loop -- one worker
    const job = await studio.api.ok("getJob", { params: { job: number } });
    expect(job).toMatchObject({ state: "succeeded", deliveredFiles: previews.size });
  }
});
