// Tests how reports of vitest and pytest become counts.
import { describe, expect, it } from "vitest";
import { readJunit, readVitest } from "./results.ts";

function report(status: string, tests: [string, string][], why = ""): string {
  const assertionResults = tests.map(([fullName, state]) => ({
    fullName,
    status: state,
    failureMessages: state === "failed" ? [why] : [],
  }));
  return JSON.stringify({ testResults: [{ name: "a.test.ts", status, assertionResults }] });
}

describe("a vitest report", () => {
  it("counts what passed and failed", () => {
    const tests: [string, string][] = [
      ["a", "passed"],
      ["b", "failed"],
      ["c", "passed"],
    ];
    const json = report("failed", tests, "\u001B[31mError\u001B[39m: one is not two\n    at b.test.ts:3");
    const failures = ["b: Error: one is not two"];
    expect(readVitest(json)).toEqual({ passed: 2, failed: 1, failures, notRun: [] });
  });

  it("counts a file that could not be loaded as one failure", () => {
    expect(readVitest(report("failed", []))).toEqual({
      passed: 0,
      failed: 1,
      failures: ["a.test.ts"],
      notRun: [],
    });
  });

  it("names a skipped test unless its title says where alone it can run", () => {
    const json = report("passed", [
      ["renders", "skipped"],
      ["renames over an open file (Windows only)", "skipped"],
    ]);
    expect(readVitest(json)).toEqual({ passed: 0, failed: 0, failures: [], notRun: ["renders"] });
  });
});

describe("a pytest report", () => {
  const xml = `<?xml version="1.0"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="2" tests="7" time="0.1">
<testcase classname="t" name="test_a" time="0.001" /><testcase classname="t" name="test_b" time="0.001"><skipped type="pytest.skip" message="m">x</skipped></testcase>
<testcase classname="t" name="test_d" time="0.001"><failure message="assert 1 == 2">def test_d</failure></testcase>
<testcase classname="t" name="test_c (GPU only)" time="0.001"><skipped type="pytest.skip" message="m">x</skipped></testcase></testsuite></testsuites>`;

  it("counts errors as failures and names what was skipped", () => {
    expect(readJunit(xml)).toEqual({
      passed: 3,
      failed: 2,
      failures: ["test_d: assert 1 == 2"],
      notRun: ["test_b"],
    });
  });
});
