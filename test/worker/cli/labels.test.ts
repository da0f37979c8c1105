/** The domain's labels, as the command line shows them. */
import {
  AuditAction,
  CheckKey,
  CheckValue,
  checkBadges,
  checkLabels,
  describeAudit,
  outcomeBadges
} from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import { gravestFirst } from "../../../packages/worker/src/cli/doctor/schema.ts"
import { wantsStacks } from "../../../packages/worker/src/cli/main.ts"
import { checksInWords } from "../../../packages/worker/src/cli/render/words.ts"

describe("labels", () => {
  it("no label is a code, and no two say the same", () => {
    const actions = AuditAction.literals.map((action) => describeAudit({ action, outcome: "info" }))
    const checks = CheckKey.literals.map((key) => checkLabels[key])
    for (const labels of [actions, checks]) {
      assert.strictEqual(new Set(labels).size, labels.length)
      for (const label of labels) assert.match(label, /^[a-z][a-z' :]+$/)
    }
  })

  it("a decision's record says which it was", () => {
    assert.strictEqual(describeAudit({ action: "run.decided", outcome: "blocked" }), "decided: denied")
    assert.strictEqual(describeAudit({ action: "run.decided", outcome: "info" }), "decided: allowed")
    assert.strictEqual(describeAudit({ action: "run.blocked", outcome: "blocked" }), "blocked")
  })

  it("a failed check is a warning, as a blocked run is", () => {
    assert.strictEqual(checkBadges.failed.tone, outcomeBadges.blocked.tone)
    assert.lengthOf(new Set(CheckValue.literals.map((value) => checkBadges[value].tone)), CheckValue.literals.length)
  })

  it("the checks are shown in the order in which they are asked", () => {
    const shown = checksInWords({
      execution_prerequisites: "not_applicable",
      tenant_operability: "not_applicable",
      capability: "failed",
      tenant_scope: "not_applicable",
      workspace_scope: "passed"
    })
    assert.deepStrictEqual(
      shown.map(({ text }) => text),
      ["✓ workspace", "– tenant", "✗ permission", "– tenant's state", "– prerequisites"]
    )
  })
})

describe("the doctor on drift", () => {
  it("names the guard's parts first, and of a table that is gone only its name", () => {
    const drifted = ["column inbox.title text", "column runs.id uuid", "constraint inbox.inbox_pkey", "table inbox"]
    assert.deepStrictEqual(gravestFirst([...drifted, "trigger runs.runs_started A17"]), [
      "trigger runs.runs_started A17",
      "table inbox",
      "column runs.id uuid"
    ])
  })
})

describe("stack traces", () => {
  it("are wanted only at level debug and below, and not after --", () => {
    for (const args of [
      ["--log-level", "debug"],
      ["work", "--log-level=TRACE"]
    ])
      assert.isTrue(wantsStacks(args))
    for (const args of [["--log-level", "info"], ["--", "--log-level", "debug"], ["debug"]]) {
      assert.isFalse(wantsStacks(args))
    }
  })
})
