// The vectors of looking into a folder, run against the agent's and the command line's scan.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { scanFolder } from "../../container/agent/files/scan.ts";
import { testFolder } from "../support/start-broker.ts";

interface Given {
  scan: string;
  roots?: string[];
  files?: Record<string, string>;
  folders?: string[];
  links?: Record<string, string>;
  pipes?: string[];
  hexNames?: string[];
}
interface Case {
  name: string;
  given: Given;
  expect: { files: string[]; emptyFolders: string[]; problems: string[]; notes: string[] };
}
const cases = JSON.parse(readFileSync(join(import.meta.dirname, "scan.json"), "utf8")) as Case[];

function makeTree(top: string, given: Given): void {
  const place = (name: string) => {
    mkdirSync(dirname(join(top, name)), { recursive: true });
    return join(top, name);
  };
  for (const [name, text] of Object.entries(given.files ?? {})) writeFileSync(place(name), text);
  for (const name of given.folders ?? []) mkdirSync(join(top, name), { recursive: true });
  for (const [name, target] of Object.entries(given.links ?? {}))
    symlinkSync(target.replace("{top}", top), place(name));
  for (const name of given.pipes ?? []) execFileSync("mkfifo", [place(name)]);
  for (const name of given.hexNames ?? []) {
    const folder = dirname(place(name));
    writeFileSync(
      Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name.slice(name.lastIndexOf("/") + 1), "hex")]),
      "",
    );
  }
}

test.runIf(process.platform !== "win32").for(cases)("scan: $name", async ({ given, expect: wanted }) => {
  const top = realpathSync(testFolder());
  makeTree(top, given);
  const found = await scanFolder(join(top, given.scan), {
    roots: (given.roots ?? []).map((one) => join(top, one)),
  });
  const plain = (text: string) => text.replaceAll(top, "{top}");
  expect({
    files: found.files.map(({ path }) => plain(path)),
    emptyFolders: found.emptyFolders.map(plain),
    problems: found.problems.map(plain),
    notes: found.notes.map(plain),
  }).toEqual(wanted);
});
