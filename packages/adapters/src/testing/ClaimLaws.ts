/** The laws of claims: each waiting run is given once, in order. */
import { OperationType, type RunId, RunQueue, RunStore, type StoreUnavailable, UnitOfWork } from "@countersign/domain"
import { assert } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { claimOf, heldNext, idsOf } from "./claims.ts"
import { type Register, type RunPorts, racing, reached, upTo } from "./laws.ts"
import { blockStep, startStep, stepOf } from "./rulings.ts"
import { asQueued, enqueued, enqueuedOne, leaseAt, moved, startedOne, written } from "./runs.ts"
import { makeWorld, runIdAt } from "./World.ts"

/** The laws of claiming queued runs. */
export const claimLaws = (it: Register<RunPorts>): void => {
  it.effect("gives runs by id, the oldest first, and at most as many as are asked for", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld
      const dispatches = upTo(10).map(() => world.dispatch())
      yield* enqueued([...dispatches].reverse())
      const ids = dispatches.map(({ id }) => id)
      assert.deepStrictEqual(yield* heldNext(claimOf(world)), ids)
      assert.deepStrictEqual(yield* heldNext(claimOf(world, { limit: 3 })), ids.slice(0, 3))
      const page = yield* (yield* RunQueue).holdNext(claimOf(world, { limit: 1 }))
      assert.deepStrictEqual(
        page.runs[0],
        asQueued(yield* (yield* RunStore).find(page.runs[0]?.dispatch.id ?? runIdAt(0)))
      )
    })
  )

  it.effect("gives those first that could have been taken for longest: a late retry does not starve", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld
      const [third, first, second] = [
        yield* enqueuedOne(world.dispatch(), world.atMillis + 3),
        yield* enqueuedOne(world.dispatch(), world.atMillis + 1),
        yield* enqueuedOne(world.dispatch(), world.atMillis + 2)
      ]
      const claim = claimOf(world, { nowMillis: world.atMillis + 9 })
      assert.deepStrictEqual(yield* heldNext({ ...claim, limit: 1 }), idsOf([first]))
      assert.deepStrictEqual(yield* heldNext({ ...claim, limit: 2 }), idsOf([first, second]))
      assert.deepStrictEqual(yield* heldNext(claim), idsOf([third, first, second]))
    })
  )

  it.effect("gives only runs of the types asked for, available by then, of workspaces not passed over", () =>
    Effect.gen(function* () {
      const [world, other] = [yield* makeWorld, yield* makeWorld]
      const { atMillis, operationType } = world
      const later = yield* enqueuedOne(world.dispatch(), atMillis + 10)
      const now = yield* enqueuedOne(world.dispatch(), atMillis)
      const elsewhere = yield* enqueuedOne(
        {
          ...other.dispatch(),
          id: world.dispatch().id,
          subject: { ...other.dispatch().subject, operationType }
        },
        atMillis
      )
      yield* enqueuedOne(other.dispatch(), atMillis)
      const ids = idsOf([later, now, elsewhere])
      assert.deepStrictEqual(yield* heldNext(claimOf(world)), ids.slice(1))
      assert.deepStrictEqual(yield* heldNext(claimOf(world, { nowMillis: atMillis + 9 })), ids.slice(1))
      assert.deepStrictEqual(yield* heldNext(claimOf(world, { nowMillis: atMillis + 10 })), ids)
      const passOver = [other.workspaceId]
      assert.deepStrictEqual(yield* heldNext(claimOf(world, { passOver })), idsOf([now]))
      assert.deepStrictEqual(yield* heldNext(claimOf(world, { operationTypes: [] })), [])
      const both = [operationType, OperationType.make("nobody's"), other.operationType]
      assert.strictEqual((yield* heldNext(claimOf(world, { operationTypes: both }))).length, 3)
    })
  )

  it.effect("gives no run that is running or completed, and gives a run again that was released", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld
      const { atMillis } = world
      yield* moved(blockStep(yield* enqueuedOne(world.dispatch()), atMillis))
      const running = yield* startedOne(world.dispatch())
      assert.deepStrictEqual(yield* heldNext(claimOf(world)), [])
      yield* moved(stepOf(running, { _tag: "Release", admission: 1, atMillis, counts: {} }))
      assert.deepStrictEqual(yield* heldNext(claimOf(world)), [running.dispatch.id])
    })
  )

  it.effect("two_workers_one_start: many workers drain a queue, and each run is held by one at a time", () =>
    Effect.gen(function* () {
      const { transact } = yield* UnitOfWork
      const queue = yield* RunQueue
      const world = yield* makeWorld
      const runs = yield* enqueued(upTo(60).map(() => world.dispatch()))
      const holding = new Set<RunId>()
      const heldAlone = (ids: ReadonlyArray<RunId>) =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            for (const id of ids) {
              assert.isFalse(holding.has(id), "held twice")
              holding.add(id)
            }
          }),
          () => Effect.sleep("2 millis"),
          () => Effect.sync(() => ids.forEach((id) => holding.delete(id)))
        )
      const turn = (worker: number) =>
        transact(
          Effect.gen(function* () {
            const held = (yield* queue.holdNext(claimOf(world, { limit: 4 }))).runs
            assert.isAtMost(held.length, 4)
            yield* heldAlone(idsOf(held))
            yield* written(
              held.map((run) => startStep(run, world.atMillis)),
              leaseAt(world.atMillis, `worker ${worker}`)
            )
            return idsOf(held)
          })
        )
      const drain = (worker: number): Effect.Effect<ReadonlyArray<RunId>, StoreUnavailable, RunPorts> =>
        Effect.gen(function* () {
          const ids = yield* turn(worker)
          return ids.length === 0 ? ids : [...ids, ...(yield* drain(worker))]
        })
      const taken = yield* racing(upTo(6).map(drain))
      assert.deepStrictEqual(taken.flat().sort(), idsOf(runs))
    })
  )

  it.effect("while one holds runs, another gets other ones or waits, and neither is disturbed", () =>
    Effect.gen(function* () {
      const { transact } = yield* UnitOfWork
      const world = yield* makeWorld
      const runs = yield* enqueued(upTo(4).map(() => world.dispatch()))
      const held = yield* Deferred.make<void>()
      const first = yield* Effect.forkChild(
        transact(
          Effect.gen(function* () {
            const ids = yield* heldNext(claimOf(world, { limit: 2 }))
            yield* Deferred.succeed(held, undefined)
            yield* Effect.sleep("50 millis")
            yield* written(runs.slice(0, 2).map((run) => blockStep(run, world.atMillis)))
            return ids
          })
        )
      )
      yield* reached(held, first)
      const second = yield* transact(heldNext(claimOf(world, { limit: 2 })))
      assert.deepStrictEqual(yield* Fiber.join(first), idsOf(runs.slice(0, 2)))
      assert.deepStrictEqual(second, idsOf(runs.slice(2)))
    })
  )

  it.effect("what a failed unit of work held is offered again", () =>
    Effect.gen(function* () {
      const { transact } = yield* UnitOfWork
      const world = yield* makeWorld
      const { dispatch } = yield* enqueuedOne(world.dispatch())
      yield* Effect.flip(transact(Effect.andThen(heldNext(claimOf(world)), Effect.fail("no"))))
      assert.deepStrictEqual(yield* transact(heldNext(claimOf(world))), [dispatch.id])
    })
  )

  it.effect("holds exactly the runs named, where they are still queued, each once", () =>
    Effect.gen(function* () {
      const queue = yield* RunQueue
      const world = yield* makeWorld
      const [first, second] = [
        yield* enqueuedOne(world.dispatch()),
        yield* enqueuedOne(world.dispatch(), world.atMillis + 50)
      ]
      yield* enqueuedOne(world.dispatch())
      const running = yield* startedOne(world.dispatch())
      const blocked = yield* moved(blockStep(yield* enqueuedOne(world.dispatch()), world.atMillis))
      const named = [second, running, first, blocked, second].map(({ dispatch }) => dispatch.id)
      const page = yield* queue.holdThese([...named, runIdAt(world.atMillis)])
      assert.sameDeepMembers([...page.runs], [first, second])
      assert.deepStrictEqual(page.unreadable, [])
      assert.deepStrictEqual(yield* queue.holdThese([]), { runs: [], unreadable: [] })
    })
  )
}
