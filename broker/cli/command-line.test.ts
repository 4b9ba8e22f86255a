// `tally` itself: help, version, mistyped words, and that help reads next to nothing.
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { version } from "../version.ts";
import { commands } from "./command-table.ts";
import { overview } from "./command-line.ts";

function tally(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const env = { PATH: process.env["PATH"] };
  return new Promise((done) => {
    execFile(
      process.execPath,
      [join(import.meta.dirname, "main.ts"), ...args],
      { env },
      (error, out, err) => {
        done({ code: error === null ? 0 : Number(error.code), out, err });
      },
    );
  });
}

test("--help lists every command with a line of its own", async () => {
  const { code, out } = await tally("--help");
  expect(code).toBe(0);
  expect(out).toBe(overview());
  for (const [name, { summary }] of Object.entries(commands))
    expect(out).toMatch(new RegExp(`^  ${name} +${summary}$`, "m"));
});

test("every command has a help that begins with how it is typed", async () => {
  for (const [name, { load }] of Object.entries(commands)) {
    // oxlint-disable-next-line no-await-in-loop -- one after another reads better when it fails
    const { help } = await load();
    expect(help).toMatch(new RegExp(`^tally ${name}`));
    expect(help.split("\n").every((line) => line.length <= 125)).toBe(true);
  }
});

test("--version", async () => {
  expect(await tally("--version")).toEqual({ code: 0, out: `tally ${version}\n`, err: "" });
});

describe("mistyped", () => {
  test.each([
    [["sumbit", "shot.blend"], 'There is no command "sumbit". Did you mean: tally submit'],
    [["frobnicate"], 'There is no command "frobnicate". Type: tally --help'],
    [["help", "frobnicate"], 'There is no command "frobnicate". Type: tally --help'],
    [["constructor"], 'There is no command "constructor". Type: tally --help'],
    [["shot.blend"], "To render shot.blend, type: tally submit shot.blend"],
    [
      ["run", "shot.blend"],
      '"tally run" runs templates. To render shot.blend, type: tally submit shot.blend',
    ],
    [
      ["ls", "--stat", "failed"],
      "tally ls has no option --stat. Did you mean --state? Type: tally ls --help",
    ],
    [["ls", "--state", "faild"], '--state does not know "faild". Did you mean failed? Type: tally ls --help'],
    [["ls", "12"], 'tally ls takes only options, so "12" is one too many. Type: tally ls --help'],
    [["show", "twelve"], '"twelve" is no job number. `tally ls` lists the jobs. Type: tally show --help'],
    [
      ["priority", "5"],
      "Give the job and its priority, 0 to 100: tally priority latest 80. Type: tally priority --help",
    ],
    [
      ["priority", "12", "200"],
      'The priority must be a whole number from 0 to 100, not "200". Type: tally priority --help',
    ],
    [["submit"], "What should be rendered? Give a scene: tally submit shot.blend. Type: tally submit --help"],
    [["submit", "a.blend", "--frames"], "--frames needs a value. Type: tally submit --help"],
    [["submit", "a.blend", "--wait=yes"], "--wait takes no value. Type: tally submit --help"],
    [
      ["submit", "a.blend", "--skip", "--overwrite"],
      "--overwrite and --skip say opposite things: give one of them. Type: tally submit --help",
    ],
    [
      ["submit", "a.blend", "--device", "gpuu"],
      '--device does not know "gpuu". Did you mean gpu? Type: tally submit --help',
    ],
    [
      ["submit", "a.blend", "--frame-timeout", "soon"],
      '--frame-timeout must be a time such as 90s, 15m or 2h, not "soon". Type: tally submit --help',
    ],
    [
      ["submit", "a.blend", "--label", "x"],
      "--label x is not KEY=VALUE. Write for example --label show=orbit. Type: tally submit --help",
    ],
  ])("%j", async (args, sentence) => {
    expect(await tally(...args)).toEqual({ code: 2, out: "", err: `${sentence}\n` });
  });

  test("with --json the mistake is JSON too", async () => {
    const { code, err } = await tally("ls", "--limit", "0", "--json");
    expect(code).toBe(2);
    expect(JSON.parse(err)).toMatchObject({
      error: { detail: expect.stringContaining("--limit must be a whole number") as string },
    });
  });
});

