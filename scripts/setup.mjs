// Prepares this machine for `npm run demo` or `npm test`: says what it will install, where and how large, then does it.
// Runs on any Node from 18 on and needs no package, because it is what brings them.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { demoBlenderStep, hasAnyBlender, wheelSteps } from "./setup/blender.mjs";
import { npmStep, projectNode } from "./setup/npm.mjs";
import { pythonStep } from "./setup/python.mjs";
import { isProgram, root } from "./setup/shell.mjs";
import { systemStep } from "./setup/system.mjs";
import { versitygwStep } from "./setup/versitygw.mjs";

/** The Blender series that tests need beside the distribution's. */
const testedSeries = ["4.5", "5.0"];

/**
 * Installs what is missing and returns what could not be had, one sentence each with its remedy.
 * `demo`: packages and one Blender. `light`: packages and the Python checks. `test`: everything that a test starts.
 */
export function setUp(goal) {
  const steps = planSteps(goal);
  if (steps.length === 0) return [];
  console.log("Tally will install:");
  for (const step of steps) console.log(`  - ${step.what}`);
  const problems = [];
  for (const step of steps) {
    console.log(`\n${step.name} …`);
    const problem = step.run();
    if (problem !== undefined) problems.push({ name: step.name, problem });
  }
  console.log("");
  for (const { problem } of problems) console.error(problem);
  return problems;
}

function planSteps(goal) {
  const always = [npmStep()];
  const more = {
    demo: () => [demoBlenderStep()],
    light: () => [pythonStep()],
    test: () => [systemStep(), pythonStep(), versitygwStep(), ...wheelSteps(testedSeries)],
  };
  return [...always, ...more[goal]()].filter((step) => step !== undefined);
}

/** Runs a script of this clone with Node 24, its exit code and Ctrl-C passed through. Resolves to the exit code. */
export function runWithNode24(script, args, env = process.env) {
  const major = Number(process.versions.node.split(".")[0]);
  const node = isProgram(projectNode()) ? projectNode() : process.execPath;
  if (node === process.execPath && major < 24)
    throw new Error("Node 24 is missing: type `npm ci`, then the same command again.");
  const child = spawn(node, [join(root, script), ...args], { cwd: root, stdio: "inherit", env });
  const ignore = () => {};
  const pass = (signal) => child.kill(signal);
  process.on("SIGINT", ignore).on("SIGTERM", pass).on("SIGHUP", pass);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : 1)));
  });
}

async function main() {
  const goal = process.argv[2] ?? "test";
  if (!["demo", "light", "test"].includes(goal)) {
    console.error(`Unknown goal ${goal}: type node scripts/setup.mjs demo, light or test.`);
    return 2;
  }
  const problems = setUp(goal);
  if (goal !== "demo") return problems.length === 0 ? 0 : 1;
  if (problems.some((one) => one.name === "npm packages")) return 1;
  if (!hasAnyBlender())
    console.log("There is no Blender on this machine, so the demo renders a generic sample without it.");
  if (!existsSync(join(root, "scripts", "demo.ts"))) {
    console.error("scripts/demo.ts is missing from this clone.");
    return 1;
  }
  return await runWithNode24("scripts/demo.ts", process.argv.slice(3));
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.exitCode = await main();
}
