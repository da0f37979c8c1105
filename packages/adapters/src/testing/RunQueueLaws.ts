/** The laws of `RunQueue`: each waiting run is given once, in order, and nothing waits for ever. */
import {
  AuditLog,
  type Claim,
  Notices,
  OperationType,
  type Queued,
  type RunId,
  RunQueue,
  RunStore,
  RunUnreadable,
  type StoreUnavailable,
  UnitOfWork
} from "@countersign/domain"
import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, type Layer, Schedule, Stream } from "effect"
import { IN_REAL_TIME, type RunPorts, racing, upTo } from "./laws.ts"
import { blockStep, startStep, stepOf, succeedStep } from "./rulings.ts"
import { asQueued, enqueued, enqueuedOne, leaseAt, moved, startedOne, written } from "./runs.ts"
import { makeWorld, runIdAt, type World } from "./World.ts"

/** What an adapter can show beyond the ports. */
export interface RunQueueHooks<R> {
  /** Makes the stored row of a queued run senseless, past the port, such as by a bare `UPDATE` of what is in it. */
  readonly corrupt?: (id: RunId) => Effect.Effect<unknown, unknown, R>
}

const claimOf = (world: World, given: Partial<Claim> = {}): Claim => ({
  limit: 1000,
  operationTypes: [world.operationType],
  nowMillis: world.atMillis,
  passOver: [],
  ...given
})

const idsOf = (runs: ReadonlyArray<Queued>) => runs.map(({ dispatch }) => dispatch.id)

const heldNext = (claim: Claim) =>
  Effect.gen(function* () {
    const page = yield* (yield* RunQueue).holdNext(claim)
    assert.deepStrictEqual(page.unreadable, [])
    return idsOf(page.runs)
  })

