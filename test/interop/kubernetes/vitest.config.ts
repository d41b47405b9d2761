import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/interop/kubernetes/**/*.test.ts"],
    // each file starts a control plane of its own
    fileParallelism: false,
    testTimeout: 240_000,
    hookTimeout: 240_000,
    reporters: ["default", "./scripts/count-reporter.ts"],
  },
});
