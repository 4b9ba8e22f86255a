// Reads what vitest and pytest report about their tests, into counts that can be summed.
import { stripVTControlCharacters } from "node:util";

/**
 * What one suite came to. `failures` names each test that failed, with the first line of why;
 * `notRun` each that was skipped although nothing about this system forbids it.
 */
export interface Counts {
  passed: number;
  failed: number;
  failures: string[];
  notRun: string[];
}

interface VitestReport {
  testResults: {
    name: string;
    status: string;
    message?: string;
    assertionResults: { fullName: string; status: string; failureMessages?: string[] }[];
  }[];
}

/** Stands in the title of a test that only some machines can run; elsewhere its absence is no gap. */
const onlyElsewhere = /\((Windows|macOS|Linux|GPU|older Node) only\)/;

/** A failure on one line: its name, and the first line of why, cut to what a summary bears. */
function failure(name: string, why = ""): string {
  const [first = ""] = stripVTControlCharacters(why).trim().split("\n");
  return first === "" ? name : `${name}: ${first.slice(0, 300)}`;
}

/** Counts of a vitest JSON report. A file that could not even be loaded is one failure. */
export function readVitest(json: string): Counts {
  const report = JSON.parse(json) as VitestReport;
  const counts: Counts = { passed: 0, failed: 0, failures: [], notRun: [] };
  for (const file of report.testResults) {
    const failedBefore = counts.failed;
    for (const test of file.assertionResults) {
      if (test.status === "passed") counts.passed += 1;
      else if (test.status === "failed") {
        counts.failed += 1;
        counts.failures.push(failure(test.fullName, test.failureMessages?.[0]));
      } else if (!onlyElsewhere.test(test.fullName)) counts.notRun.push(test.fullName);
    }
    if (file.status === "failed" && counts.failed === failedBefore) {
      counts.failed += 1;
      counts.failures.push(failure(file.name, file.message));
    }
  }
  return counts;
}

/** Counts of a pytest JUnit file. */
export function readJunit(xml: string): Counts {
  const counts: Counts = { passed: 0, failed: 0, failures: [], notRun: [] };
  for (const suite of xml.matchAll(/<testsuite\s([^>]*)>/g)) {
    const number = (name: string): number =>
      Number(new RegExp(`\\b${name}="(\\d+)"`).exec(suite[1] ?? "")?.[1] ?? 0);
    const failed = number("failures") + number("errors");
    counts.failed += failed;
    counts.passed += number("tests") - failed - number("skipped");
  }
  for (const test of xml.matchAll(
    /<testcase\s([^>]*[^/>])>\s*<(skipped|failure|error)\b(?: message="([^"]*)")?/g,
  )) {
    const name = /\bname="([^"]*)"/.exec(test[1] ?? "")?.[1] ?? "a test without a name";
    if (test[2] !== "skipped") counts.failures.push(failure(name, test[3]));
    else if (!onlyElsewhere.test(name)) counts.notRun.push(name);
  }
  return counts;
}
