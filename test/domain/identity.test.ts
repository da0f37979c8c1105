/** When two dispatches are the same run (contract, section 8), and canonical JSON as RFC 8785 has it. */
import { createHash } from "node:crypto"
import { canonicalJson, identityOf, OperationType } from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import type { Schema } from "effect"
import fc from "fast-check"
import { otherTenantId, otherWorkspaceId, subject } from "./support/fixtures.ts"

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex")

/** JSON without -0, which JSON has no other text for than 0's. */
const json: fc.Arbitrary<Schema.Json> = fc.letrec<{ readonly json: Schema.Json }>((tie) => ({
  json: fc.oneof(
    { depthSize: "small" },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
    fc.string({ unit: "binary" }),
    fc.array(tie("json"), { maxLength: 4 }),
    fc.dictionary(fc.string({ unit: "binary", maxLength: 3 }), tie("json"), { maxKeys: 4, noNullPrototype: true })
  )
})).json

/** The same value with the keys of every object the other way round. */
const turnedRound = (value: Schema.Json): Schema.Json => {
  if (value === null || typeof value !== "object") return value
  if (Array.isArray(value)) return value.map(turnedRound)
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, member]) => [key, turnedRound(member)])
  )
}

describe("canonical JSON", () => {
  it("is what RFC 8785 prescribes", () => {
    // Section 3.2.2, the sample object, and section 3.2.3, the sample of sorting by UTF-16 code units.
    const sample = JSON.parse(
      String.raw`{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}`
    )
    assert.strictEqual(
      canonicalJson(sample),
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`
    )
    const keys = { "\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\u{1f600}": 5, "\u0080": 6, "\u00f6": 7 }
    assert.strictEqual(canonicalJson(keys), '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\u{1f600}":5,"\ufb33":3}')
    assert.strictEqual(canonicalJson({ b: [], a: {}, 10: -0, 9: "" }), '{"10":0,"9":"","a":{},"b":[]}')
  })

  it("key order never matters", () => {
    fc.assert(fc.property(json, (value) => canonicalJson(turnedRound(value)) === canonicalJson(value)))
  })

  it("the order of a list matters", () => {
    assert.notStrictEqual(canonicalJson([1, 2]), canonicalJson([2, 1]))
  })

  it("is JSON of the same value, so that different values differ", () => {
    fc.assert(
      fc.property(json, (value) => {
        assert.deepStrictEqual(JSON.parse(canonicalJson(value)), value)
      })
    )
  })

  it("keys that objects inherit are keys like any other", () => {
    const value = JSON.parse('{"toString":1,"__proto__":2,"constructor":3}')
    assert.strictEqual(canonicalJson(value), '{"__proto__":2,"constructor":3,"toString":1}')
  })

  it("a number without a text is refused, and not taken for null", () => {
    for (const number of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      assert.throws(() => canonicalJson({ amounts: [1, number] }), `${number} has no text in JSON`)
    }
  })
})

describe("the identity of a run", () => {
  const input = { backup: "monday", items: [1, 2] }
  const identity = () => identityOf(subject, input, sha256)

  it("is the digest of workspace, tenant, type and identifying input", () => {
    assert.strictEqual(identity(), sha256('["workspace","tenant","restore.execute",{"backup":"monday","items":[1,2]}]'))
    assert.strictEqual(identityOf(subject, { items: [1, 2], backup: "monday" }, sha256), identity())
  })

  it("differs where one of them differs", () => {
    const { scope } = subject
    const identities = [
      identity(),
      identityOf({ ...subject, scope: { ...scope, workspaceId: otherWorkspaceId } }, input, sha256),
      identityOf({ ...subject, scope: { ...scope, tenantId: otherTenantId } }, input, sha256),
      identityOf({ ...subject, scope: { ...scope, tenantId: null } }, input, sha256),
      identityOf({ ...subject, operationType: OperationType.make("inventory_sync") }, input, sha256),
      identityOf(subject, { ...input, backup: "tuesday" }, sha256),
      identityOf(subject, null, sha256)
    ]
    assert.strictEqual(new Set(identities).size, identities.length)
  })

  it("does not depend on who started it: the run that is active already is theirs", () => {
    const bySystem = { ...subject, authority: { _tag: "SystemAuthority" } as const }
    assert.strictEqual(identityOf(bySystem, input, sha256), identity())
  })
})
