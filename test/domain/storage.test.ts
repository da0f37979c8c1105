/** What is stored can be read again, whole; what lacks anything is not taken for whole. */
import {
  AuditRecord,
  admissionStep,
  DecisionRecord,
  decide,
  Explanation,
  explain,
  NOTHING_KNOWN,
  Notice,
  Remedy,
  RUN_STATES,
  Run,
  recheckStep,
  Snapshot
} from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { decisionId, runId, snapshotWith } from "./support/fixtures.ts"
import { denialFor, heldRun, moved, queuedRun, runIn, runningRun } from "./support/runs.ts"

/** Below these keys stands what the host likes. */
const FREE = ["payload", "result", "counts", "sources", "fact"]

/** The same JSON without one of its keys, for each key at each depth that the project has named. */
const maimed = (value: unknown): ReadonlyArray<readonly [path: string, maimed: unknown]> => {
  if (typeof value !== "object" || value === null) return []
  if (Array.isArray(value)) {
    return value.flatMap((item, index) =>
      maimed(item).map(([path, without]) => [`${index}.${path}`, value.with(index, without)] as const)
    )
  }
  const entries = Object.entries(value)
  return entries.flatMap(([key, member]) => [
    [key, Object.fromEntries(entries.filter(([name]) => name !== key))] as const,
    ...(FREE.includes(key) ? [] : maimed(member)).map(
      ([path, without]) => [`${key}.${path}`, { ...value, [key]: without }] as const
    )
  ])
}

const assertStorable = <A>(schema: Schema.Codec<A, unknown>, values: ReadonlyArray<A>) => {
  const codec = Schema.toCodecJson(schema)
  const encode = Schema.encodeSync(codec)
  const decode = Schema.decodeUnknownResult(codec)
  for (const value of values) {
    const stored: unknown = JSON.parse(JSON.stringify(encode(value)))
    assert.deepStrictEqual(Result.getOrThrow(decode(stored)), value)
    const cripples = maimed(stored)
    assert.isAbove(cripples.length, 0)
    for (const [path, without] of cripples) assert.isTrue(Result.isFailure(decode(without)), `without ${path}`)
    assert.isTrue(Result.isFailure(decode(null)))
  }
}

const circumstances = { decisionId: decisionId(7), epoch: 3, sources: { tenant: "tenants" } }
const admitted = () => Result.getOrThrow(admissionStep(queuedRun(), snapshotWith(), circumstances))
const blocked = () => Result.getOrThrow(admissionStep(queuedRun(), snapshotWith(NOTHING_KNOWN), circumstances))
const revoked = () => Result.getOrThrow(recheckStep(runningRun(), snapshotWith(NOTHING_KNOWN), {}, circumstances))

describe("what is stored", () => {
  it("runs in every state", () => {
    const queued = queuedRun()
    assertStorable(Run, [
      ...RUN_STATES.map((state) => runIn(state)),
      moved(queued, { _tag: "Block", denial: denialFor(queued) }),
      heldRun(),
      queuedRun({ retryOf: runId(2) })
    ])
  })

  it("snapshots", () => {
    assertStorable(Snapshot, [snapshotWith()])
    const nothing = snapshotWith(NOTHING_KNOWN, { requirements: null })
    assert.deepStrictEqual(Schema.decodeUnknownSync(Snapshot)(JSON.parse(JSON.stringify(nothing))), nothing)
  })

  it.prop("any snapshot at all", [Snapshot], ([snapshot]) => {
    const codec = Schema.toCodecJson(Snapshot)
    const text = JSON.stringify(Schema.encodeSync(codec)(snapshot))
    const read = Schema.decodeUnknownSync(codec)(JSON.parse(text))
    assert.strictEqual(JSON.stringify(Schema.encodeSync(codec)(read)), text)
    assert.deepStrictEqual(decide(read), decide(snapshot))
  })

  it("decisions, audit records and notices", () => {
    const { notice } = blocked()
    assertStorable(
      DecisionRecord,
      [admitted(), blocked(), revoked()].flatMap(({ decision }) => (decision === null ? [] : [decision]))
    )
    assertStorable(AuditRecord, [...admitted().audit, ...blocked().audit, ...revoked().audit])
    assertStorable(Notice, notice === null ? [] : [notice])
    assert.isNotNull(notice)
  })

  it("explanations", () => {
    assertStorable(Explanation, [
      explain(snapshotWith()),
      explain(snapshotWith(NOTHING_KNOWN)),
      explain(snapshotWith({ connection: null, writeGate: null }))
    ])
    // A remedy without a change would be none.
    const none = Schema.decodeUnknownResult(Remedy)({ _tag: "ChangeFacts", changes: [] })
    assert.isTrue(Result.isFailure(none))
  })
})
