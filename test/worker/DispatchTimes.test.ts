/** The times of a dispatch: instants that every store can say, and never a run that could not start. */
import type { UntypedDispatchRequest } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { LAST_MILLIS, timesOf } from "../../packages/worker/src/DispatchTimes.ts"
import { byAda } from "./support/world.ts"

const NOW = Date.UTC(2026, 0, 1)
const LIMIT_MILLIS = 1_000
const FIRST_MILLIS = Date.parse("0001-01-01T00:00:00.000Z")

const times = (given: Record<string, unknown>) => {
  const request: UntypedDispatchRequest = { ...byAda, operationType: "task", payload: null, ...given }
  return timesOf(request, LIMIT_MILLIS, NOW)
}

const accepted = (given: Record<string, unknown>) => Result.getOrThrow(times(given))

const refused = (given: Record<string, unknown>) => {
  const answer = times(given)
  return Result.isFailure(answer) ? answer.failure : assert.fail("it was accepted")
}

describe("the times of a dispatch", () => {
  it("are at once, and for as long as the operation lets its runs wait, unless something is said", () => {
    assert.deepStrictEqual(accepted({}), { availableAtMillis: NOW, expiresAtMillis: NOW + LIMIT_MILLIS })
  })

  it("the wait counts from when the run can be taken, and a time in the past is no earlier than now", () => {
    assert.strictEqual(accepted({ availableAtMillis: NOW + 5_000 }).expiresAtMillis, NOW + 5_000 + LIMIT_MILLIS)
    assert.strictEqual(accepted({ availableAtMillis: NOW - 5_000 }).expiresAtMillis, NOW + LIMIT_MILLIS)
    assert.strictEqual(accepted({ availableAtMillis: FIRST_MILLIS }).availableAtMillis, FIRST_MILLIS)
  })

  it("the limit does not reach beyond the last instant that can be said", () => {
    assert.strictEqual(accepted({ availableAtMillis: LAST_MILLIS - 1 }).expiresAtMillis, LAST_MILLIS)
  })

  for (const name of ["availableAtMillis", "expiresAtMillis"]) {
    for (const instant of [
      Number.NaN,
      Number.POSITIVE_INFINITY,
      0.5,
      2 ** 53,
      LAST_MILLIS + 1,
      FIRST_MILLIS - 1,
      "tomorrow",
      null,
      new Date(NOW + 1)
    ]) {
      it(`${name} is not ${String(instant)}`, () => {
        const { reason, advice } = refused({ [name]: instant })
        assert.strictEqual(reason, "time_invalid")
        assert.include(advice, name)
      })
    }
  }

  for (const [what, given] of [
    ["now", { expiresAtMillis: NOW }],
    ["in the past", { expiresAtMillis: NOW - 1 }],
    ["when the run could first be taken", { availableAtMillis: NOW + 10, expiresAtMillis: NOW + 10 }],
    ["before the run could first be taken", { availableAtMillis: NOW + 10, expiresAtMillis: NOW + 9 }],
    ["by default at once, at the end of time", { availableAtMillis: LAST_MILLIS }]
  ] as const) {
    it(`a run cannot be given up ${what}`, () => {
      assert.strictEqual(refused(given).reason, "time_invalid")
    })
  }

  it.prop(
    "every run that is accepted has a moment in which it may start",
    [Schema.Int, Schema.Int],
    ([available, expires]) => {
      const answer = times({ availableAtMillis: NOW + available, expiresAtMillis: NOW + expires })
      if (Result.isFailure(answer)) return
      assert.isAbove(answer.success.expiresAtMillis, Math.max(NOW, answer.success.availableAtMillis))
    }
  )
})
