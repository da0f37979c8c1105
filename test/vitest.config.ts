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
    testTimeout: 60_000,
    hookTimeout: 120_000
  }
})