/** Every adapter keeps these. The layer gives an empty store; it is built once and shared by the laws. */
export const runQueueLaws = <R, E>(
  name: string,
  adapter: Layer.Layer<RunPorts | R, E>,
  { corrupt }: RunQueueHooks<R> = {}
): void =>
  layer(adapter, IN_REAL_TIME)(`RunQueue: ${name}`, (it) => {
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
        yield* Deferred.await(held)
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

    it.effect("what is postponed is offered from then on, its attempt and admission untouched", () =>
      Effect.gen(function* () {
        const queue = yield* RunQueue
        const store = yield* RunStore
        const world = yield* makeWorld
        const [put, kept] = yield* enqueued([world.dispatch(), world.dispatch()])
        assert(put && kept)
        const running = yield* startedOne(world.dispatch())
        const until = world.atMillis + 20
        yield* queue.postpone([put.dispatch.id, running.dispatch.id, runIdAt(world.atMillis)], until)
        assert.deepStrictEqual(yield* heldNext(claimOf(world, { nowMillis: until - 1 })), idsOf([kept]))
        assert.deepStrictEqual(yield* heldNext(claimOf(world, { nowMillis: until })), idsOf([put, kept]))
        const now = asQueued(yield* store.find(put.dispatch.id))
        assert.deepStrictEqual({ ...now, availableAtMillis: put.availableAtMillis }, put)
        assert.deepStrictEqual(yield* store.find(running.dispatch.id), running)
        assert.strictEqual((yield* (yield* AuditLog).recordsOf(put.dispatch.id)).length, 1)
        yield* moved(startStep(put, world.atMillis), leaseAt(world.atMillis))
      })
    )

    it.effect("counts the runs of these types that are queued or running", () =>
      Effect.gen(function* () {
        const queue = yield* RunQueue
        const world = yield* makeWorld
        const count = queue.countActive([world.operationType])
        assert.strictEqual(yield* count, 0)
        yield* enqueuedOne(world.dispatch(), world.atMillis + 1000)
        const running = yield* startedOne(world.dispatch())
        assert.strictEqual(yield* count, 2)
        yield* moved(succeedStep(running, world.atMillis))
        assert.strictEqual(yield* count, 1)
        assert.strictEqual(yield* queue.countActive([]), 0)
      })
    )

    const isWokenBy = (name: string, act: (world: World) => Effect.Effect<unknown, unknown, RunPorts>) =>
      it.effect(`wakes who waits when ${name}`, () =>
        Effect.gen(function* () {
          const queue = yield* RunQueue
          const world = yield* makeWorld
          const woken = yield* Effect.forkChild(Stream.runHead(queue.wakes))
          // Nobody can tell from outside when a listener has begun to listen: it is called until it hears.
          const calling = yield* Effect.forkChild(Effect.repeat(act(world), Schedule.spaced("20 millis")))
          assert.isTrue((yield* Fiber.join(woken).pipe(Effect.timeout("20 seconds")))._tag === "Some")
          yield* Fiber.interrupt(calling)
        })
      )
    isWokenBy("a run is dispatched", (world) => enqueuedOne(world.dispatch()))
    isWokenBy("a run is released", (world) =>
      Effect.gen(function* () {
        const running = yield* startedOne(world.dispatch())
        yield* moved(stepOf(running, { _tag: "Release", admission: 1, atMillis: world.atMillis, counts: {} }))
      })
    )

    it.effect("quarantine leaves alone what has completed and what is not there", () =>
      Effect.gen(function* () {
        const queue = yield* RunQueue
        const store = yield* RunStore
        const world = yield* makeWorld
        const blocked = yield* moved(blockStep(yield* enqueuedOne(world.dispatch()), world.atMillis))
        yield* queue.quarantine(
          [blocked.dispatch.id, runIdAt(world.atMillis)].map((runId) => new RunUnreadable({ runId, problem: "none" })),
          world.atMillis
        )
        assert.deepStrictEqual(yield* store.find(blocked.dispatch.id), blocked)
        assert.strictEqual((yield* (yield* AuditLog).recordsOf(blocked.dispatch.id)).length, 3)
        yield* queue.quarantine([], world.atMillis)
      })
    )

    if (corrupt === undefined) return
    it.effect("a row that makes no sense is told apart, stops nobody, and is ended by quarantine", () =>
      Effect.gen(function* () {
        const queue = yield* RunQueue
        const store = yield* RunStore
        const audit = yield* AuditLog
        const world = yield* makeWorld
        const [broken, sound] = yield* enqueued([world.dispatch(), world.dispatch()])
        assert(broken && sound)
        const { id } = broken.dispatch
        yield* corrupt(id)
        const page = yield* queue.holdNext(claimOf(world))
        assert.deepStrictEqual(idsOf(page.runs), [sound.dispatch.id])
        assert.deepStrictEqual(
          page.unreadable.map(({ runId }) => runId),
          [id]
        )
        assert.strictEqual((yield* Effect.flip(store.find(id)))._tag, "RunUnreadable")
        const listed = yield* store.list({ workspaceId: world.workspaceId, limit: 10 })
        assert.deepStrictEqual([listed.runs.length, listed.unreadable.length], [1, 1])
        yield* queue.quarantine(page.unreadable, world.atMillis)
        const after = yield* queue.holdNext(claimOf(world))
        assert.deepStrictEqual([idsOf(after.runs), after.unreadable], [[sound.dispatch.id], []])
        const last = (yield* audit.recordsOf(id)).at(-1)
        assert.deepStrictEqual([last?.outcome, last?.code], ["failed", "run.unreadable"])
        // Once is enough: what has ended is left alone.
        yield* queue.quarantine(page.unreadable, world.atMillis)
        assert.strictEqual((yield* audit.recordsOf(id)).length, 2)
        // At most one notice, whatever could still be read of whom to tell.
        const due = yield* (yield* Notices).takeDue(world.atMillis, world.atMillis + 1, 1000)
        assert.isAtMost(due.length, 1)
      })
    )
  })
