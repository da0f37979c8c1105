/** Options are checked once, when a worker is built; what makes no sense is named. */
import { Operation } from "@countersign/domain"
import { DEFAULT_LIMITS, Handler, inventorySync, limitsOf, sampleCatalogue, Worker } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"

const given = { catalogue: sampleCatalogue, handlers: [] }

describe("limitsOf", () => {
  it("has a careful default for each", () => {
    assert.deepStrictEqual(limitsOf(given), DEFAULT_LIMITS)
  })

  it("takes what is given", () => {
    const chosen = { concurrency: 1, batch: 2, pollMillis: 3, leaseMillis: 4, drainMillis: 0, retentionMillis: 5 }
    assert.deepStrictEqual(limitsOf({ ...given, ...chosen }), chosen)
  })

  it("keeps completed runs for 90 days, or for ever where that is said", () => {
    assert.strictEqual(limitsOf(given).retentionMillis, 90 * 24 * 60 * 60 * 1_000)
    assert.isNull(limitsOf({ ...given, retentionMillis: null }).retentionMillis)
  })

  const names = ["concurrency", "batch", "pollMillis", "leaseMillis", "drainMillis", "retentionMillis"] as const
  for (const name of names) {
    it.prop(`${name} must be a whole number that makes sense`, [Schema.Number], ([value]) => {
      const sensible = Number.isSafeInteger(value) && value >= (name === "drainMillis" ? 0 : 1)
      if (sensible) assert.strictEqual(limitsOf({ ...given, [name]: value })[name], value)
      else assert.throws(() => limitsOf({ ...given, [name]: value }), RangeError, name)
    })

    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, -1, 1.5, 2 ** 53]) {
      it(`${name} is not ${value}`, () => {
        assert.throws(() => limitsOf({ ...given, [name]: value }), RangeError, name)
      })
    }
  }

  for (const name of ["concurrency", "batch", "pollMillis", "leaseMillis", "retentionMillis"] as const) {
    it(`${name} is not 0`, () => {
      assert.throws(() => limitsOf({ ...given, [name]: 0 }), RangeError, name)
    })
  }
})

describe("Worker.layer", () => {
  const handler = Handler.make(inventorySync, () => Effect.succeed({ items: 0 }))

  it("throws at once, before anything starts", () => {
    assert.throws(() => Worker.layer({ ...given, concurrency: 0 }), RangeError, "concurrency")
  })

  it("refuses two handlers for one operation", () => {
    assert.throws(() => Worker.layer({ ...given, handlers: [handler, handler] }), RangeError, "inventory_sync")
  })

  for (const name of ["", "x".repeat(256), "line\nbreak", "nul\u0000", "\uD800"]) {
    it(`refuses the name ${JSON.stringify(name.slice(0, 12))}, which no lease can carry`, () => {
      assert.throws(() => Worker.layer({ ...given, handlers: [handler], name }), RangeError, "name")
    })
  }

  it("an operation's attempts are whole numbers of at least one", () => {
    for (const value of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      for (const name of ["maxAttempts", "timeoutMillis", "backoffMillis", "backoffMaxMillis"]) {
        assert.throws(
          () => Operation.make({ type: "t", payload: Schema.Json, result: Schema.Json, attempts: { [name]: value } }),
          RangeError,
          name
        )
      }
    }
  })
})
