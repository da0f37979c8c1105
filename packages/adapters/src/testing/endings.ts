/** How runs end, and what a store knows of one: what several laws compare. */
import { AuditLog, type RunId, type Running, RunStore, type Step } from "@countersign/domain"
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { revokeStep, stepOf } from "./rulings.ts"
import type { World } from "./World.ts"

/** Everything a store knows of a run, to be compared before and after. */
export const allOf = Effect.fn("allOf")(function* (id: RunId) {
  const audit = yield* AuditLog
  const run = yield* (yield* RunStore).find(id)
  return { run, records: yield* audit.recordsOf(id), decisions: yield* audit.decisionsOf(id) }
})

/** The ways a run completes, each with what it keeps. */
export const endings = (world: World): ReadonlyArray<(running: Running) => Step> => {
  const { atMillis } = world
  const counts = { deleted: 120, "kept \u{1F512}": 0 }
  const report = ({ admission }: Running) => ({ admission, atMillis: atMillis + 7, counts })
  const failure = { code: "provider.timeout", message: "The provider's \u201Capi\u201D did not answer \\o/" }
  return [
    (run) => stepOf(run, { _tag: "Succeed", ...report(run), result: { items: [1, null, "\u2028"] } }),
    (run) => stepOf(run, { _tag: "Succeed", ...report(run), result: null }),
    (run) => stepOf(run, { _tag: "PartiallySucceed", ...report(run), result: {}, failures: [failure, failure] }),
    (run) => stepOf(run, { _tag: "Fail", ...report(run), failure }),
    (run) => revokeStep(run, atMillis + 7, counts),
    (run) => stepOf(run, { _tag: "Cancel", by: { kind: "human", id: "Zo\u00EB" }, atMillis: atMillis + 7 }),
    (run) => stepOf(run, { _tag: "Cancel", by: { kind: "system", id: null }, atMillis: atMillis + 7 })
  ]
}

/** Makes sure that the store has never heard of the run. */
export const isMissing = (id: RunId) =>
  Effect.gen(function* () {
    const error = yield* Effect.flip((yield* RunStore).find(id))
    assert.strictEqual(error._tag, "RunNotFound")
    assert.deepStrictEqual(yield* (yield* AuditLog).recordsOf(id), [])
    assert.deepStrictEqual(yield* (yield* AuditLog).decisionsOf(id), [])
  })
