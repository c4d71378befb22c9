// Browser stories: real browsers and a real server, one story after the other because they share two cores.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    environment: "node",
    include: ["e2e/**/*.e2e.ts"],
    fileParallelism: false,
    // Browsers start slowly on a loaded machine; every wait inside a story has its own, shorter deadline.
    testTimeout: 600_000,
    hookTimeout: 400_000,
    teardownTimeout: 30_000,
    retry: 0,
  },
});
