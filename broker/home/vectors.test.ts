// One file on its way home, by the vectors that both languages run.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { bringHome, type Homecoming } from "./bring-home.ts";

interface Case {
  name: string;
  given: {
    files: Record<string, string>;
    folders?: string[];
    readOnly?: string[];
    onlyOn?: string;
    file: Omit<Homecoming, "source">;
    source: { file?: string; move?: boolean; fetch?: string; fetchFails?: string };
  };
  expect: {
    kind: "delivered" | "skipped" | "failed";
    problem?: string;
    files: Record<string, string>;
    executable?: boolean;
    fetches?: number;
  };
}

const cases = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../test/vectors/home.json"), "utf8"),
) as Case[];

test.each(cases)("$name", async ({ given, expect: wanted }) => {
  if (given.onlyOn === "posix, not root" && (process.platform === "win32" || process.getuid?.() === 0))
    return;
  const root = mkdtempSync(join(tmpdir(), "tally-home-"));
  onTestFinished(() => {
    for (const folder of given.readOnly ?? []) chmodSync(join(root, folder), 0o755);
    rmSync(root, { recursive: true });
  });
  for (const [path, text] of Object.entries(given.files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  for (const folder of given.folders ?? []) mkdirSync(join(root, folder), { recursive: true });
  for (const folder of given.readOnly ?? []) chmodSync(join(root, folder), 0o555);
  let fetches = 0;
  const { file, fetch, fetchFails } = given.source;
  const source: Homecoming["source"] =
    file !== undefined
      ? { file: join(root, file), move: given.source.move === true }
      : {
          fetch: async (target) => {
            fetches++;
            if (fetch !== undefined) writeFileSync(target, fetch);
            if (fetchFails !== undefined) throw new Error(fetchFails);
          },
        };
  const result = await bringHome({ ...given.file, name: join(root, given.file.name), source });
  expect(result.kind, JSON.stringify(result)).toBe(wanted.kind);
  if (wanted.problem !== undefined)
    expect(result).toHaveProperty("problem", expect.stringContaining(wanted.problem));
  const after = Object.fromEntries(
    (readdirSync(root, { recursive: true }) as string[])
      .filter((path) => statSync(join(root, path)).isFile())
      .map((path) => [path, readFileSync(join(root, path), "utf8")]),
  );
  // A source that may be moved is not looked at.
  if (given.source.move === true && file !== undefined) delete after[file];
  expect(after).toEqual(wanted.files);
  if (wanted.fetches !== undefined) expect(fetches).toBe(wanted.fetches);
  const place = join(root, given.file.name);
  if (wanted.executable !== undefined && existsSync(place) && process.platform !== "win32")
    expect((statSync(place).mode & 0o111) !== 0).toBe(wanted.executable);
});
