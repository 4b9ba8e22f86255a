// Submitting files that are read where they lie: what is not there is said at its parameter, and nothing else is looked for.
import { randomUUID } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { SubmitInput } from "../contract/job.ts";
import { sendManifest } from "../../test/support/blobs.ts";
import { submission } from "../../test/support/builders.ts";
import { testBroker, testFolder } from "../../test/support/start-broker.ts";
import { storedIn } from "../../test/support/unchanged.ts";

const path = { type: "PATH", dataFlow: "IN", default: "" };
const parameterDefinitions = [
  { ...path, name: "Scene", objectType: "FILE" },
  { ...path, name: "Textures", objectType: "DIRECTORY" },
  { ...path, name: "Either" },
  { ...path, name: "Film", objectType: "FILE", dataFlow: "INOUT" },
  { ...path, name: "Out", objectType: "FILE", dataFlow: "OUT" },
  { ...path, name: "Named", objectType: "FILE", dataFlow: "NONE" },
];
const template = JSON.stringify({ ...JSON.parse(submission().template ?? ""), parameterDefinitions });

async function studio() {
  const broker = await testBroker();
  const { api } = broker;
  const folder = testFolder("tally-here-");
  writeFileSync(join(folder, "shot.blend"), "");
  writeFileSync(join(folder, "a_0001.png"), "");
  mkdirSync(join(folder, "textures"));
  const bodyOf = (parameters: Record<string, string>, more: Partial<SubmitInput> = {}): SubmitInput => ({
    template,
    parameters,
    settings: { filesInPlace: true },
    ...more,
  });
  const submitted = (body: SubmitInput) =>
    api.ok("submitJob", { headers: { "idempotency-key": randomUUID() }, body });
  return {
    broker,
    api,
    folder,
    at: (...names: string[]) => join(folder, ...names),
    bodyOf,
    submitted,
    /** What is said at each parameter; plan and submit say the same, and nothing is stored. */
    refused: async (parameters: Record<string, string>, more: Partial<SubmitInput> = {}) => {
      const before = storedIn(broker);
      const body = bodyOf(parameters, more);
      const headers = { "idempotency-key": randomUUID() };
      const { errors, detail } = await api.problem("submitJob", "invalid", { headers, body });
      expect((await api.problem("planJob", "invalid", { body })).errors).toEqual(errors);
      expect(storedIn(broker)).toEqual(before);
      expect(detail).toContain(errors?.[0]?.detail);
      return Object.fromEntries((errors ?? []).map((one) => [one.pointer, one.detail]));
    },
  };
}

test("what is there is taken: files, folders, sequences; empty, written and named paths are not looked for", async () => {
  const { at, bodyOf, submitted } = await studio();
  const parameters = {
    Scene: at("shot.blend"),
    Textures: at("textures"),
    Either: at("shot.blend"),
    Film: at("film.mov"),
    Out: at("out", "x.png"),
    Named: at("gone"),
  };
  await submitted(bodyOf(parameters));
  await submitted(bodyOf({ Scene: at("a_####.png"), Either: at("textures") }));
  await submitted(bodyOf({ Scene: at("a_%04d.png") }));
  await submitted(bodyOf({}));
});

test("what is not there is said at its parameter, all at once, with the name that was meant", async () => {
  const { at, refused } = await studio();
  const said = await refused({
    Scene: at("shto.blend"),
    Textures: at("gone", "deep"),
    Either: at("nothing at all"),
  });
  expect(said).toEqual({
    "parameters.Scene": `There is no file ${at("shto.blend")} on the broker's machine. Did you mean ${at("shot.blend")}?`,
    "parameters.Textures": `There is no folder ${at("gone", "deep")} on the broker's machine. Check its name and folder.`,
    "parameters.Either": `There is no file or folder ${at("nothing at all")} on the broker's machine. Check its name and folder.`,
  });
  expect(await refused({ Scene: at("b_####.png") })).toEqual({
    "parameters.Scene": expect.stringMatching(/^There is no file .*b_####\.png/),
  });
  expect(await refused({ Scene: at("shot.blend", "below.blend") })).toEqual({
    "parameters.Scene": expect.stringMatching(/^There is no file/),
  });
});

test("a folder for a file, a file for a folder, and a path that is not a full one", async () => {
  const { at, refused, folder, submitted, bodyOf } = await studio();
  expect(await refused({ Scene: at("textures"), Textures: at("shot.blend") })).toEqual({
    "parameters.Scene": `${at("textures")} is a folder. Give a file.`,
    "parameters.Textures": `${at("shot.blend")} is a file. Give a folder.`,
  });
  expect(await refused({ Scene: "shots/shot.blend" })).toEqual({
    "parameters.Scene": expect.stringMatching(
      /^"shots\/shot\.blend" is no full path\. Begin at the root of the disk, for example .*shots.shot\.blend\.$/,
    ),
  });
  // Whoever says where relative paths begin may use them.
  await submitted(bodyOf({ Scene: "shot.blend" }, { currentDirectory: folder }));
});

test("a name that is too long for any file is refused, not a mistake of the broker", async () => {
  const { at, refused } = await studio();
  expect(await refused({ Scene: at("x".repeat(600)) })).toEqual({
    "parameters.Scene": expect.stringMatching(/cannot be read on the broker's machine/),
  });
});

test("a wrong path comes with the other mistakes", async () => {
  const { at, refused } = await studio();
  const settings = { filesInPlace: true, priority: 900 };
  const said = await refused({ Scene: at("gone.blend"), Extra: "1" }, { settings }).catch(String);
  // The sentence names the first field; the others are listed.
  expect(said).toMatchObject({
    "settings.priority": expect.anything(),
    "parameters.Scene": expect.anything(),
  });
});

test("nobody looks for files that travel, that lie elsewhere, or that may be missing; what vanishes later is not asked for", async () => {
  const { api, at, bodyOf, submitted } = await studio();
  const gone = { Scene: at("gone.blend") };
  await submitted(bodyOf(gone, { settings: {} }));
  await submitted(bodyOf(gone, { settings: { filesInPlace: true, allowMissing: true } }));
  const manifest = await sendManifest(api, { [at("gone.blend")]: "a scene" });
  await submitted(bodyOf(gone, { manifest }));
  const headers = { "idempotency-key": randomUUID() };
  const body = bodyOf({ Scene: at("shot.blend") });
  const job = await api.ok("submitJob", { headers, body });
  rmSync(at("shot.blend"));
  // The same submission again is the same job.
  expect((await api.ok("submitJob", { headers, body })).number).toBe(job.number);
});
