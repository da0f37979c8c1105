/** Order on the whole path, the same for every adapter: pauses, limits, priorities. Contract section 8. */
import { Catalogue, type Notice, Operation, OperationType, RunQueue } from "@countersign/domain"
import { admitThese, Countersign, Handler, inventorySync, sampleCatalogue, Worker } from "@countersign/worker"
import { assert, layer } from "@effect/vitest"
import { Clock, Deferred, Effect, Layer, Ref, Schema } from "effect"
import { SecureRandom } from "effect/crypto"
import {
  counting,
  dispatchSync,
  eventually,
  find,
  layerNoticesSeen,
  nextSerial,
  type Store,
  workerOptions
} from "./support/gate.ts"
import { byAda, settle, workspaceId } from "./support/world.ts"

/** One at a time, in all. */
const solitary = Operation.make({
  type: "solitary",
  capability: "inventory.sync",
  payload: Schema.Struct({ n: Schema.Int }),
  result: Schema.Void,
  priority: "low",
  concurrency: { total: 1 }
})
/** One at a time for each tenant. */
const eachAlone = Operation.make({
  type: "each.alone",
  capability: "inventory.sync",
  payload: Schema.Struct({ n: Schema.Int }),
  result: Schema.Void,
  concurrency: { perTenant: 1 }
})
const catalogue = Catalogue.make([...sampleCatalogue.operations.values(), solitary, eachAlone])

const whileWorking = <A, E, R>(handlers: ReadonlyArray<Handler>, effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const seen = yield* Ref.make<ReadonlyArray<Notice>>([])
    return yield* effect.pipe(
      Effect.provide(Worker.layer(workerOptions(handlers, catalogue)).pipe(Layer.provide(layerNoticesSeen(seen))))
    )
  })

const termsNow = Effect.map(Clock.currentTimeMillis, (nowMillis) => ({
  catalogue,
  lease: { holder: "outside", untilMillis: nowMillis + 60_000 },
  nowMillis,
  retryFactsAtMillis: nowMillis
}))

const dispatched = (operation: typeof solitary) =>
  Effect.gen(function* () {
    const gate = yield* Countersign
    const { run } = yield* gate.dispatch({ ...byAda, operation, payload: { n: nextSerial() } })
    return run.dispatch.id
  })

