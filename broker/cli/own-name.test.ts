// The commands that are printed must work as they stand.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { commands } from "./command-table.ts";
import { asTypedHere, tally, toldCommands } from "./own-name.ts";

const npx = { npm_command: "exec" };

test("npx where npm started this, the bare name elsewhere", () => {
  expect(tally("watch 3", {})).toBe("tally watch 3");
  expect(tally("watch 3", npx)).toBe("npx tally watch 3");
  expect(tally("watch 3", { npm_lifecycle_event: "demo" })).toBe("npx tally watch 3");
});

test("commands in what a broker or a worker said become those to type here", () => {
  const said = "Wait for it, cancel it (tally cancel 22), or look: tally show 22. `tally ls` lists them.";
  expect(asTypedHere(said, {})).toBe(said);
  const here =
    "Wait for it, cancel it (npx tally cancel 22), or look: npx tally show 22. `npx tally ls` lists them.";
  expect(asTypedHere(said, npx)).toBe(here);
  expect(asTypedHere(here, npx)).toBe(here);
  for (const other of [
    "The folder /shots/tally show 3 is full.",
    "A tally light on every frame.",
    "tally.yaml",
  ])
    expect(asTypedHere(other, npx)).toBe(other);
});

test("every command that they tell is known, and is one", () => {
  expect(toldCommands.filter((name) => !Object.hasOwn(commands, name))).toEqual([]);
  const root = join(import.meta.dirname, "../..");
  const folders = ["broker/service", "broker/http", "broker/home", "broker/blob", "container/agent"];
  const sources = folders
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) =>
        join(folder, name),
      ),
    )
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
  const names = sources.flatMap((name) =>
    [...readFileSync(join(root, name), "utf8").matchAll(/\btally ([a-z]+)\b/g)].map(([, word]) => word ?? ""),
  );
  expect(names.length).toBeGreaterThan(20);
  const known: readonly string[] = toldCommands;
  expect(names.filter((name) => Object.hasOwn(commands, name) && !known.includes(name))).toEqual([]);
});
