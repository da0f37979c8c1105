/** How long to wait before trying again: bounds, growth, and spread. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { backoffAfter } from "../../packages/worker/src/Backoff.ts"

const Failures = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000 }))
const Millis = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 86_400_000 }))

describe("backoffAfter", () => {
  it.effect.prop(
    "is a whole number between half of the doubled wait and all of it, and never over the longest",
    { failures: Failures, backoffMillis: Millis, backoffMaxMillis: Millis },
    ({ failures, backoffMillis, backoffMaxMillis }) =>
      Effect.gen(function* () {
        const wait = yield* backoffAfter(failures, { backoffMillis, backoffMaxMillis })
        const longest = Math.min(backoffMillis * 2 ** (failures - 1), backoffMaxMillis)
        assert.isTrue(Number.isSafeInteger(wait))
        assert.isAtLeast(wait, Math.floor(longest / 2))
        assert.isAtMost(wait, longest)
      })
  )

  it.effect("stays whole and bounded where the doubling leaves the exact integers", () =>
    Effect.gen(function* () {
      const sanest = { backoffMillis: Number.MAX_SAFE_INTEGER, backoffMaxMillis: Number.MAX_SAFE_INTEGER }
      for (const failures of [1, 2, 31, 32, 1_000, Number.MAX_SAFE_INTEGER]) {
        const wait = yield* backoffAfter(failures, sanest)
        assert.isTrue(Number.isSafeInteger(wait))
      }
    })
  )

  it.effect("is spread out: many that fail together do not return together", () =>
    Effect.gen(function* () {
      const waits = yield* Effect.replicateEffect(
        backoffAfter(10, { backoffMillis: 1_000, backoffMaxMillis: 60_000 }),
        200
      )
      assert.isAtLeast(new Set(waits).size, 150)
      assert.isBelow(Math.min(...waits), 33_000)
      assert.isAbove(Math.max(...waits), 57_000)
    })
  )
})
