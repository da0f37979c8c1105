/** Ids, operations, the catalogue, capabilities and the write gate, by example. */
import {
  Capability,
  CapabilityRegistry,
  Catalogue,
  closureOf,
  DEFAULT_ATTEMPTS,
  decide,
  type HoldPolicy,
  HostString,
  ID_MAX_LENGTH,
  LARGEST_COUNT,
  LONGEST_SPAN_MILLIS,
  LONGEST_WAIT_MILLIS,
  Operation,
  OperationType,
  QUEUED_LIMIT_MILLIS,
  Requirements,
  Role,
  RunId,
  TenantId,
  WRITE_GATE_MAX_AGE_MILLIS,
  WriteGateHealth
} from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { DAY_MILLIS, NOW_MILLIS, requirements, snapshotWith, tenantId } from "./support/fixtures.ts"
import { forced } from "./support/runs.ts"

const whyNot = (schema: Schema.Codec<unknown, unknown>, value: unknown): string => {
  const result = Schema.decodeUnknownResult(schema)(value)
  return Result.isFailure(result) ? result.failure.message : "accepted"
}

const accepts = (schema: Schema.Codec<unknown, unknown>, value: unknown) =>
  Result.isSuccess(Schema.decodeUnknownResult(schema)(value))

describe("ids", () => {
  it("a host's strings are kept exactly as they are", () => {
    const texts = [
      "a",
      " ",
      " a ",
      "Ä",
      "A\u0308",
      "日本",
      "'; drop table runs; --",
      "../..",
      "<b>",
      "👩‍💻",
      "__proto__",
      "null",
      "x".repeat(ID_MAX_LENGTH)
    ]
    for (const text of texts) {
      assert.strictEqual(TenantId.make(text), text)
      assert.strictEqual(Schema.decodeUnknownSync(HostString)(text), text)
    }
    // Never folded or normalised: these two look alike and are two ids.
    assert.notStrictEqual<string>(TenantId.make("Ä"), TenantId.make("A\u0308"))
  })

  it("what no store could keep is refused, and told why", () => {
    const hostile: ReadonlyArray<readonly [string, RegExp]> = [
      ["", /must not be empty/],
      ["x".repeat(ID_MAX_LENGTH + 1), /at most 255 characters, has 256/],
      ["a\u0000b", /control characters/],
      ["a\nb", /control characters/],
      ["\u007f", /control characters/],
      ["\u009b31m", /control characters/],
      ["\ud83d", /surrogate pair/],
      ["a\udc00", /surrogate pair/]
    ]
    for (const [text, why] of hostile) {
      assert.throws(() => TenantId.make(text))
      assert.match(whyNot(TenantId, text), why)
    }
    for (const value of [null, undefined, 7, {}, ["a"]]) assert.isFalse(accepts(TenantId, value))
  })

  it("a run's id is a UUIDv7 in its one spelling", () => {
    const id = "0190163d-8694-739b-aea5-966c26f8ad91"
    assert.strictEqual(RunId.make(id), id)
    const wrong = [
      id.toUpperCase(),
      id.replace("739b", "439b"), // version 4
      id.replace("aea5", "cea5"), // another variant
      `${id} `,
      `{${id}}`,
      `${id}\n`,
      id.replaceAll("-", ""),
      "00000000-0000-0000-0000-000000000000",
      ""
    ]
    for (const text of wrong) {
      assert.throws(() => RunId.make(text))
      assert.match(whyNot(RunId, text), /UUID of version 7 in lower case/)
    }
  })
})

