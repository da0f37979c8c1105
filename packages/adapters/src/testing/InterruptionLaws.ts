/** The laws of `UnitOfWork` that is interrupted, or inside another. */
import { type AuditLog, RunStore, UnitOfWork } from "@countersign/domain"
import { assert } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { isMissing } from "./endings.ts"
import { type Register, reached, upTo } from "./laws.ts"
import { startStep } from "./rulings.ts"
import { enqueuedOne, leaseAt, moved } from "./runs.ts"
import { makeWorld } from "./World.ts"

/** The laws of work that is interrupted midway: written whole, or not at all. */
export const interruptionLaws = (it: Register<UnitOfWork | RunStore | AuditLog>): void => {
  it.effect("interrupted in the middle it leaves nothing, and nobody waits for it", () =>
    Effect.gen(function* () {
      const { transact } = yield* UnitOfWork
      const store = yield* RunStore
      const world = yield* makeWorld
      const known = yield* enqueuedOne(world.dispatch())
      const fresh = world.dispatch()
      const halfWay = yield* Deferred.make<void>()
      const unit = yield* Effect.forkChild(
        transact(
          Effect.gen(function* () {
            yield* store.hold(known.dispatch.id)
            yield* moved(startStep(known, world.atMillis), leaseAt(world.atMillis))
            yield* enqueuedOne(fresh)
            yield* Deferred.succeed(halfWay, undefined)
            return yield* Effect.never
          })
        )
      )
      yield* reached(halfWay, unit)
      yield* Fiber.interrupt(unit)
      yield* isMissing(fresh.id)
      assert.deepStrictEqual(yield* store.find(known.dispatch.id), known)
      yield* transact(moved(startStep(known, world.atMillis), leaseAt(world.atMillis)))
    })
  )

  it.effect("interrupted while it waits for another, it is forgotten, and the next gets its turn", () =>
    Effect.gen(function* () {
      const { transact } = yield* UnitOfWork
      const store = yield* RunStore
      const world = yield* makeWorld
      const { id } = (yield* enqueuedOne(world.dispatch())).dispatch
      const held = yield* Deferred.make<void>()
      const letGo = yield* Deferred.make<void>()
      const first = yield* Effect.forkChild(
        transact(
          Effect.gen(function* () {
            yield* store.hold(id)
            yield* Deferred.succeed(held, undefined)
            yield* Deferred.await(letGo)
          })
        )
      )
      yield* reached(held, first)
      const waiting = yield* Effect.forEach(upTo(3), () => Effect.forkChild(transact(store.hold(id))))
      const last = yield* Effect.forkChild(transact(store.hold(id)))
      yield* Effect.sleep("20 millis")
      yield* Fiber.interruptAll(waiting)
      yield* Deferred.succeed(letGo, undefined)
      yield* Fiber.join(first)
      assert.strictEqual((yield* Fiber.join(last)).dispatch.id, id)
    })
  )

  it.effect("one inside another joins it: the outer one's failure takes back both", () =>
    Effect.gen(function* () {
      const { transact } = yield* UnitOfWork
      const world = yield* makeWorld
      const [outer, inner] = [world.dispatch(), world.dispatch()]
      yield* Effect.flip(
        transact(
          Effect.gen(function* () {
            yield* enqueuedOne(outer)
            yield* transact(enqueuedOne(inner))
            return yield* Effect.fail("no")
          })
        )
      )
      yield* isMissing(outer.id)
      yield* isMissing(inner.id)
    })
  )

  it.effect("the inner one's failure takes back its own part, and the outer one may go on", () =>
    Effect.gen(function* () {
      const { transact } = yield* UnitOfWork
      const store = yield* RunStore
      const world = yield* makeWorld
      const [before, inner, after] = [world.dispatch(), world.dispatch(), world.dispatch()]
      yield* transact(
        Effect.gen(function* () {
          yield* enqueuedOne(before)
          yield* Effect.flip(transact(Effect.andThen(enqueuedOne(inner), Effect.fail("no"))))
          yield* enqueuedOne(after)
        })
      )
      assert.strictEqual((yield* store.find(before.id))._tag, "Queued")
      yield* isMissing(inner.id)
      assert.strictEqual((yield* store.find(after.id))._tag, "Queued")
    })
  )
}
