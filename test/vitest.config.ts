import { defineConfig } from "vitest/config"

/**
 * Sources are run as they are: the `@countersign/source` condition resolves the workspace packages to their TypeScript.
 */
export default defineConfig({
  resolve: { conditions: ["@countersign/source"] },
  ssr: { resolve: { conditions: ["@countersign/source"] } },
  test: {
    root: import.meta.dirname,
    globalSetup: ["./support/globalSetup.ts"],
    include: ["**/*.test.ts"],
    exclude: ["**/node_modules/**", "bench/**"],
    // Files wait for servers and child processes as often as they compute: one for each core, the main thread has little to do.
    maxWorkers: "100%",
    testTimeout: 60_000,
    hookTimeout: 120_000
  }
})
