import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: "quick",
          include: ["test/unit/**/*.test.ts", "test/golden/**/*.test.ts"],
          testTimeout: 10_000,
        },
      },
      {
        extends: true,
        test: {
          name: "slow",
          include: ["test/e2e/**/*.test.ts", "test/fault/**/*.test.ts"],
          globalSetup: ["test/build-lib.ts"],
          // One compilation of a heavy unit takes nvcc a minute on a small machine.
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
