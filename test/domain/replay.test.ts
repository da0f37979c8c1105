import { blockStep, makeWorld, startStep } from "@countersign/adapters/testing"
import { CheckKey, type DecisionRecord, decide, dispatch, replay } from "@countersign/domain"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"

const records = Effect.map(makeWorld, (world) =>
  [blockStep, startStep].map((step) => {
    const { decision } = step(dispatch(world.dispatch()), world.atMillis)
    assert(decision)
    return decision
  })
)

it.effect("a decision that is as it was made comes out the same", () =>
  Effect.map(records, (all) => {
    for (const record of all) assert.deepStrictEqual(replay(record), [])
  })
)

it.effect("every part that was altered is named, with what was stored and what comes out", () =>
  Effect.map(records, ([denied, allowed]) => {
    assert(denied?.decision._tag === "Denied" && allowed?.decision._tag === "Allowed")
    const altered = (decision: DecisionRecord["decision"]) => replay({ ...denied, decision }).map(({ part }) => part)
    const { decision } = denied
    const { failure } = decision
    assert.deepStrictEqual(altered({ ...decision, retryable: !decision.retryable }), ["retryable"])
    assert.deepStrictEqual(altered({ ...decision, denialClass: "prerequisite_invalid" }), ["denial_class"])
    assert.deepStrictEqual(altered({ ...decision, failure: { ...failure, code: "tenant_missing" } }), ["reason_code"])
    assert.deepStrictEqual(altered({ ...decision, failure: { ...failure, detail: "stale" } }), ["detail_code"])
    assert.deepStrictEqual(altered({ ...decision, failure: { ...failure, about: "x" } }), ["detail_about"])
    for (const key of CheckKey.literals) {
      const other = decision.checks[key] === "passed" ? "failed" : "passed"
      assert.deepStrictEqual(altered({ ...decision, checks: { ...decision.checks, [key]: other } }), [`checks.${key}`])
    }
    const [first] = replay({ ...denied, decision: decide(allowed.snapshot) })
    assert.deepStrictEqual(first, { part: "allowed", stored: "true", again: "false" })
  })
)
