// `npm test` and `npm run check`: prepares the machine, then runs every suite. Runs on any Node from 18 on.
import { runWithNode24, setUp } from "./setup.mjs";

const args = process.argv.slice(2);
const light = args.includes("--light");
const problems = setUp(light ? "light" : "test");
// Without the packages there is nothing to run the suites with.
const fatal = problems.some((one) => one.name === "npm packages");
if (fatal) {
  console.log("0 passed, 1 failed");
  process.exitCode = 1;
} else {
  const env = { ...process.env, TALLY_SETUP_PROBLEMS: JSON.stringify(problems) };
  process.exitCode = await runWithNode24(
    "scripts/suites.ts",
    args.filter((arg) => arg !== "--light"),
    env,
  );
}
