// Tests how reports of vitest and pytest become counts.
import { describe, expect, it } from "vitest";
import { readJunit, readVitest } from "./results.ts";

function report(status: string, tests: [string, string][]): string {
  const assertionResults = tests.map(([fullName, state]) => ({ fullName, status: state }));
  return JSON.stringify({ testResults: [{ name: "a.test.ts", status, assertionResults }] });
}

describe("a vitest report", () => {
  it("counts what passed and failed", () => {
    const json = report("failed", [
      ["a", "passed"],
      ["b", "failed"],
      ["c", "passed"],
    ]);
    expect(readVitest(json)).toEqual({ passed: 2, failed: 1, notRun: [] });
  });

  it("counts a file that could not be loaded as one failure", () => {
    expect(readVitest(report("failed", []))).toEqual({ passed: 0, failed: 1, notRun: [] });
  });

  it("names a skipped test unless its title says where alone it can run", () => {
    const json = report("passed", [
      ["renders", "skipped"],
      ["renames over an open file (Windows only)", "skipped"],
    ]);
    expect(readVitest(json)).toEqual({ passed: 0, failed: 0, notRun: ["renders"] });
  });
});

describe("a pytest report", () => {
  const xml = `<?xml version="1.0"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="2" tests="7" time="0.1">
<testcase classname="t" name="test_a" time="0.001" /><testcase classname="t" name="test_b" time="0.001"><skipped type="pytest.skip" message="m">x</skipped></testcase>
<testcase classname="t" name="test_c (GPU only)" time="0.001"><skipped type="pytest.skip" message="m">x</skipped></testcase></testsuite></testsuites>`;

  it("counts errors as failures and names what was skipped", () => {
    expect(readJunit(xml)).toEqual({ passed: 3, failed: 2, notRun: ["test_b"] });
  });
});