describe("an operation", () => {
  const payload = Schema.Struct({ backup: Schema.String, since: Schema.optional(Schema.DateTimeUtcFromString) })
  const declared = Operation.make({ type: "restore.execute", payload, result: Schema.Void })

  it("asks for nothing it does not declare, and never runs under system authority by default", () => {
    assert.deepStrictEqual(declared.requirements, {
      capability: null,
      systemAuthority: false,
      tenantStates: ["active"],
      providerConnection: false,
      writes: false,
      writeGateMaxAgeMillis: WRITE_GATE_MAX_AGE_MILLIS,
      prerequisites: []
    })
    assert.strictEqual(declared.label, "restore.execute")
    assert.deepStrictEqual(declared.attempts, DEFAULT_ATTEMPTS)
    assert.isNull(declared.hold, "a denial blocks at once")
    assert.strictEqual(declared.queuedLimitMillis, QUEUED_LIMIT_MILLIS)
    assert.strictEqual(QUEUED_LIMIT_MILLIS, 7 * DAY_MILLIS)
    assert.deepStrictEqual(declared.countKeys, [])
  })

  it("keeps what it declares", () => {
    const full = Operation.make({
      type: "restore.execute",
      label: "Restore a backup",
      payload,
      result: Schema.Void,
      capability: "restore.execute",
      systemAuthority: true,
      tenantStates: ["active", "archived"],
      providerConnection: true,
      writes: true,
      writeGateMaxAgeMillis: 0,
      prerequisites: ["maintenance_window"],
      attempts: { maxAttempts: 1 },
      hold: { retryMillis: 1, deadlineMillis: 2 },
      queuedLimitMillis: 1,
      countKeys: ["deleted", "kept"]
    })
    assert.deepStrictEqual(full.requirements, {
      ...requirements,
      systemAuthority: true,
      tenantStates: ["active", "archived"],
      writeGateMaxAgeMillis: 0
    })
    assert.strictEqual(full.label, "Restore a backup")
    assert.deepStrictEqual(full.attempts, { ...DEFAULT_ATTEMPTS, maxAttempts: 1 })
    assert.deepStrictEqual(full.hold, { retryMillis: 1, deadlineMillis: 2 })
    assert.strictEqual(full.queuedLimitMillis, 1)
    assert.deepStrictEqual(full.countKeys, ["deleted", "kept"])
  })

  it("is refused when what it declares makes no sense", () => {
    const base = { type: "restore.execute", payload, result: Schema.Void }
    assert.throws(() => Operation.make({ ...base, type: "" }))
    assert.throws(() => Operation.make({ ...base, capability: "" }))
    assert.throws(() => Operation.make({ ...base, countKeys: [""] }))
    assert.throws(() => Operation.make({ ...base, prerequisites: ["a\nb"] }))
    // A gate that must be younger than no time at all could never be open.
    assert.throws(() => Operation.make({ ...base, writeGateMaxAgeMillis: -1 }))
    assert.throws(() => Operation.make({ ...base, writeGateMaxAgeMillis: 0.5 }))
    assert.isFalse(accepts(Requirements, { ...requirements, tenantStates: [] }))
    assert.isFalse(accepts(Requirements, { ...requirements, tenantStates: ["suspended"] }))
    const limits: ReadonlyArray<readonly [name: string, most: number, given: (value: number) => object]> = [
      ["attempts.maxAttempts", LARGEST_COUNT, (maxAttempts) => ({ attempts: { maxAttempts } })],
      ["attempts.timeoutMillis", LONGEST_WAIT_MILLIS, (timeoutMillis) => ({ attempts: { timeoutMillis } })],
      ["attempts.backoffMillis", LONGEST_SPAN_MILLIS, (backoffMillis) => ({ attempts: { backoffMillis } })],
      ["attempts.backoffMaxMillis", LONGEST_SPAN_MILLIS, (backoffMaxMillis) => ({ attempts: { backoffMaxMillis } })],
      ["hold.deadlineMillis", LONGEST_SPAN_MILLIS, (deadlineMillis) => ({ hold: { retryMillis: 1, deadlineMillis } })],
      ["hold.retryMillis", LONGEST_SPAN_MILLIS, (retryMillis) => ({ hold: { retryMillis, deadlineMillis: 1 } })],
      ["limits.queuedLimitMillis", LONGEST_SPAN_MILLIS, (queuedLimitMillis) => ({ queuedLimitMillis })],
      ["concurrency.total", LARGEST_COUNT, (total) => ({ concurrency: { total } })],
      ["concurrency.perTenant", LARGEST_COUNT, (perTenant) => ({ concurrency: { perTenant } })]
    ]
    for (const [name, most, given] of limits) {
      Operation.make({ ...base, ...given(1) })
      Operation.make({ ...base, ...given(most) })
      for (const value of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, most + 1, Number.MAX_SAFE_INTEGER]) {
        const said = `operation restore.execute: ${name} must be a whole number from 1 to ${most}, is ${value}`
        assert.throws(() => Operation.make({ ...base, ...given(value) }), RangeError, said)
      }
    }
    const half = forced<HoldPolicy>({ retryMillis: 1 })
    assert.throws(
      () => Operation.make({ ...base, hold: half }),
      RangeError,
      "hold.deadlineMillis must be a whole number"
    )
  })

  it("decodes what it accepts, and stores it as JSON", () => {
    const accepted = declared.accept({ backup: "monday", since: "2026-01-01T00:00:00+00:00", more: "dropped" })
    assert.deepStrictEqual(Result.getOrThrow(accepted), {
      json: { backup: "monday", since: "2026-01-01T00:00:00.000Z" },
      identifying: { backup: "monday", since: "2026-01-01T00:00:00.000Z" }
    })
    for (const wrong of [null, {}, { backup: 7 }, { backup: "monday", since: "never" }, "monday"]) {
      assert.isTrue(Result.isFailure(declared.accept(wrong)))
    }
  })

  it("is told apart by the part of its payload that it names", () => {
    const named = Operation.make({ type: "a", payload, result: Schema.Void, identifiedBy: ({ backup }) => backup })
    const accepted = Result.getOrThrow(named.accept({ backup: "monday" }))
    assert.strictEqual(accepted.identifying, "monday")
  })

  it("what JSON has no text for tells nothing apart, and is refused", () => {
    for (const nothing of [undefined, new Date(0), new Map(), Number.NaN, { backup: undefined }, [() => "monday"]]) {
      const identifiedBy = () => forced<Schema.Json>(nothing)
      const named = Operation.make({ type: "a", payload, result: Schema.Void, identifiedBy })
      const refused = named.accept({ backup: "monday" })
      assert.strictEqual(
        Result.isFailure(refused) && refused.failure.message,
        "what `identifiedBy` answers must be JSON"
      )
    }
  })
})