/** Every law below holds for this store. Each begins with the world in order and ends with nothing paused. */
export const orderLaws = <E>(name: string, store: Layer.Layer<Store, E>) =>
  layer(Layer.mergeAll(Countersign.layer({ catalogue }), SecureRandom.layerWebCrypto).pipe(Layer.provideMerge(store)), {
    excludeTestServices: true,
    timeout: "60 seconds"
  })(`order on ${name}`, (it) => {
    it.effect("what is paused waits unharmed and a drain does not wait for it; after the resume it is done", () =>
      Effect.gen(function* () {
        yield* settle
        const gate = yield* Countersign
        const { handler, calls } = yield* counting()
        for (const scope of [
          { operationType: inventorySync.type },
          { workspaceId },
          { operationType: inventorySync.type, workspaceId }
        ]) {
          const before = yield* calls
          const { wasPaused } = yield* gate.pause({ ...scope, by: "ben", reason: "the provider is down" })
          assert.isFalse(wasPaused)
          const id = yield* dispatchSync
          yield* whileWorking(
            [handler],
            Effect.gen(function* () {
              const worker = yield* Worker
              yield* worker.drained
              const waiting = yield* find(id)
              assert.deepStrictEqual([waiting._tag, waiting.admission, yield* calls], ["Queued", 1, before])
              const paused = yield* gate.resume({ ...scope, by: "cleo" })
              assert.deepStrictEqual([paused?.by, paused?.reason], ["ben", "the provider is down"])
              yield* worker.drained
            })
          )
          assert.strictEqual((yield* find(id))._tag, "Succeeded")
          assert.strictEqual(yield* calls, before + 1)
          assert.isNull(yield* gate.resume({ ...scope, by: "cleo" }))
        }
        assert.deepStrictEqual(yield* gate.pauses, [])
      })
    )

    it.effect("a run that an outside queue delivers obeys pauses and limits: it stays queued", () =>
      Effect.gen(function* () {
        yield* settle
        const gate = yield* Countersign
        const ids = [yield* dispatched(solitary), yield* dispatched(solitary)]
        yield* gate.pause({ operationType: solitary.type, by: "ben", reason: "not now" })
        const paused = yield* admitThese(ids, yield* termsNow)
        assert.deepStrictEqual([paused.claimed, paused.started.length], [0, 0])
        yield* gate.resume({ operationType: solitary.type, by: "ben" })
        const admitted = yield* admitThese(ids, yield* termsNow)
        assert.deepStrictEqual([admitted.started.length, admitted.waiting.length], [1, 1])
        const [left] = admitted.waiting
        assert.strictEqual(left?.isBusy, false)
        const waiting = yield* find(left?.run.dispatch.id ?? assert.fail("nobody waits"))
        // No decision was made of it.
        assert.deepStrictEqual([waiting._tag, waiting.attempt, waiting.admission], ["Queued", 1, 1])
        for (const id of ids) yield* gate.cancel(id, { kind: "system", id: null })
      })
    )

    for (const operation of [solitary, eachAlone]) {
      it.effect(`as many run at once as may, and when one ends the next one starts at once: ${operation.type}`, () =>
        Effect.gen(function* () {
          yield* settle
          const ids = yield* Effect.replicateEffect(dispatched(operation), 12)
          const other = yield* dispatchSync
          const { handler: sync, calls } = yield* counting()
          const atWork = yield* Ref.make({ now: 0, most: 0, done: 0 })
          const otherDone = yield* Deferred.make<void>()
          const handler = Handler.make(operation, () =>
            Effect.gen(function* () {
              yield* Ref.update(atWork, ({ now, most, done }) => ({
                now: now + 1,
                most: Math.max(most, now + 1),
                done
              }))
              // It keeps nobody else from working.
              yield* Deferred.await(otherDone)
              yield* Effect.yieldNow
              yield* Ref.update(atWork, ({ now, most, done }) => ({ now: now - 1, most, done: done + 1 }))
            })
          )
          yield* whileWorking(
            [handler, sync],
            Effect.gen(function* () {
              const worker = yield* Worker
              yield* eventually(find(other), ({ _tag }) => _tag === "Succeeded")
              yield* Deferred.succeed(otherDone, undefined)
              yield* worker.drained
            })
          )
          assert.deepStrictEqual(yield* Ref.get(atWork), { now: 0, most: 1, done: ids.length })
          assert.strictEqual(yield* calls, 1)
        })
      )
    }

    it.effect("the priority is the dispatch's, or else the operation's, and kept when the run is done again", () =>
      Effect.gen(function* () {
        yield* settle
        const gate = yield* Countersign
        const request = () => ({ ...byAda, operation: solitary, payload: { n: nextSerial() } })
        const { run: low } = yield* gate.dispatch(request())
        const { run: high } = yield* gate.dispatch({ ...request(), priority: "high" })
        assert.deepStrictEqual(
          [low, high].map(({ dispatch }) => dispatch.priority),
          ["low", "high"]
        )
        assert.strictEqual((yield* find(high.dispatch.id)).dispatch.priority, "high")
        const admitted = yield* admitThese([low.dispatch.id, high.dispatch.id], yield* termsNow)
        assert.deepStrictEqual(
          admitted.started.map(({ dispatch }) => dispatch.id),
          [high.dispatch.id]
        )
        for (const { dispatch } of [low, high]) yield* gate.cancel(dispatch.id, { kind: "system", id: null })
        const { run: again } = yield* gate.retry(high.dispatch.id, null)
        assert.strictEqual(again.dispatch.priority, "high")
        yield* gate.cancel(again.dispatch.id, { kind: "system", id: null })
      })
    )

    it.effect("what cannot be paused is refused, and nothing is", () =>
      Effect.gen(function* () {
        const gate = yield* Countersign
        const why = { by: "ben", reason: "because" }
        for (const [request, reason] of [
          [{ ...why, operationType: "misspelt" }, "unknown_operation"],
          [why, "scope_invalid"],
          [{ ...why, workspaceId: "" }, "scope_invalid"],
          [{ ...why, workspaceId, by: "" }, "name_invalid"],
          [{ ...why, workspaceId, reason: " " }, "reason_invalid"],
          [{ ...why, workspaceId, reason: "x".repeat(501) }, "reason_invalid"]
        ] as const) {
          const refused = yield* Effect.flip(gate.pause(request))
          assert.deepInclude(refused, { _tag: "PauseRefused", reason })
        }
        assert.strictEqual((yield* Effect.flip(gate.resume({ by: "ben" })))._tag, "PauseRefused")
        assert.deepStrictEqual(yield* gate.pauses, [])
        assert.strictEqual(yield* (yield* RunQueue).countActive([OperationType.make("misspelt")]), 0)
      })
    )
  })
