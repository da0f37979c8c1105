/** The laws of `RunQueue`: each waiting run is given once, in order, and nothing waits for ever. */
import { AuditLog, Notices, type RunId, RunQueue, RunStore, RunUnreadable } from "@countersign/domain"
import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, type Layer, Schedule, Stream } from "effect"
import { claimLaws } from "./ClaimLaws.ts"
import { claimOf, heldNext, idsOf } from "./claims.ts"
import { limitLaws } from "./LimitLaws.ts"
import { IN_REAL_TIME, type RunPorts } from "./laws.ts"
import { orderLaws } from "./OrderLaws.ts"
import { blockStep, holdStep, startStep, stepOf, succeedStep } from "./rulings.ts"
import { asQueued, asRunning, enqueued, enqueuedOne, leaseAt, moved, startedOne } from "./runs.ts"
import { makeWorld, runIdAt, type World } from "./World.ts"

/** What an adapter can show beyond the ports. */
export interface RunQueueHooks<R> {
  /** Makes the stored row of a queued run senseless, past the port, such as by a bare `UPDATE` of what is in it. */
  readonly corrupt?: (id: RunId) => Effect.Effect<unknown, unknown, R>
}

/** Every adapter keeps these. The layer gives an empty store; it is built once and shared by the laws. */
export const runQueueLaws = <R, E>(
  name: string,
  adapter: Layer.Layer<RunPorts | R, E>,
  { corrupt }: RunQueueHooks<R> = {}
): void =>
  layer(adapter, IN_REAL_TIME)(`RunQueue: ${name}`, (it) => {
    claimLaws(it)
    orderLaws(it)
    limitLaws(it)

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

    it.effect("tells which runs have waited since then, the longest first, and holds none of them", () =>
      Effect.gen(function* () {
        const queue = yield* RunQueue
        const world = yield* makeWorld
        const { atMillis, operationType } = world
        const [late] = yield* enqueued([world.dispatch()], atMillis + 30)
        const early = yield* enqueued([world.dispatch(), world.dispatch()], atMillis + 10)
        yield* enqueued([world.dispatch()], atMillis + 31)
        yield* startedOne(world.dispatch())
        const waiting = (limit: number) => queue.waitingSince(atMillis + 30, [operationType], limit)
        assert.deepStrictEqual(yield* waiting(10), idsOf([...early, ...(late === undefined ? [] : [late])]))
        assert.deepStrictEqual(yield* waiting(1), idsOf(early.slice(0, 1)))
        assert.deepStrictEqual(yield* queue.waitingSince(atMillis + 30, [], 10), [])
        assert.deepStrictEqual(yield* queue.waitingSince(atMillis + 9, [operationType], 10), [])
        assert.strictEqual((yield* heldNext(claimOf(world, { nowMillis: atMillis + 30 }))).length, 3)
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

    /** Whoever listens may be told once for having begun; acts again until it has heard more than that. */
    const isWokenBy = (
      name: string,
      acting: (world: World) => Effect.Effect<Effect.Effect<unknown, unknown, RunPorts>, unknown, RunPorts>
    ) =>
      it.effect(`wakes who waits when ${name}`, () =>
        Effect.gen(function* () {
          const queue = yield* RunQueue
          const act = yield* acting(yield* makeWorld)
          const woken = yield* Effect.forkChild(Stream.runCount(Stream.take(queue.wakes, 3)))
          const calling = yield* Effect.forkChild(Effect.repeat(act, Schedule.spaced("20 millis")))
          assert.strictEqual(yield* Fiber.join(woken).pipe(Effect.timeout("20 seconds")), 3)
          yield* Fiber.interrupt(calling)
        })
      )
    isWokenBy("a run is dispatched", (world) => Effect.succeed(Effect.suspend(() => enqueuedOne(world.dispatch()))))
    // One run again and again: a dispatch of another would wake as well.
    isWokenBy("a run is released", (world) =>
      Effect.map(enqueuedOne(world.dispatch()), (first) => {
        const { atMillis } = world
        let queued = first
        return Effect.gen(function* () {
          const running = asRunning(yield* moved(startStep(queued, atMillis), leaseAt(atMillis)))
          const { admission } = running
          queued = asQueued(yield* moved(stepOf(running, { _tag: "Release", admission, atMillis, counts: {} })))
        })
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

    it.effect("what is set aside is recorded as the system's doing, whoever started it", () =>
      Effect.gen(function* () {
        const queue = yield* RunQueue
        const world = yield* makeWorld
        const { dispatch } = yield* enqueuedOne(world.dispatch())
        yield* queue.quarantine([new RunUnreadable({ runId: dispatch.id, problem: "none" })], world.atMillis)
        const last = (yield* (yield* AuditLog).recordsOf(dispatch.id)).at(-1)
        assert.deepInclude(last, {
          action: "run.failed",
          outcome: "failed",
          actorKind: "system",
          actorId: null,
          actorName: null,
          code: "run.unreadable",
          occurredAtMillis: world.atMillis
        })
      })
    )

    it.effect("quarantine ends a run that is held like any other, and nobody offers it again", () =>
      Effect.gen(function* () {
        const queue = yield* RunQueue
        const store = yield* RunStore
        const world = yield* makeWorld
        const held = yield* moved(holdStep(yield* enqueuedOne(world.dispatch()), world.atMillis))
        const { id } = held.dispatch
        yield* queue.quarantine([new RunUnreadable({ runId: id, problem: "none" })], world.atMillis)
        const ended = yield* store.find(id)
        assert(ended._tag === "Failed")
        assert.strictEqual(ended.failure.code, "run.unreadable")
        assert.strictEqual(yield* queue.offerHeldAgain(world.atMillis), 0)
        assert.deepStrictEqual(yield* heldNext(claimOf(world, { nowMillis: world.atMillis + 3_000_000 })), [])
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
        assert.deepStrictEqual([last?.actorKind, last?.actorId, last?.actorName], ["system", null, null])
        // Once is enough: what has ended is left alone.
        yield* queue.quarantine(page.unreadable, world.atMillis)
        assert.strictEqual((yield* audit.recordsOf(id)).length, 2)
        // At most one notice, whatever could still be read of whom to tell.
        const due = yield* (yield* Notices).takeDue(world.atMillis, world.atMillis + 1, 1000)
        assert.isAtMost(due.length, 1)
      })
    )
  })
