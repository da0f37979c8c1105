/** The laws of counters: what runs is counted while nobody else can bring more to running. */
import { type Counter, counterKeyOf, laneOf, type Queued, RunQueue, UnitOfWork } from "@countersign/domain"
import { assert } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { type Register, type RunPorts, reached } from "./laws.ts"
import { succeedStep } from "./rulings.ts"
import { enqueuedOne, moved, startedOne } from "./runs.ts"
import { makeWorld, type World } from "./World.ts"

const countersFor = (world: World, { dispatch }: Pick<Queued, "dispatch">): readonly [Counter, Counter] => [
  { _tag: "Operation", operationType: world.operationType },
  { _tag: "Lane", lane: laneOf(dispatch.subject) }
]

const taken = Effect.fnUntraced(function* (counters: ReadonlyArray<Counter>) {
  const counts = yield* (yield* RunQueue).takeCounters(counters)
  return counters.map((counter) => counts.get(counterKeyOf(counter)) ?? null)
})

/** The laws of counting running runs. */
export const limitLaws = (it: Register<RunPorts>): void => {
  it.effect("counts what runs, of an operation and of each of its lanes, and nothing that waits or is over", () =>
    Effect.gen(function* () {
      const { transact } = yield* UnitOfWork
      const world = yield* makeWorld
      const running = yield* startedOne(world.dispatch())
      const [, bare] = [yield* enqueuedOne(world.dispatch()), world.dispatch()]
      const { subject } = bare
      const without = yield* startedOne({
        ...bare,
        subject: { ...subject, scope: { ...subject.scope, tenantId: null } }
      })
      const counters = [...countersFor(world, running), ...countersFor(world, without).slice(1)]
      assert.deepStrictEqual(yield* transact(taken(counters)), [2, 1, 1])
      yield* moved(succeedStep(running, world.atMillis))
      assert.deepStrictEqual(yield* transact(taken(counters)), [1, 0, 1])
      assert.deepStrictEqual(yield* transact(taken([])), [])
    })
  )

  it.effect("whoever has a counter is alone with it until its unit of work ends, and nobody waits for it", () =>
    Effect.gen(function* () {
      const { transact } = yield* UnitOfWork
      const world = yield* makeWorld
      const counters = countersFor(world, { dispatch: world.dispatch() })
      const has = yield* Deferred.make<void>()
      const done = yield* Deferred.make<void>()
      const first = yield* Effect.forkChild(
        transact(
          Effect.gen(function* () {
            const counts = yield* taken(counters)
            yield* Deferred.succeed(has, undefined)
            // An adapter that lets one in at a time would wait for ever: it has its own way to be alone.
            yield* Effect.timeoutOption(Deferred.await(done), "200 millis")
            return counts
          })
        )
      )
      yield* reached(has, first)
      const [operation, lane] = yield* transact(taken(counters))
      yield* Deferred.succeed(done, undefined)
      assert.deepStrictEqual(yield* Fiber.join(first), [0, 0])
      // Either it was told so at once, or it came after the other.
      assert.isTrue(operation === null || (operation === 0 && lane === 0))
      assert.deepStrictEqual(yield* transact(taken(counters)), [0, 0])
    })
  )
}
