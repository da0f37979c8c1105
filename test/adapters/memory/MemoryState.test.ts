import { dispatchStep, RunStore, UnitOfWork } from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { layerMemory } from "../../../packages/adapters/src/memory/index.ts"
import { asQueued, makeWorld, startStep } from "../../../packages/adapters/src/testing/index.ts"

const services = Effect.gen(function* () {
  const context = yield* Layer.build(Layer.fresh(layerMemory))
  return yield* Effect.all({ store: RunStore, work: UnitOfWork }).pipe(Effect.provide(context))
})

describe("the state in memory", () => {
  it.effect("two states are two worlds: a unit of work in one is none in the other", () =>
    Effect.gen(function* () {
      const [one, other] = [yield* services, yield* services]
      const world = yield* makeWorld
      const [kept, lost] = [dispatchStep(world.dispatch()), dispatchStep(world.dispatch())]
      yield* Effect.flip(
        one.work.transact(
          Effect.gen(function* () {
            yield* one.store.dispatch([lost])
            yield* other.store.dispatch([kept])
            return yield* Effect.fail("no")
          })
        )
      )
      assert.strictEqual((yield* Effect.flip(one.store.find(lost.run.dispatch.id)))._tag, "RunNotFound")
      assert.strictEqual((yield* other.store.find(kept.run.dispatch.id))._tag, "Queued")
    })
  )

  it.effect("a fiber that outlives its unit of work is outside it, and brings nothing of it back", () =>
    Effect.gen(function* () {
      const { store, work } = yield* services
      const world = yield* makeWorld
      const [lost, late] = [dispatchStep(world.dispatch()), dispatchStep(world.dispatch())]
      const ended = yield* Deferred.make<void>()
      const survivors: Array<Fiber.Fiber<unknown, unknown>> = []
      yield* Effect.flip(
        work.transact(
          Effect.gen(function* () {
            yield* store.dispatch([lost])
            survivors.push(yield* Effect.forkDetach(Effect.andThen(Deferred.await(ended), store.dispatch([late]))))
            return yield* Effect.fail("no")
          })
        )
      )
      yield* Deferred.succeed(ended, undefined)
      yield* Fiber.joinAll(survivors)
      assert.strictEqual((yield* store.find(late.run.dispatch.id))._tag, "Queued")
      assert.strictEqual((yield* Effect.flip(store.find(lost.run.dispatch.id)))._tag, "RunNotFound")
    })
  )

  it.effect("running without a recorded allowed decision is rejected, saying what to do", () =>
    Effect.gen(function* () {
      const { store } = yield* services
      const world = yield* makeWorld
      const first = dispatchStep(world.dispatch())
      yield* store.dispatch([first])
      const forged = { ...startStep(asQueued(first.run), world.atMillis), decision: null }
      const error = yield* Effect.flip(store.write([forged], null))
      assert.deepStrictEqual([error.trouble, error.operation], ["rejected", "write steps"])
      assert.include(error.message, "allowed decision")
      const born = yield* Effect.flip(
        store.dispatch([{ ...first, run: { ...forged.after, dispatch: world.dispatch() } }])
      )
      assert.strictEqual(born.trouble, "rejected")
    })
  )

  it.effect("a burst of interrupted units of work loses neither the lock nor a run", () =>
    Effect.gen(function* () {
      const { store, work } = yield* services
      const world = yield* makeWorld
      const steps = Array.from({ length: 200 }, () => dispatchStep(world.dispatch()))
      const fibers = yield* Effect.forEach(steps, (step, at) =>
        Effect.forkChild(
          work.transact(
            Effect.gen(function* () {
              yield* store.dispatch([step])
              for (let turn = 0; turn < at % 5; turn++) yield* Effect.yieldNow
            })
          )
        )
      )
      yield* Effect.forEach(fibers, (fiber, at) =>
        at % 3 === 0 ? Fiber.interrupt(fiber) : at % 3 === 1 ? Effect.yieldNow : Fiber.await(fiber)
      )
      const exits = yield* Effect.forEach(fibers, (fiber) => Fiber.await(fiber))
      const { runs } = yield* store.list({ limit: 1000 })
      const committed = new Set(runs.map(({ dispatch }) => dispatch.id))
      for (const [at, exit] of exits.entries()) {
        const id = steps[at]?.run.dispatch.id
        assert.strictEqual(id !== undefined && committed.has(id), exit._tag === "Success", `unit ${at}`)
      }
      yield* work.transact(store.dispatch([dispatchStep(world.dispatch())]))
    })
  )
})
