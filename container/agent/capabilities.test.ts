// The name that a machine gives itself: one that the broker takes.
import { expect, test } from "vitest";
import { registerWorkerSchema } from "../../broker/contract/worker.ts";
import { workerName } from "./capabilities.ts";

test("a host's name is a worker's name, whatever it holds", () => {
  const names = [
    "render-01",
    "Anna's Möbel-PC",
    " x\u001b[2J\u0007\ny\u009b ",
    "",
    "\u0000",
    "z".repeat(200),
  ];
  const own = names.map(workerName);
  expect(own).toEqual(["render-01", "Anna's Möbel-PC", "x [2J y", "worker", "worker", "z".repeat(128)]);
  for (const name of own) expect(registerWorkerSchema.shape.name.safeParse(name).success).toBe(true);
  expect(registerWorkerSchema.shape.name.safeParse("x\u001b[2J").success).toBe(false);
});
