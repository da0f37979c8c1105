import { type Decision, decide, type Snapshot } from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import { effort } from "../support/effort.ts"
import { type ContractDecision, decideByTheContract } from "./contract.ts"
import { caseAt, explore, factSpaceSize } from "./factSpace.ts"

const inWordsOfTheContract = (decision: Decision): ContractDecision => ({
  allowed: decision._tag === "Allowed",
  reason_code: decision._tag === "Allowed" ? null : decision.failure.code,
  detail: decision._tag === "Allowed" ? null : decision.failure.detail,
  about: decision._tag === "Allowed" ? null : decision.failure.about,
  denial_class: decision._tag === "Allowed" ? null : decision.denialClass,
  retryable: decision._tag === "Allowed" ? false : decision.retryable,
  checks: decision.checks
})

const CHECKS = ["workspace_scope", "tenant_scope", "capability", "tenant_operability", "execution_prerequisites"]

const isSame = (a: ContractDecision, b: ContractDecision) =>
  a.allowed === b.allowed &&
  a.reason_code === b.reason_code &&
  a.detail === b.detail &&
  a.about === b.about &&
  a.denial_class === b.denial_class &&
  a.retryable === b.retryable &&
  CHECKS.every((check) => a.checks[check] === b.checks[check])

const compare = (snapshot: Snapshot) => {
  const decided = inWordsOfTheContract(decide(snapshot))
  const expected = decideByTheContract(snapshot)
  // Comparing by hand first: a deep comparison of millions of equal values takes its time.
  if (!isSame(decided, expected)) assert.deepStrictEqual(decided, expected, JSON.stringify(snapshot))
  return expected
}

it("the first case of the fact space is one in which all is in order", () => {
  assert.strictEqual(decide(caseAt([]))._tag, "Allowed")
})

describe("the decision agrees with the contract", { timeout: 300_000 }, () => {
  it(`in all ${factSpaceSize.toLocaleString("en")} cases of the fact space`, ({ annotate }) => {
    let visit = 0
    const seen = new Map<string, number>()
    const { visits, cases } = explore((snapshot, sample) => {
      const { detail } = compare(snapshot)
      seen.set(detail ?? "allowed", (seen.get(detail ?? "allowed") ?? 0) + 1)
      // The same once more as plain data, with anything at all in what was not read.
      visit += 1
      if (visit % 8 === 0) compare(caseAt(sample(visit)))
    }, effort.changes)
    if (effort.changes > factSpaceSize) assert.strictEqual(cases, factSpaceSize, "every case was visited, none twice")
    // Every way to be denied, and being allowed, occurs.
    assert.strictEqual(seen.size, 23)
    return annotate(`${visits} visits stand for ${cases} cases: ${JSON.stringify(Object.fromEntries(seen))}`)
  })
})
