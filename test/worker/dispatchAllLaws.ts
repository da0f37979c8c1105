/** Dispatch of many together, through a real store: contract sections 3 and 8, the same for every adapter. */
import { runIdAt } from "@countersign/adapters/testing"
import { AuditLog, Catalogue, Operation, RunStore, WorkspaceId } from "@countersign/domain"
import { Countersign, inventorySync } from "@countersign/worker"
import { assert, type Vitest } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { counting, find, nextScope, nextSerial, type Store, workUntilDrained } from "./support/gate.ts"
import { byAda, settle } from "./support/world.ts"

/** No worker of the other laws does this, and it is in nobody's way, so that it may be left behind. */
const leftBehind = Operation.make({
  type: "left_behind",
  priority: "low",
  systemAuthority: true,
  payload: Schema.Struct({ number: Schema.Int, about: Schema.String }),
  result: Schema.Void
})

/** The gate of a host with that operation alone, and a workspace nobody else has. */
const ownGate = Effect.gen(function* () {
  const workspaceId = WorkspaceId.make(`bulk-${nextSerial()}`)
  const requestOf = (number: number) => ({
    operation: leftBehind,
    payload: { number, about: `"${number}" \\ {,} NULL é 😀` },
    workspaceId,
    systemAuthority: true as const
  })
  const stored = Effect.flatMap(RunStore, (store) => store.list({ workspaceId, limit: 1_000 })).pipe(
    Effect.map(({ runs }) => runs.length)
  )
  return { gate: yield* Countersign, requestOf, stored, workspaceId }
}).pipe(Effect.provide(Countersign.layer({ catalogue: Catalogue.make([leftBehind]) })))

const upTo = (count: number) => Array.from({ length: count }, (_, at) => at)

export const dispatchAllLaws = (it: Vitest.MethodsNonLive<Countersign | Store>): void => {
  it.effect("many dispatched together are decided one by one: each person's runs by that person's authority", () =>
    Effect.gen(function* () {
      yield* settle
      const gate = yield* Countersign
      const requests = upTo(12).map((at) => ({
        ...byAda,
        ...(at % 3 === 2 ? { initiator: "stranger" } : {}),
        operation: inventorySync,
        payload: nextScope()
      }))
      const answers = yield* gate.dispatchAll(requests)
      assert.deepStrictEqual(
        answers.map(({ run, deduped }) => [run.dispatch.payload, deduped]),
        requests.map(({ payload }) => [payload, false])
      )
      const { handler, calls } = yield* counting()
      yield* workUntilDrained([handler])
      assert.strictEqual(yield* calls, 8)
      const ended = yield* Effect.forEach(answers, ({ run }) => find(run.dispatch.id))
      assert.deepStrictEqual(
        ended.map(({ _tag }) => _tag),
        upTo(12).map((at) => (at % 3 === 2 ? "Blocked" : "Succeeded"))
      )
    })
  )

  it.effect(
    "ten thousand are one call: each stored as asked, with its record, and none twice when it is called again",
    () =>
      Effect.gen(function* () {
        const { gate, requestOf } = yield* ownGate
        const requests = upTo(10_000).map(requestOf)
        const answers = yield* gate.dispatchAll(requests)
        assert.strictEqual(new Set(answers.map(({ run }) => run.dispatch.id)).size, 10_000)
        const again = yield* gate.dispatchAll(requests)
        assert.isTrue(answers.every(({ deduped }) => !deduped))
        assert.isTrue(again.every(({ deduped }) => deduped))
        assert.isTrue(again.every(({ run }, at) => run.dispatch.id === answers[at]?.run.dispatch.id))
        const audit = yield* AuditLog
        for (const at of [0, 1_999, 9_999]) {
          const { run } = answers[at] ?? assert.fail("an answer is missing")
          assert.deepStrictEqual(run.dispatch.payload, requests[at]?.payload)
          assert.deepStrictEqual(yield* gate.find(run.dispatch.id), run)
          assert.deepStrictEqual(
            (yield* audit.recordsOf(run.dispatch.id)).map(({ action, actorKind }) => [action, actorKind]),
            [["run.dispatched", "system"]]
          )
        }
      })
  )

  it.effect("one that is wrong among many: nothing is stored, and it is named by its place", () =>
    Effect.gen(function* () {
      const { gate, requestOf, stored } = yield* ownGate
      const requests = upTo(1_500).map(requestOf)
      const wrong = { ...requestOf(1_500), tenantId: "" }
      const error = yield* Effect.flip(gate.dispatchAll(requests.toSpliced(1_234, 0, wrong)))
      if (error._tag !== "DispatchAllRefused") return assert.fail(`refused as ${error._tag}`)
      assert.deepStrictEqual([error.given, error.wrong, error.refusals.length], [1_501, 1, 1])
      assert.deepStrictEqual([error.refusals[0].at, error.refusals[0].reason], [1_234, "id_invalid"])
      assert.strictEqual(yield* stored, 0)
      assert.strictEqual((yield* gate.dispatchAll(requests)).length, 1_500)
    })
  )

  it.effect("the same identity, and the same id, twice in one call is one run, which answers for both", () =>
    Effect.gen(function* () {
      const { gate, requestOf, stored } = yield* ownGate
      const active = yield* gate.dispatch(requestOf(0))
      const runId = runIdAt(1_700_000_000_000, nextSerial() % 4096)
      const answers = yield* gate.dispatchAll([
        requestOf(1),
        requestOf(0),
        requestOf(1),
        { ...requestOf(2), runId },
        { ...requestOf(3), runId }
      ])
      const ids = answers.map(({ run }) => run.dispatch.id)
      assert.deepStrictEqual(ids, [ids[0], active.run.dispatch.id, ids[0], runId, runId])
      assert.deepStrictEqual(
        answers.map(({ deduped }) => deduped),
        [false, true, true, false, true]
      )
      assert.deepStrictEqual(answers[4]?.run.dispatch.payload, requestOf(2).payload)
      assert.strictEqual(yield* stored, 3)
    })
  )

  it.effect("none is nothing", () =>
    Effect.gen(function* () {
      const { gate, stored } = yield* ownGate
      assert.deepStrictEqual(yield* gate.dispatchAll([]), [])
      assert.deepStrictEqual(yield* gate.dispatchAllUntyped([]), [])
      assert.strictEqual(yield* stored, 0)
    })
  )
}
