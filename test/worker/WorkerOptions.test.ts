/** Options are checked once, when a worker is built; what makes no sense is named. */
import { Operation } from "@countersign/domain"
import {
  Countersign,
  DEFAULT_LIMITS,
  Handler,
  inventorySync,
  LIMIT_RANGES,
  limitsOf,
  sampleCatalogue,
  Worker
} from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Struct } from "effect"

const given = { catalogue: sampleCatalogue, handlers: [] }

describe("limitsOf", () => {
  it("has a careful default for each", () => {
    assert.deepStrictEqual(limitsOf(given), DEFAULT_LIMITS)
  })

  it("takes what is given", () => {
    const times = { pollMillis: 3, leaseMillis: 4, drainMillis: 0, retentionMillis: 5 }
    const chosen = { concurrency: 1, batch: 2, ...times, resultMaxBytes: 6 }
    assert.deepStrictEqual(limitsOf({ ...given, ...chosen }), chosen)
  })

  it("keeps completed runs for 90 days, or for ever where that is said", () => {
    assert.strictEqual(limitsOf(given).retentionMillis, 90 * 24 * 60 * 60 * 1_000)
    assert.isNull(limitsOf({ ...given, retentionMillis: null }).retentionMillis)
  })

  for (const name of Struct.keys(LIMIT_RANGES)) {
    const { least, most } = LIMIT_RANGES[name]
    it.prop(`${name} must be a whole number that makes sense`, [Schema.Number], ([value]) => {
      const sensible = Number.isSafeInteger(value) && value >= least && value <= most
      if (sensible) assert.strictEqual(limitsOf({ ...given, [name]: value })[name], value)
      else assert.throws(() => limitsOf({ ...given, [name]: value }), RangeError, name)
    })

    it(`${name} goes from ${least} to ${most}`, () => {
      for (const value of [least, most]) assert.strictEqual(limitsOf({ ...given, [name]: value })[name], value)
    })

    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, -1, least + 0.5, least - 1, most + 1, 2 ** 53, "7"]) {
      it(`${name} is not ${value}`, () => {
        const said = `worker option ${name} must be a whole number from ${least} to ${most}, is ${value}`
        assert.throws(() => limitsOf({ ...given, [name]: value }), RangeError, said)
      })
    }
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
    for (const value of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER]) {
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

describe("Countersign.layer", () => {
  for (const payloadMaxBytes of [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 40]) {
    it(`takes no payloads of up to ${payloadMaxBytes} bytes`, () => {
      assert.throws(() => Countersign.layer({ catalogue: sampleCatalogue, payloadMaxBytes }), RangeError, "payloadMax")
    })
  }
})
