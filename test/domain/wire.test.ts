/** The decision on the wire, against its published schema (contract, section 5). */
import { readFile } from "node:fs/promises"
import {
  DeniedOnTheWire,
  decide,
  denialClassOf,
  ExecutionLegitimacy,
  NOTHING_KNOWN,
  onTheWire,
  ReasonCode,
  retryableOf
} from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import { Ajv2020 } from "ajv/dist/2020.js"
import { Result, Schema } from "effect"
import { always } from "./support/cases.ts"
import { snapshotWith, subject } from "./support/fixtures.ts"

const file = new URL("../../packages/domain/schema/execution-legitimacy.schema.json", import.meta.url)
const isValid = new Ajv2020().compile(JSON.parse(await readFile(file, "utf8")))
const decode = Schema.decodeUnknownResult(ExecutionLegitimacy, { onExcessProperty: "error" })

const allowed = () => onTheWire(subject, decide(snapshotWith()))
const denied = () => onTheWire(subject, decide(snapshotWith({ membership: null })))

/** The schema and the code agree about it. */
const assertBoth = (value: unknown, valid: boolean, why: string) => {
  assert.strictEqual(isValid(value), valid, why)
  assert.strictEqual(Result.isSuccess(decode(value)), valid, why)
}

/** The object with what is at the path replaced; without it when nothing is given. */
const changed = (value: unknown, path: ReadonlyArray<string>, ...replacement: [] | [unknown]): unknown => {
  const [key, ...rest] = path
  if (key === undefined) return replacement[0]
  const entries = Object.entries(value ?? {})
  const kept = entries.filter(([name]) => name !== key)
  const old = entries.find(([name]) => name === key)?.[1]
  return Object.fromEntries(
    rest.length === 0 && replacement.length === 0 ? kept : [...kept, [key, changed(old, rest, ...replacement)]]
  )
}

describe("the decision on the wire", { timeout: 300_000 }, () => {
  it("has the fields of the contract, in its words", () => {
    assert.deepStrictEqual<unknown>(allowed(), {
      operation_type: "restore.execute",
      authority_mode: "actor_bound",
      allowed: true,
      retryable: false,
      reason_code: null,
      denial_class: null,
      initiator: { identity_type: "user", user_id: "initiator" },
      target_scope: { workspace_id: "workspace", tenant_id: "tenant", provider_connection_id: "connection" },
      checks: {
        workspace_scope: "passed",
        tenant_scope: "passed",
        capability: "passed",
        tenant_operability: "passed",
        execution_prerequisites: "passed"
      }
    })
  })

  it("every decision is valid", () => {
    always((snapshot) => {
      const wire = onTheWire(snapshot.subject, decide(snapshot))
      if (!isValid(JSON.parse(JSON.stringify(wire)))) assert.fail(JSON.stringify([wire, isValid.errors]))
      assert.strictEqual(wire.initiator?.identity_type, wire.authority_mode === "actor_bound" ? "user" : "system")
      assert.strictEqual(wire.initiator?.user_id === null, wire.authority_mode === "system_authority")
      assert.strictEqual(wire.allowed, wire.reason_code === null && wire.denial_class === null)
      assert.strictEqual(wire.retryable, wire.denial_class === null ? false : retryableOf[wire.denial_class])
      if (wire.reason_code !== null) assert.strictEqual(wire.denial_class, denialClassOf[wire.reason_code])
    })
    for (const value of [allowed(), denied()]) assertBoth(value, true, "as it is")
  })

  it("codes and classes are those of the contract", () => {
    assert.deepStrictEqual(
      ReasonCode.literals.map((code) => [code, denialClassOf[code], retryableOf[denialClassOf[code]]]),
      [
        ["workspace_mismatch", "scope_denied", false],
        ["initiator_missing", "initiator_invalid", false],
        ["initiator_not_entitled", "initiator_invalid", false],
        ["tenant_missing", "scope_denied", false],
        ["tenant_not_entitled", "scope_denied", false],
        ["missing_capability", "capability_denied", false],
        ["tenant_not_operable", "tenant_not_operable", true],
        ["provider_connection_invalid", "prerequisite_invalid", true],
        ["write_gate_blocked", "prerequisite_invalid", true],
        ["execution_prerequisite_invalid", "prerequisite_invalid", true]
      ]
    )
    assert.strictEqual(onTheWire(subject, decide(snapshotWith(NOTHING_KNOWN))).reason_code, "workspace_mismatch")
  })

  const paths: ReadonlyArray<ReadonlyArray<string>> = [
    ...Object.keys(DeniedOnTheWire.fields).map((key) => [key]),
    ...Object.keys(DeniedOnTheWire.fields.checks.fields).map((key) => ["checks", key]),
    ...Object.keys(DeniedOnTheWire.fields.target_scope.fields).map((key) => ["target_scope", key]),
    ["initiator", "identity_type"],
    ["initiator", "user_id"]
  ]
  for (const path of paths) {
    it(`${path.join(".")} is required and is not just anything`, () => {
      for (const value of [allowed(), denied()]) {
        assertBoth(changed(value, path), false, "left out")
        for (const nonsense of [0, "", [], {}, "nonsense\n"])
          assertBoth(changed(value, path, nonsense), false, `${nonsense}`)
      }
    })
  }

  it("no further properties, at no level", () => {
    for (const value of [allowed(), denied()]) {
      for (const path of [[], ["initiator"], ["target_scope"], ["checks"]]) {
        assertBoth(changed(value, [...path, "more"], "surplus"), false, path.join("."))
      }
    }
  })

  it("only these may be null", () => {
    for (const [path, valid] of [
      [["initiator"], true],
      [["initiator", "user_id"], true],
      [["target_scope", "tenant_id"], true],
      [["target_scope", "provider_connection_id"], true],
      [["target_scope", "workspace_id"], false],
      [["operation_type"], false],
      [["authority_mode"], false],
      [["allowed"], false],
      [["retryable"], false],
      [["checks"], false]
    ] as const) {
      assertBoth(changed(allowed(), path, null), valid, path.join("."))
      assertBoth(changed(denied(), path, null), valid, path.join("."))
    }
  })

  it("allowed if and only if reason and class are null", () => {
    assertBoth(changed(allowed(), ["allowed"], false), false, "denied for no reason")
    assertBoth(changed(allowed(), ["reason_code"], "missing_capability"), false, "allowed for a reason")
    assertBoth(changed(allowed(), ["denial_class"], "capability_denied"), false, "allowed with a class")
    assertBoth(changed(allowed(), ["retryable"], true), false, "allowed, and can be tried again")
    assertBoth(changed(denied(), ["allowed"], true), false, "allowed for a reason")
    assertBoth(changed(denied(), ["reason_code"], null), false, "denied for no reason")
    assertBoth(changed(denied(), ["denial_class"], null), false, "denied without a class")
    assertBoth(changed(denied(), ["reason_code"], "not_a_member"), false, "a detail is no reason code")
  })

  it("ids are bounded, opaque and without control characters", () => {
    for (const [id, valid] of [
      ["ä b/c:☂", true],
      ["x".repeat(255), true],
      ["x".repeat(256), false],
      ["tab\there", false],
      ["nul\u0000", false],
      ["\u0085", false]
    ] as const) {
      assertBoth(changed(allowed(), ["target_scope", "tenant_id"], id), valid, JSON.stringify(id))
    }
  })
})
