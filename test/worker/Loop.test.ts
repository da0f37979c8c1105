/** How a worker claims: one admission at a time while there is little to do, two under a backlog, never more than it has hands. */
import { Catalogue, Operation } from "@countersign/domain"
import { Countersign, Handler, inventorySync } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, References, Schema } from "effect"
import {
  dispatchSync,
  dispatchSyncs,
  find,
  freshScope,
  layerBench,
  pass,
  startWorker,
  syncing
} from "./support/bench.ts"
import { away, Trouble } from "./support/unruly.ts"
import { byAda, settle } from "./support/world.ts"

/** From now on every admission takes a second over its facts; tells how many were under way at once. */
const slowAdmissions = Effect.map(Trouble, (trouble) => {
  const admissions = { underWay: 0, most: 0 }
  const isAdmission = (operation: string) => operation === "transact"
  trouble.beforeFacts = () => Effect.sleep(1_000)
  trouble.beforeStore = ({ operation }) =>
    Effect.sync(() => {
      if (!isAdmission(operation)) return
      admissions.underWay += 1
      admissions.most = Math.max(admissions.most, admissions.underWay)
    })
  trouble.afterStore = ({ operation }) =>
    Effect.sync(() => {
      if (isAdmission(operation)) admissions.underWay -= 1
    })
  return admissions
})

/** Work that takes a while; tells how much of it was done at once. */
const counted = (millis: number) => {
  const work = { atOnce: 0, most: 0 }
  const effect = Effect.gen(function* () {
    work.atOnce += 1
    work.most = Math.max(work.most, work.atOnce)
    yield* Effect.sleep(millis)
    work.atOnce -= 1
  })
  return { work, handler: syncing(effect) }
}

const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 1, maximum }))

/** One at a time, in all. */
const solitary = Operation.make({
  type: "solitary",
  payload: Schema.Json,
  result: Schema.Json,
  concurrency: { total: 1 }
})

describe("the loop", () => {
  it.effect("when a run ends whoever waits for its hand starts at once, and does not wait for the poll", () =>
    Effect.gen(function* () {
      yield* settle
      const ids = yield* dispatchSyncs(4)
      const { handler, work } = counted(1_000)
      yield* startWorker([handler], { concurrency: 1, pollMillis: 600_000 })
      yield* pass(4_100)
      for (const id of ids) assert.strictEqual((yield* find(id))._tag, "Succeeded")
      assert.strictEqual(work.most, 1)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("when a run ends whoever waits for its turn starts at once, and does not wait for the poll", () =>
    Effect.gen(function* () {
      yield* settle
      const catalogue = Catalogue.make([solitary])
      const context = yield* Layer.build(Layer.fresh(Countersign.layer({ catalogue })))
      const gate = Context.get(context, Countersign)
      const dispatched = yield* Effect.replicateEffect(
        Effect.suspend(() => gate.dispatch({ ...byAda, operation: solitary, payload: freshScope() })),
        4
      )
      const handler = Handler.make(solitary, () => Effect.as(Effect.sleep(1_000), null))
      yield* startWorker([handler], { catalogue, pollMillis: 600_000 })
      yield* pass(4_100)
      for (const { run } of dispatched) assert.strictEqual((yield* find(run.dispatch.id))._tag, "Succeeded")
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("admits the next batch while one is being admitted, where there are hands for both", () =>
    Effect.gen(function* () {
      yield* settle
      yield* dispatchSyncs(12)
      const admissions = yield* slowAdmissions
      const { handler } = counted(600_000)
      yield* startWorker([handler], { concurrency: 20, batch: 2 })
      yield* pass(10_000)
      assert.strictEqual(admissions.most, 2)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("admits one after the other while no claim is filled", () =>
    Effect.gen(function* () {
      yield* settle
      const admissions = yield* slowAdmissions
      const { handler } = counted(10)
      yield* startWorker([handler], { concurrency: 20, batch: 5 })
      for (let round = 0; round < 4; round += 1) {
        yield* dispatchSyncs(4)
        yield* pass(2_000)
      }
      assert.strictEqual(admissions.most, 1)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("promises no hand twice", () =>
    Effect.gen(function* () {
      yield* settle
      yield* dispatchSyncs(12)
      yield* slowAdmissions
      const { work, handler } = counted(600_000)
      yield* startWorker([handler], { concurrency: 4, batch: 2 })
      yield* pass(10_000)
      assert.strictEqual(work.most, 4)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("promises no hand twice, wherever one claimer gives way to the other", () =>
    Effect.forEach([3, 5, 13], (ops) =>
      Effect.gen(function* () {
        yield* settle
        yield* dispatchSyncs(12)
        const { work, handler } = counted(600_000)
        yield* startWorker([handler], { concurrency: 4, batch: 2 })
        yield* pass(5_000)
        assert.strictEqual(work.most, 4)
      }).pipe(Effect.provide(layerBench), Effect.provideService(References.MaxOpsBeforeYield, ops))
    )
  )

  it.effect("fills the hands again that were promised to an admission that failed", () =>
    Effect.gen(function* () {
      yield* settle
      yield* dispatchSyncs(4)
      const trouble = yield* Trouble
      let claims = 0
      trouble.beforeStore = ({ operation }) =>
        Effect.gen(function* () {
          if (operation !== "holdNext") return
          claims += 1
          // The other claimer finds no hand free meanwhile, and nothing that is at work ends.
          if (claims === 2) return yield* Effect.andThen(Effect.sleep(500), Effect.fail(away()))
        })
      const { work, handler } = counted(600_000)
      yield* startWorker([handler], { concurrency: 4, batch: 2 })
      yield* pass(5_000)
      assert.strictEqual(work.most, 4)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("fills the hands again that a delivery lets go", () =>
    Effect.gen(function* () {
      yield* settle
      const { handler } = counted(5_000)
      const { worker } = yield* startWorker([handler], { concurrency: 1 })
      const gate = yield* Countersign
      const due = { availableAtMillis: 50, operation: inventorySync, payload: freshScope() }
      const { run } = yield* gate.dispatch({ ...byAda, ...due })
      yield* pass(100)
      const delivering = yield* Effect.forkChild(worker.deliver([run.dispatch.id]))
      yield* pass(1_000)
      assert.strictEqual(yield* worker.atWork, 1)
      const next = yield* dispatchSync
      yield* pass(15_000)
      yield* Fiber.join(delivering)
      assert.strictEqual((yield* find(next))._tag, "Succeeded")
    }).pipe(Effect.provide(layerBench))
  )

  it.effect.prop(
    "never has more at work than it may, and leaves nothing undone",
    { runs: upTo(40), concurrency: upTo(12), batch: upTo(6), workMillis: upTo(10_000) },
    ({ runs, concurrency, batch, workMillis }) =>
      Effect.gen(function* () {
        yield* settle
        const ids = yield* dispatchSyncs(runs)
        yield* slowAdmissions
        const { work, handler } = counted(workMillis)
        yield* startWorker([handler], { concurrency, batch })
        yield* pass((runs + 2) * (3_000 + workMillis), 500)
        assert.isAtMost(work.most, concurrency)
        const states = yield* Effect.forEach(ids, (id) => Effect.map(find(id), ({ _tag }) => _tag))
        assert.deepStrictEqual(new Set(states), new Set(["Succeeded"]))
      }).pipe(Effect.provide(layerBench)),
    { arbitrary: { runs: 20 } }
  )
})