describe("the catalogue", () => {
  const declare = (type: string, capability: string | null = null) =>
    Operation.make({ type, capability, payload: Schema.Struct({}), result: Schema.Void })

  it("knows what was declared, and nothing else", () => {
    const catalogue = Catalogue.make([declare("a", "a.run"), declare("b")])
    assert.strictEqual(catalogue.requirementsOf(OperationType.make("a"))?.capability, "a.run")
    assert.isNull(catalogue.requirementsOf(OperationType.make("b"))?.capability)
    assert.isNull(catalogue.requirementsOf(OperationType.make("c")))
    assert.isNull(catalogue.requirementsOf(OperationType.make("constructor")))
    assert.deepStrictEqual([...catalogue.operations.keys()], ["a", "b"])
  })

  it("refuses two declarations of one type", () => {
    assert.throws(() => Catalogue.make([declare("a"), declare("a")]), "operation a is declared twice")
  })

  it("an operation that is not in it is denied", () => {
    const decision = decide({
      ...snapshotWith(),
      requirements: Catalogue.make([]).requirementsOf(OperationType.make("a"))
    })
    assert.strictEqual(decision._tag === "Denied" && decision.failure.detail, "operation_unknown")
  })
})

describe("roles and capabilities", () => {
  const registry = CapabilityRegistry.make({ operator: ["inventory.sync", "restore.execute"], readonly: [] })

  it("a role carries what the registry says", () => {
    assert.deepStrictEqual([...registry.capabilitiesOf(Role.make("operator"))], ["inventory.sync", "restore.execute"])
    assert.isTrue(registry.capabilitiesOf(Role.make("operator")).has(Capability.make("inventory.sync")))
    assert.deepStrictEqual([...registry.roles], ["operator", "readonly"])
  })

  it("a role that is not in it carries nothing, whatever it is called", () => {
    for (const role of ["owner", "Operator", "operator ", "constructor", "__proto__"]) {
      assert.strictEqual(registry.capabilitiesOf(Role.make(role)).size, 0)
    }
    assert.strictEqual(registry.capabilitiesOf(Role.make("readonly")).size, 0)
  })

  it("names are checked when it is made", () => {
    assert.throws(() => CapabilityRegistry.make({ "": [] }))
    assert.throws(() => CapabilityRegistry.make({ operator: [""] }))
  })
})

describe("the write gate", () => {
  const gate = (health: string, checkedAtMillis: number | null) => ({ tenantId, health, checkedAtMillis })
  const closure = (health: string, checkedAtMillis: number | null) =>
    closureOf(gate(health, checkedAtMillis), NOW_MILLIS, DAY_MILLIS)

  it("is open when it was found in order within the limit", () => {
    assert.isNull(closure("ok", NOW_MILLIS))
    assert.isNull(closure("ok", NOW_MILLIS - DAY_MILLIS), "exactly at the limit")
    assert.isNull(closure("ok", NOW_MILLIS + 1), "a clock ahead of ours")
    assert.strictEqual(WRITE_GATE_MAX_AGE_MILLIS, 86_400_000, "24 hours")
  })

  it("is closed otherwise, and says why", () => {
    assert.strictEqual(closure("ok", NOW_MILLIS - DAY_MILLIS - 1), "stale")
    assert.strictEqual(closure("ok", null), "not_configured")
    assert.strictEqual(closure("not_configured", NOW_MILLIS), "not_configured")
    assert.strictEqual(closure("degraded", NOW_MILLIS), "unhealthy")
    assert.strictEqual(closure("failed", NOW_MILLIS - DAY_MILLIS - 1), "unhealthy")
    assert.strictEqual(closure("anything else", NOW_MILLIS), "unhealthy")
  })

  it("health values are those of the contract", () => {
    assert.deepStrictEqual([...WriteGateHealth.literals], ["ok", "degraded", "failed", "not_configured"])
  })
})
