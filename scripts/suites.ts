// Runs every suite in turn, says how each ended, and closes with `N passed, N failed`.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root, sourceFiles } from "./files.ts";
import { type Counts, readJunit, readVitest } from "./results.ts";

interface Suite {
  name: string;
  run: () => Promise<Counts>;
}

const output = join(root, "test-output");
const inModules = (...path: string[]): string => join(root, "node_modules", ...path);
const python = join(
  root,
  ".venv",
  ...(process.platform === "win32" ? ["Scripts", "python.exe"] : ["bin", "python"]),
);
const nothing: Counts = { passed: 0, failed: 0, failures: [], notRun: [] };

/** Runs a program with its output shown and resolves to its exit code. */
async function exitCode(program: string, args: string[], more: Record<string, string> = {}): Promise<number> {
  // The project's own Node and tools come first, also for what the tests start by name.
  const path = `${inModules(".bin")}${process.platform === "win32" ? ";" : ":"}${process.env["PATH"] ?? ""}`;
  const child = spawn(program, args, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, PATH: path, ...more },
  });
  return await new Promise((resolve) => {
    child.on("error", (error) => {
      console.error(`${program} could not be started: ${error.message}`);
      resolve(127);
    });
    child.on("exit", (code) => resolve(code ?? 1));
  });
}

function check(name: string, script: string, args: string[]): Suite {
  return { name, run: async () => verdict(await exitCode(process.execPath, [script, ...args])) };
}

function verdict(code: number): Counts {
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, failures: [], notRun: [] };
}

function vitest(project: string): Suite {
  const report = join(output, `${project}.json`);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  // Vitest keeps a file of its own below the home folder; nothing here may write there.
  const environment = { XDG_DATA_HOME: join(root, ".cache", "share") };
  const args = ["run", "--project", project, "--passWithNoTests", ...reporters];
  return {
    name: project,
    run: () =>
      counted(
        [process.execPath, inModules("vitest", "vitest.mjs"), ...args],
        report,
        readVitest,
        environment,
      ),
  };
}

/** Runs a test program and reads its report. A bad exit code with no failed test in the report is a failure of its own. */
async function counted(
  command: string[],
  report: string,
  read: (text: string) => Counts,
  environment: Record<string, string> = {},
): Promise<Counts> {
  rmSync(report, { force: true });
  const [program = "", ...args] = command;
  const code = await exitCode(program, args, environment);
  let counts: Counts;
  try {
    counts = read(readFileSync(report, "utf8"));
  } catch (error) {
    if (code === 0) return nothing;
    console.error(`No report was left behind: ${String(error)}`);
    return verdict(code);
  }
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

function pythonSuites(): Suite[] {
  const files = sourceFiles([".py"]);
  // Python's tools refuse to start on nothing at all. Without .venv, main names them as not run.
  if (files.length === 0 || !existsSync(python)) return [];
  const module = (name: string, args: string[]): Suite => ({
    name: [name, ...args.filter((arg) => /^[a-z]+$/.test(arg))].join(" "),
    run: async () => verdict(await exitCode(python, ["-m", name, ...args])),
  });
  const suites = [
    module("ruff", ["check", "."]),
    module("ruff", ["format", "--check", "."]),
    module(
      "mypy",
      files.filter((file) => !file.includes("/tests/")),
    ),
  ];
  if (files.some((file) => /(^|\/)test_[^/]*\.py$/.test(file))) {
    const report = join(output, "pytest.xml");
    suites.push({
      name: "pytest",
      run: () => counted([python, "-m", "pytest", `--junitxml=${report}`], report, readJunit),
    });
  }
  return suites;
}

function allSuites(): Suite[] {
  return [
    check("format", inModules("oxfmt", "bin", "oxfmt"), [".", "--check"]),
    check("lint", inModules("oxlint", "bin", "oxlint"), ["--type-aware", "--deny-warnings"]),
    check("types", inModules("typescript", "bin", "tsc"), ["-p", "."]),
    check("types of its tests", inModules("typescript", "bin", "tsc"), ["-p", join("test", "page")]),
    check("types of the page", inModules("typescript", "bin", "tsc"), ["-p", join("broker", "web")]),
    check("generated", join(root, "scripts", "gen.ts"), ["--check"]),
    check("build", join(root, "scripts", "build.ts"), []),
    ...pythonSuites(),
    ...["unit", "contract", "e2e", "fault", "page"].map(vitest),
  ];
}

function bulleted(lines: string[]): string {
  return lines.map((line) => `  - ${line}`).join("\n");
}

async function main(): Promise<number> {
  const wanted = process.argv.slice(2);
  const all = allSuites();
  const unknown = wanted.filter((name) => !all.some((suite) => suite.name === name));
  if (unknown.length > 0) {
    console.error(
      `Unknown suite ${unknown.join(", ")}: choose among ${all.map((suite) => suite.name).join(", ")}.`,
    );
    return 2;
  }
  mkdirSync(output, { recursive: true });
  const problems = JSON.parse(process.env["TALLY_SETUP_PROBLEMS"] ?? "[]") as {
    name: string;
    problem: string;
  }[];
  const notRun = problems.map((one) => `${one.name}: ${one.problem}`);
  if (!existsSync(python) && notRun.length === 0)
    notRun.push("ruff, mypy, pytest: there is no .venv, type `npm test`.");
  const lines: string[] = [];
  let passed = 0;
  let failed = 0;
  const failures: string[] = [];
  for (const suite of all.filter((one) => wanted.length === 0 || wanted.includes(one.name))) {
    console.log(`\n── ${suite.name}`);
    const started = performance.now();
    const counts = await suite.run();
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    passed += counts.passed;
    failed += counts.failed;
    notRun.push(...counts.notRun.map((test) => `${suite.name}: ${test}`));
    failures.push(...counts.failures.map((test) => `${suite.name}: ${test}`));
    const mark = counts.failed > 0 ? "FAILED" : "ok";
    lines.push(
      `${mark.padEnd(7)} ${suite.name.padEnd(20)} ${counts.passed} passed, ${counts.failed} failed  ${seconds} s`,
    );
  }
  console.log(`\n${lines.join("\n")}`);
  if (notRun.length > 0) {
    console.log(`\nNot run on this machine:\n${bulleted(notRun)}`);
    // What is left out on a person's machine is their choice; in CI it would be a hole that nobody sees.
    if (process.env["CI"] === "true") failed += notRun.length;
  }
  // Said last: whoever keeps only the end of the output must still learn which test it was.
  if (failures.length > 0) console.log(`\nFailed:\n${bulleted(failures.slice(0, 20))}`);
  console.log(`\n${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main();
