// The commands that are printed must work as they stand.
import { expect, test } from "vitest";
import { tally } from "./own-name.ts";

test("npx where npm started this, the bare name elsewhere", () => {
  expect(tally("watch 3", {})).toBe("tally watch 3");
  expect(tally("watch 3", { npm_command: "exec" })).toBe("npx tally watch 3");
  expect(tally("watch 3", { npm_lifecycle_event: "demo" })).toBe("npx tally watch 3");
});
