/** The five checks, each asked by itself. */
import { CheckKey, checks, type Requirements } from "@countersign/domain"
import { assert, it } from "@effect/vitest"
import { requirements, snapshotWith } from "./support/fixtures.ts"

const asksNothing: Requirements = {
  ...requirements,
  providerConnection: false,
  writes: false,
  prerequisites: []
}

const prerequisitesOf = (changed: Requirements | null) => {
  const { applies, failureOf } = checks[4]
  const snapshot = snapshotWith({}, { requirements: changed })
  assert.isNull(failureOf(snapshot))
  return applies(snapshot) ? "passed" : "not_applicable"
}

it("are asked in the order of the contract, each as a question of its own", () => {
  assert.deepStrictEqual(
    checks.map(({ key }) => key),
    [...CheckKey.literals]
  )
  for (const { asks } of checks) assert.match(asks, /^[A-Z].*\?$/)
  assert.strictEqual(new Set(checks.map(({ asks }) => asks)).size, checks.length)
})

it("execution_prerequisites does not apply where nothing is required, nor to an undeclared operation", () => {
  assert.strictEqual(prerequisitesOf(asksNothing), "not_applicable")
  assert.strictEqual(prerequisitesOf(null), "not_applicable")
  assert.strictEqual(prerequisitesOf(requirements), "passed")
  assert.strictEqual(prerequisitesOf({ ...asksNothing, providerConnection: true }), "passed")
  assert.strictEqual(prerequisitesOf({ ...asksNothing, writes: true }), "passed")
  assert.strictEqual(prerequisitesOf({ ...asksNothing, prerequisites: requirements.prerequisites }), "passed")
})
