import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/interop/**", "node_modules/**", "dist/**"],
    pool: "threads",
    // the usual is one less than there are cores: on two cores a single one
    maxWorkers: "100%",
    setupFiles: ["./test/seeded-draws.ts"],
    // against hanging, not against slowness: machines are shared
    testTimeout: 180_000,
    hookTimeout: 180_000,
    reporters: process.env.VITEST_REPORTER ? [process.env.VITEST_REPORTER] : ["default", "./scripts/count-reporter.ts"],
  },
});
