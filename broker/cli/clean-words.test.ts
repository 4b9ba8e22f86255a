// What tally clean says: what leaves the disk now, what a day later, and what to type.
import { expect, test } from "vitest";
import type { Cleaned } from "../contract/system.ts";
import { cleanedText } from "./commands/clean.ts";

const none = { files: 0, bytes: 0 };
const cleaned = (more: Partial<Cleaned>): Cleaned => ({
  dryRun: true,
  results: none,
  undelivered: none,
  previews: none,
  inputs: none,
  orphans: none,
  later: none,
  uploads: 0,
  ...more,
});

test("a dry run says what would leave the disk, what later, and the command", () => {
  const said = cleaned({
    results: { files: 2, bytes: 3_000_000 },
    orphans: { files: 1, bytes: 500 },
    later: { files: 3, bytes: 2_000_000 },
    uploads: 1,
  });
  expect(cleanedText(said, "tally clean --yes")).toBe(
    `This would free 3.0 MB (3 files):
  2 files, 3.0 MB: copies of results that are home
  1 file, 500 bytes: bytes that belong to no job
  1 upload that was left unfinished
3 more files, 2.0 MB, would leave the disk a day later: they were used today, and a submit may count on that.
Nothing was removed. Do it: tally clean --yes
`,
  );
});

test("the cleaning itself says the same in the past", () => {
  const done = cleaned({ dryRun: false, inputs: { files: 1, bytes: 10 }, later: { files: 1, bytes: 20 } });
  expect(cleanedText(done, "")).toBe(
    `Freed 10 bytes (1 file):
  1 file, 10 bytes: input files that no job needs
1 more file, 20 bytes, leaves the disk a day later: it was used today, and a submit may count on that.
`,
  );
});

test("nothing, and nothing for today", () => {
  expect(cleanedText(cleaned({}), "tally clean --yes")).toBe("There is nothing to clean.\n");
  expect(cleanedText(cleaned({ later: { files: 2, bytes: 20 } }), "tally clean --yes")).toBe(
    `Nothing would leave the disk now.
2 files, 20 bytes, would leave the disk a day later: they were used today, and a submit may count on that.
Nothing was removed. Do it: tally clean --yes
`,
  );
});
