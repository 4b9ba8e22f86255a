// Proves that the linter refuses an import against the arrows, and lets the right ones through.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "./files.ts";

/** Importing file, what it imports. */
const wrong: readonly [string, string][] = [
  ["broker/contract/probe.ts", "../domain/job.ts"],
  ["broker/contract/probe.ts", "node:fs"],
  ["broker/openjd/probe.ts", "../domain/job.ts"],
  ["broker/openjd/deep/probe.ts", "../../store/open.ts"],
  ["broker/domain/probe.ts", "../store/open.ts"],
  ["broker/domain/deep/probe.ts", "../../store/open.ts"],
  ["broker/domain/probe.ts", "better-sqlite3"],
  ["broker/store/probe.ts", "../service/submit.ts"],
  ["broker/store/deep/probe.ts", "../../service/submit.ts"],
  ["broker/service/probe.ts", "../http/app.ts"],
  ["broker/service/deep/probe.ts", "../../http/app.ts"],
  ["broker/service/probe.ts", "../launch/local.ts"],
  ["broker/http/probe.ts", "../cli/main.ts"],
  ["broker/http/deep/probe.ts", "../../cli/main.ts"],
  ["broker/launch/probe.ts", "../store/open.ts"],
  ["broker/home/probe.ts", "../store/open.ts"],
  ["broker/home/deep/probe.ts", "../../service/submit.ts"],
  ["broker/cli/probe.ts", "../store/open.ts"],
  ["broker/web/probe.ts", "../service/submit.ts"],
  ["broker/web/deep/probe.ts", "../../http/app.ts"],
  ["broker/web/probe.ts", "node:fs"],
  ["broker/cli/deep/probe.ts", "../../service/submit.ts"],
  ["container/agent/probe.ts", "../../broker/service/submit.ts"],
  ["container/agent/blender/probe.ts", "../../../broker/store/open.ts"],
];

const right: readonly [string, string][] = [
  ["broker/openjd/probe.ts", "../contract/job.ts"],
  ["broker/domain/probe.ts", "../contract/job.ts"],
  ["broker/store/probe.ts", "../domain/job.ts"],
  ["broker/service/probe.ts", "../store/open.ts"],
  ["broker/http/probe.ts", "../service/submit.ts"],
  ["broker/service/probe.ts", "../home/bring-home.ts"],
  ["broker/cli/probe.ts", "../home/bring-home.ts"],
  ["broker/cli/probe.ts", "../contract/job.ts"],
  ["broker/web/probe.ts", "../contract/job.ts"],
  ["container/agent/probe.ts", "../../broker/contract/job.ts"],
];

interface Diagnostic {
  filename: string;
  code: string;
}

let folder: string;
let refused: Set<string>;

/** Each pair gets a file of its own, named after its place in the list, so one run of the linter judges all. */
function fileOf(list: string, pair: readonly [string, string], index: number): string {
  return pair[0].replace("probe.ts", `${list}-${index}.ts`);
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tally-layers-"));
  const config = JSON.parse(readFileSync(join(root, ".oxlintrc.json"), "utf8")) as { options: object };
  // The arrows need no types, and outside the clone there are none to read.
  writeFileSync(join(folder, ".oxlintrc.json"), JSON.stringify({ ...config, options: {} }));
  for (const [list, pairs] of Object.entries({ wrong, right })) {
    for (const [index, pair] of pairs.entries()) {
      const file = join(folder, fileOf(list, pair, index));
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, `import { thing } from "${pair[1]}";\n\nexport const copy = thing;\n`);
    }
  }
  const answer = lint();
  refused = new Set(
    answer.diagnostics
      .filter((one) => one.code.includes("no-restricted-imports"))
      .map((one) => one.filename.replaceAll("\\", "/")),
  );
});

function lint(): { diagnostics: Diagnostic[] } {
  const oxlint = join(root, "node_modules", "oxlint", "bin", "oxlint");
  let output: string;
  try {
    output = execFileSync(process.execPath, [oxlint, "--format", "json"], { cwd: folder, encoding: "utf8" });
  } catch (error) {
    // Findings end with exit code 1; the answer is on standard output all the same.
    output = String((error as { stdout?: string }).stdout);
  }
  return JSON.parse(output) as { diagnostics: Diagnostic[] };
}

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the linter holds the arrows", () => {
  for (const [index, pair] of wrong.entries()) {
    it(`refuses ${pair[0]} → ${pair[1]}`, () => {
      expect([...refused]).toContain(fileOf("wrong", pair, index));
    });
  }
  for (const [index, pair] of right.entries()) {
    it(`accepts ${pair[0]} → ${pair[1]}`, () => {
      expect([...refused]).not.toContain(fileOf("right", pair, index));
    });
  }
});
