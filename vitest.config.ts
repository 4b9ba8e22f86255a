import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const common = { extends: true as const };

/** Unit tests lie beside the code; whole-system promises lie in test/. */
export default defineConfig({
  test: {
    clearMocks: true,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // What is waited for may take its time on a busy machine: one second, as vitest has it, is no fault of the page.
    expect: { poll: { timeout: 10_000 } },
    // One below the cores, as vitest has it, would be a single one on two cores, and most tests wait for a child.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      {
        ...common,
        test: {
          name: "unit",
          include: [
            "broker/**/*.test.ts",
            "container/**/*.test.ts",
            "scheduler-ecs/**/*.test.ts",
            "scripts/**/*.test.ts",
          ],
        },
      },
      {
        ...common,
        test: {
          name: "contract",
          include: ["test/contract/**/*.test.ts", "test/vectors/**/*.test.ts"],
          testTimeout: 120_000,
        },
      },
      {
        ...common,
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts", "test/bench/**/*.test.ts"],
          testTimeout: 180_000,
        },
      },
      {
        ...common,
        test: {
          name: "fault",
          include: ["test/fault/**/*.test.ts"],
          testTimeout: 180_000,
        },
      },
      {
        ...common,
        test: {
          name: "page",
          include: ["test/page/**/*.test.ts"],
          testTimeout: 60_000,
          // What is painted in time, and what a hidden tab may leave out, wants the processor.
          fileParallelism: false,
        },
      },
    ],
  },
});
