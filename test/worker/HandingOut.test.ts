/** Runs are put into their handlers, and what those came to is reported: together where nothing had to be waited for. */
import { Catalogue, Operation } from "@countersign/domain"
import { Countersign, Handler, inventorySync, sampleCatalogue, Worker, type WorkerEvent } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Deferred, Effect, Layer, Schema } from "effect"
import {
  defined,
  dispatchSync,
  dispatchSyncs,
  failureOf,
  find,
  findAs,
  freshScope,
  layerBench,
  pass,
  startWorker,
  syncing
} from "./support/bench.ts"
import { away, Trouble } from "./support/unruly.ts"
import { byAda, setGate, settle } from "./support/world.ts"

/** The sizes of the reports that were written from now on: of steps that end what was running. */
const reports = Effect.map(Trouble, (trouble) => {
  const sizes: Array<number> = []
  trouble.beforeStore = ({ operation, steps }) =>
    Effect.sync(() => {
      const ends = steps.filter(({ before }) => before._tag === "Running")
      if (operation === "write" && ends.length > 0) sizes.push(ends.length)
    })
  return sizes
})

describe("handing out", () => {
  it.effect("reports together what was over as soon as it had begun", () =>
    Effect.gen(function* () {
      yield* settle
      const ids = yield* dispatchSyncs(20)
      const sizes = yield* reports
      yield* startWorker([syncing(Effect.void)], { concurrency: 50, batch: 50 })
      yield* pass(1_000)
      for (const id of ids) assert.strictEqual((yield* find(id))._tag, "Succeeded")
      assert.deepStrictEqual(sizes, [20])
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("waits with nobody's report for a handler that is still at work", () =>
    Effect.gen(function* () {
      yield* settle
      const ids = yield* dispatchSyncs(8)
      const release = yield* Deferred.make<void>()
      let called = 0
      const third = Effect.suspend(() => {
        called += 1
        return called === 3 ? Deferred.await(release) : Effect.void
      })
      yield* startWorker([syncing(third)], { concurrency: 8, batch: 8 })
      yield* pass(1_000)
      const states = Effect.map(
        Effect.forEach(ids, (id) => find(id)),
        (runs) => runs.map(({ _tag }) => _tag).toSorted()
      )
      assert.deepStrictEqual(yield* states, ["Running", ...Array.from({ length: 7 }, () => "Succeeded")])
      yield* Deferred.succeed(release, undefined)
      yield* pass(1_000)
      assert.deepStrictEqual(
        yield* states,
        ids.map(() => "Succeeded")
      )
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("renews the leases of those whose turn has not come yet", () =>
    Effect.gen(function* () {
      yield* settle
      yield* dispatchSyncs(10)
      let called = 0
      const observe = ({ _tag }: WorkerEvent) => (_tag === "Started" ? Effect.sleep(500) : Effect.void)
      const handler = syncing(
        Effect.andThen(
          Effect.sync(() => (called += 1)),
          Effect.never
        )
      )
      const { worker } = yield* startWorker([handler], { observe, leaseMillis: 3_000 })
      yield* pass(10_000)
      assert.strictEqual(called, 10)
      assert.strictEqual(yield* worker.atWork, 10)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("lets no lease end while it tells of what was blocked", () =>
    Effect.gen(function* () {
      yield* settle
      const gate = yield* Countersign
      const asked = { ...byAda, operation: inventorySync }
      for (let at = 0; at < 9; at += 1) {
        yield* gate.dispatch({ ...asked, initiator: "nobody", payload: freshScope() })
      }
      const id = yield* dispatchSync
      const observe = ({ _tag }: WorkerEvent) => (_tag === "Blocked" ? Effect.sleep(500) : Effect.void)
      yield* startWorker([syncing(Effect.sleep(8_000))], { observe, leaseMillis: 3_000 })
      yield* pass(10_000)
      assert.strictEqual((yield* findAs(id, "Succeeded")).attempt, 1)
    }).pipe(Effect.provide(layerBench))
  )

  it.live("lets no lease end while handlers keep the process busy for a moment each", () =>
    Effect.gen(function* () {
      yield* settle
      const ids = yield* dispatchSyncs(10)
      const busy = Effect.sync(() => {
        const untilMillis = performance.now() + 200
        while (performance.now() < untilMillis);
      })
      const scope = yield* Effect.scope
      const context = yield* Layer.buildWithScope(
        Worker.layer({ catalogue: sampleCatalogue, handlers: [syncing(busy)], leaseMillis: 1_500 }),
        scope
      )
      yield* Context.get(context, Worker).drained
      for (const id of ids) assert.strictEqual((yield* findAs(id, "Succeeded")).attempt, 1)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("begins nothing whose lease ended while handlers before it kept the process busy", () =>
    Effect.gen(function* () {
      yield* settle
      yield* dispatchSyncs(5)
      const clock = yield* Clock.Clock
      let busyMillis = 0
      const later: Clock.Clock = {
        ...clock,
        currentTimeMillis: Effect.map(clock.currentTimeMillis, (millis) => millis + busyMillis)
      }
      const begun: Array<number> = []
      const busy = syncing(
        Effect.sync(() => {
          begun.push(busyMillis)
          busyMillis += 1_000
        })
      )
      yield* Effect.provideService(startWorker([busy], { leaseMillis: 3_000 }), Clock.Clock, later)
      yield* pass(100, 10)
      assert.deepStrictEqual(begun, [0, 1_000, 2_000])
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("one that fails among those that were over at once fails its own run alone", () =>
    Effect.gen(function* () {
      yield* settle
      const ids = yield* dispatchSyncs(5)
      let called = 0
      const second = Effect.suspend(() => {
        called += 1
        return called === 2 ? Effect.die(new Error("broken")) : Effect.void
      })
      yield* startWorker([syncing(second)], { concurrency: 5, batch: 5 })
      yield* pass(1_000)
      const runs = yield* Effect.forEach(ids, (id) => find(id))
      assert.strictEqual(runs.filter(({ _tag }) => _tag === "Succeeded").length, 4)
      assert.strictEqual(runs.filter(({ _tag }) => _tag === "Queued" || _tag === "Failed").length, 1)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("tells of what was blocked, held and given up, and of what came of the rest", () =>
    Effect.gen(function* () {
      yield* settle
      const declared = { payload: Schema.Json, result: Schema.Json }
      const plain = Operation.make({ ...declared, type: "plain" })
      const forbidden = Operation.make({ ...declared, type: "forbidden", capability: "nobody.holds.it" })
      const hold = { retryMillis: 60_000, deadlineMillis: 120_000 }
      const patient = Operation.make({ ...declared, type: "patient", writes: true, hold })
      const late = Operation.make({ ...declared, type: "late" })
      const operations = [plain, forbidden, patient, late]
      const catalogue = Catalogue.make(operations)
      const context = yield* Layer.build(Layer.fresh(Countersign.layer({ catalogue })))
      const gate = Context.get(context, Countersign)
      yield* setGate("failed")
      for (const operation of operations) {
        const request = { ...byAda, operation, payload: freshScope() }
        // Late before the worker looks again, and before the reconciler does.
        yield* gate.dispatch(
          operation === late ? { ...request, availableAtMillis: 400, expiresAtMillis: 500 } : request
        )
      }
      const told: Array<string> = []
      const observe = (event: WorkerEvent) =>
        Effect.sync(() => {
          if (event._tag === "Revoked") return
          told.push(`${event.run.dispatch.subject.operationType}: ${event._tag} ${event.run._tag}`)
        })
      const handlers = operations.map((operation) => Handler.make(operation, () => Effect.succeed(null)))
      yield* startWorker(handlers, { catalogue, observe })
      yield* pass(2_000)
      assert.sameMembers(told, [
        "plain: Started Running",
        "plain: Settled Succeeded",
        "forbidden: Blocked Blocked",
        "patient: Held Queued",
        "late: Settled Failed"
      ])
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("what the store refuses to start is not handed out", () =>
    Effect.gen(function* () {
      yield* settle
      const gate = yield* Countersign
      const ids = yield* dispatchSyncs(3)
      const trouble = yield* Trouble
      let cancelled = false
      // Cancelled between the decision and its writing, which the lock on a run does not let happen.
      trouble.beforeStore = ({ operation, steps }) => {
        if (cancelled || operation !== "write" || steps.length !== 3) return Effect.void
        cancelled = true
        return Effect.orDie(Effect.asVoid(gate.cancel(defined(ids[1]), { kind: "system", id: null })))
      }
      let called = 0
      const counting = Effect.sync(() => {
        called += 1
      })
      yield* startWorker([syncing(counting)], { concurrency: 3, batch: 3 })
      yield* pass(1_000)
      const runs = yield* Effect.forEach(ids, (id) => find(id))
      assert.deepStrictEqual(
        runs.map(({ _tag }) => _tag),
        ["Succeeded", "Cancelled", "Succeeded"]
      )
      assert.strictEqual(called, 2)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("one whose end the store does not take fails its own run alone, and says why", () =>
    Effect.gen(function* () {
      yield* settle
      const ids = yield* dispatchSyncs(5)
      const trouble = yield* Trouble
      trouble.beforeStore = ({ operation, steps }) =>
        operation === "write" &&
        steps.some(({ before, after }) => before.dispatch.id === ids[2] && after._tag === "Succeeded")
          ? Effect.fail(away("rejected"))
          : Effect.void
      yield* startWorker([syncing(Effect.void)], { concurrency: 5, batch: 5 })
      yield* pass(1_000)
      for (const [at, id] of ids.entries()) {
        if (at === 2) assert.strictEqual((yield* failureOf(id)).code, "handler.invalid_result")
        else assert.strictEqual((yield* find(id))._tag, "Succeeded")
      }
    }).pipe(Effect.provide(layerBench))
  )
})
