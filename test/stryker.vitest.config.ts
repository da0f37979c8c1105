import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

/**
 * What mutants are tried against: the tests of the domain, without a database.
 *
 * The alias is needed because the copy that is mutated shares `node_modules` with the original, whose `@countersign/domain` is the original.
 */
export default defineConfig({
  resolve: {
    alias: { "@countersign/domain": fileURLToPath(new URL("../packages/domain/src/index.ts", import.meta.url)) }
  },
  test: {
    root: import.meta.dirname,
    include: ["stryker.tests.ts"],
    env: { DOMAIN_TESTS: "quick" },
    testTimeout: 60_000
  }
})
