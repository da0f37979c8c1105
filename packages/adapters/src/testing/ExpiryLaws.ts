/** The laws of waiting too long: `RunStore.holdExpired`. */
import { RunStore, UnitOfWork } from "@countersign/domain"
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { type Register, type RunPorts, racing, upTo } from "./laws.ts"
import { blockStep, holdStep, stepOf } from "./rulings.ts"
import { asQueued, enqueued, enqueuedOne, moved, startedOne } from "./runs.ts"
import { makeWorld } from "./World.ts"

/** Registers them. */
export const expiryLaws = (it: Register<RunPorts>): void => {
  it.effect("a queued run has waited too long at its time, not before, held or not, available or not", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const { atMillis } = world
      const ending = (after: number) => world.dispatch({ expiresAtMillis: atMillis + after })
      const waiting = yield* enqueuedOne(ending(100))
      const unavailable = yield* enqueuedOne(ending(101), atMillis + 5000)
      const held = asQueued(yield* moved(holdStep(yield* enqueuedOne(ending(102)), atMillis)))
      yield* startedOne(ending(100))
      yield* moved(blockStep(yield* enqueuedOne(ending(100)), atMillis))
      yield* enqueuedOne(ending(500))
      const expiredAt = (after: number, limit = 1000) => store.holdExpired(atMillis + after, limit)
      const pageOf = (...runs: ReadonlyArray<typeof waiting>) => ({ runs, unreadable: [] })
      assert.deepStrictEqual(yield* expiredAt(99), pageOf())
      assert.deepStrictEqual(yield* expiredAt(100), pageOf(waiting))
      assert.deepStrictEqual(yield* expiredAt(102), pageOf(waiting, unavailable, held))
      assert.deepStrictEqual(yield* expiredAt(102, 2), pageOf(waiting, unavailable))
      for (const run of [waiting, unavailable, held]) {
        yield* moved(stepOf(run, { _tag: "Expire", atMillis: atMillis + 102 }))
      }
      assert.deepStrictEqual(yield* expiredAt(102), pageOf())
    })
  )

  it.effect("of many who look for such runs at once, each run is given up by one", () =>
    Effect.gen(function* () {
      const { transact } = yield* UnitOfWork
      const store = yield* RunStore
      const world = yield* makeWorld
      const { atMillis } = world
      const runs = yield* enqueued(upTo(20).map(() => world.dispatch({ expiresAtMillis: atMillis + 1 })))
      const giveUp = transact(
        Effect.gen(function* () {
          const expired = (yield* store.holdExpired(atMillis + 1, 4)).runs
          assert.isAtMost(expired.length, 4)
          yield* Effect.sleep("5 millis")
          const steps = expired.map((run) => stepOf(run, { _tag: "Expire", atMillis: atMillis + 1 }))
          assert.deepStrictEqual(yield* store.write(steps, null), [])
          return expired.map(({ dispatch }) => dispatch.id)
        })
      )
      const given = (yield* racing(upTo(8).map(() => giveUp))).flat()
      const left = (yield* store.holdExpired(atMillis + 1, 1000)).runs.map(({ dispatch }) => dispatch.id)
      assert.deepStrictEqual(
        [...given, ...left].sort(),
        runs.map(({ dispatch }) => dispatch.id)
      )
    })
  )
}