test("submit takes what the sentences about failed frames say to type", async () => {
  const container = join(import.meta.dirname, "..", "..", "container");
  const driver = join(container, "blender", "driver");
  const files = readdirSync(driver)
    .filter((name) => name.endsWith(".py"))
    .map((name) => join(driver, name));
  files.push(join(container, "agent", "blender", "reasons.ts"));
  const sentences = files
    .flatMap((file) => readFileSync(file, "utf8").split("\n"))
    .filter((line) => /submit again/i.test(line));
  // What stands after a flag in capitals, in digits, or as a device is its value; NAME and its like stand for one.
  const flags = sentences.flatMap(
    (line) => line.match(/--[a-z][a-z-]*(?: (?:[A-Z][A-Z_]+|\d+|gpu\S*\w|cpu))?/g) ?? [],
  );
  expect(flags.length).toBeGreaterThan(10);
  for (const flag of new Set(flags)) {
    // oxlint-disable-next-line no-await-in-loop -- one after another reads better when it fails
    const { err } = await tally("submit", "absent.blend", ...flag.split(" "));
    expect(err, flag).toMatch(/^There is no file/);
  }
});

test("doctor names a configuration that the broker would refuse", async () => {
  const data = mkdtempSync(join(tmpdir(), "tally-doctor-"));
  onTestFinished(() => rmSync(data, { recursive: true }));
  writeFileSync(join(data, "tally.yaml"), "pools:\n  local: { kind: local, slot: 2 }\n");
  const { code, out } = await tally("doctor", "--data", data, "--json");
  expect(code).toBe(1);
  const { findings } = JSON.parse(out) as { findings: { what: string }[] };
  expect(findings).toContainEqual({
    what: "Configuration",
    level: "missing",
    detail: `${join(data, "tally.yaml")} has a mistake:`,
    mend: expect.stringContaining("docs/config.md") as string,
  });
});

test("a command that is not there is told in JSON too", async () => {
  const { code, err } = await tally("frobnicate", "--json");
  expect(code).toBe(2);
  expect(JSON.parse(err)).toEqual({
    error: { detail: 'There is no command "frobnicate". Type: tally --help' },
  });
});

/** A template that reads one file and prints a line; frame 2 fails. */
function templateFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "tally-words-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "reads.json");
  const onRun = {
    command: process.execPath,
    args: ["-e", "console.log('at ' + process.argv[1]); process.exit(Number(process.argv[1]) - 1)"],
  };
  const template = {
    specificationVersion: "jobtemplate-2023-09",
    name: "Reads",
    parameterDefinitions: [
      { name: "Scene", type: "PATH", objectType: "FILE", dataFlow: "IN", default: "" },
      { name: "Frames", type: "STRING", default: "1" },
    ],
    steps: [
      {
        name: "Draw",
        parameterSpace: {
          taskParameterDefinitions: [{ name: "Frame", type: "INT", range: "{{Param.Frames}}" }],
        },
        script: { actions: { onRun: { ...onRun, args: [...onRun.args, "{{Task.Param.Frame}}"] } } },
      },
    ],
  };
  writeFileSync(file, JSON.stringify(template));
  return file;
}

describe("run --json", () => {
  const parsed = (out: string) =>
    out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);

  test("each line is an object, and the last says how it ended", async () => {
    const { code, out, err } = await tally("run", templateFile(), "--json");
    expect(err).toBe("");
    expect(parsed(out)).toContainEqual({ line: "at 1" });
    expect(parsed(out).at(-1)).toEqual({ succeeded: true, failures: [] });
    expect(code).toBe(0);
  });

  test("failures are in the last object, and nowhere else", async () => {
    const { code, out, err } = await tally("run", templateFile(), "-p", "Frames=2", "--json");
    expect(err).toBe("");
    expect(parsed(out).at(-1)).toEqual({
      succeeded: false,
      failures: [expect.stringContaining("Draw")],
    });
    expect(code).toBe(1);
  });

  test("a mistake is JSON too", async () => {
    const { code, err } = await tally("run", "--json");
    expect(JSON.parse(err)).toEqual({
      error: { detail: "Give exactly one job template. Type: tally run TEMPLATE.yaml" },
    });
    expect(code).toBe(2);
  });
});

test("a template's file that is not here is refused before anything is sent, unless --allow-missing", async () => {
  const file = templateFile();
  const gone = join(dirname(file), "nope.blend");
  const submit = (...args: string[]) =>
    tally("submit", file, "--data", dirname(file), "--dry-run", "-p", ...args);
  const { code, err } = await submit(`Scene=${gone}`);
  expect(err).toBe(
    `Scene: there is no file ${gone}.\nCheck the name and folder, or go on all the same, when the workers have it: --allow-missing.\n`,
  );
  expect(code).toBe(1);
  expect((await submit(`Scene=${gone}`, "--allow-missing")).code).toBe(0);
  expect((await submit(`Scene=${file}`)).code).toBe(0);
});
