// Mutation testing of the decision and the lifecycle: `stryker run test/stryker.config.mjs` in the root folder.
// Results and survivors are in docs/mutation.md.
import { tmpdir } from "node:os"
import { join } from "node:path"

/** @type {import("@stryker-mutator/api/core").PartialStrykerOptions} */
export default {
  plugins: ["@stryker-mutator/vitest-runner"],
  testRunner: "vitest",
  vitest: { configFile: "test/stryker.vitest.config.ts", related: false },
  coverageAnalysis: "perTest",
  mutate: [
    "packages/domain/src/Legitimacy.ts",
    "packages/domain/src/checks.ts",
    "packages/domain/src/WriteGate.ts",
    "packages/domain/src/lifecycle.ts",
    "packages/domain/src/Permit.ts",
    "packages/domain/src/FactChange.ts",
    "packages/domain/src/Explanation.ts",
    "packages/domain/src/Step.ts",
    "packages/domain/src/Hold.ts",
    "packages/domain/src/Identity.ts"
  ],
  // What the tests of the domain do not need is not copied.
  ignorePatterns: ["docs", "packages/worker/src", "packages/adapters/src", "**/dist", ".ci", "**/*.tsbuildinfo"],
  // Stryker would rewrite it with TypeScript's own API, which TypeScript 7 does not have; nothing here needs it rewritten.
  tsconfigFile: "none.json",
  disableTypeChecks: false,
  // Outside the repository: no other tool stumbles over the copies.
  tempDirName: join(tmpdir(), "countersign-mutation"),
  concurrency: 2,
  timeoutMS: 10_000,
  reporters: ["clear-text", "progress-append-only", "json"],
  jsonReporter: { fileName: "node_modules/.cache/countersign/mutation.json" },
  thresholds: { high: 100, low: 95, break: 95 }
}
