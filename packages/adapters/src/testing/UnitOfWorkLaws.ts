/** The laws of `UnitOfWork`: all or nothing, whatever ends it. */
import { AuditLog, dispatchStep, Notices, type RunId, RunStore, UnitOfWork } from "@countersign/domain"
import { assert, layer } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, type Layer, Schema } from "effect"
import { IN_REAL_TIME, racing, SAMPLES, upTo } from "./laws.ts"
import { blockStep, startStep, stepOf, succeedStep } from "./rulings.ts"
import { asQueued, asRunning, enqueued, enqueuedOne, leaseAt, moved, startedOne } from "./runs.ts"
import { makeWorld } from "./World.ts"

const isMissing = (id: RunId) =>
  Effect.gen(function* () {
    const error = yield* Effect.flip((yield* RunStore).find(id))
    assert.strictEqual(error._tag, "RunNotFound")
    assert.deepStrictEqual(yield* (yield* AuditLog).recordsOf(id), [])
    assert.deepStrictEqual(yield* (yield* AuditLog).decisionsOf(id), [])
  })

const noticesUntil = (atMillis: number, runId: RunId) =>
  Effect.gen(function* () {
    const due = yield* (yield* Notices).takeDue(atMillis, atMillis + 1, 1000)
    return due.filter(({ notice }) => notice.runId === runId).length
  })

/**
 * Every adapter keeps these. The layer gives an empty store; it is built once and shared by the laws.
 */
export const unitOfWorkLaws = <E>(
  name: string,
  adapter: Layer.Layer<UnitOfWork | RunStore | AuditLog | Notices, E>
): void =>
  layer(adapter, IN_REAL_TIME)(`UnitOfWork: ${name}`, (it) => {
    it.effect("answers with what the effect answers, and fails with what it fails with", () =>
      Effect.gen(function* () {
        const { transact } = yield* UnitOfWork
        assert.strictEqual(yield* transact(Effect.succeed("answer")), "answer")
        assert.strictEqual(yield* Effect.flip(transact(Effect.fail("no"))), "no")
        const exit = yield* Effect.exit(transact(Effect.die("defect")))
        assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      })
    )

    it.effect("what it writes becomes visible together, and to nobody before", () =>
      Effect.gen(function* () {
        const { transact } = yield* UnitOfWork
        const store = yield* RunStore
        const world = yield* makeWorld
        const [first, second] = [world.dispatch(), world.dispatch()]
        const halfWay = yield* Deferred.make<void>()
        const looked = yield* Deferred.make<void>()
        const unit = yield* Effect.forkChild(
          transact(
            Effect.gen(function* () {
              yield* enqueuedOne(first)
              assert.strictEqual((yield* store.find(first.id))._tag, "Queued")
              yield* Deferred.succeed(halfWay, undefined)
              yield* Deferred.await(looked)
              yield* enqueuedOne(second)
            })
          )
        )
        yield* Deferred.await(halfWay)
        yield* isMissing(first.id)
        yield* Deferred.succeed(looked, undefined)
        yield* Fiber.join(unit)
        assert.strictEqual((yield* store.find(first.id))._tag, "Queued")
        assert.strictEqual((yield* store.find(second.id))._tag, "Queued")
      })
    )

    it.effect.prop(
      "whatever fails, nothing is left; whatever does not, all of it",
      { runs: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4 })), end: Schema.Literals(ENDS) },
      ({ runs, end }) =>
        Effect.gen(function* () {
          const { transact } = yield* UnitOfWork
          const store = yield* RunStore
          const world = yield* makeWorld
          const dispatches = upTo(runs).map(() => world.dispatch())
          yield* Effect.exit(
            transact(
              Effect.gen(function* () {
                const queued = yield* enqueued(dispatches)
                yield* Effect.forEach(queued, (run) => moved(startStep(run, world.atMillis), leaseAt(world.atMillis)))
                yield* endingWith(end)
              })
            )
          )
          for (const { id } of dispatches) {
            if (end === "success") assert.strictEqual((yield* store.find(id))._tag, "Running")
            else yield* isMissing(id)
          }
        }),
      SAMPLES
    )

    it.effect("a failure takes back what happened to runs that were there before", () =>
      Effect.gen(function* () {
        const { transact } = yield* UnitOfWork
        const store = yield* RunStore
        const world = yield* makeWorld
        const queued = yield* enqueuedOne(world.dispatch())
        const { id } = queued.dispatch
        yield* Effect.flip(
          transact(
            Effect.gen(function* () {
              const running = asRunning(yield* moved(startStep(queued, world.atMillis), leaseAt(world.atMillis)))
              yield* moved(succeedStep(running, world.atMillis))
              return yield* Effect.fail("no")
            })
          )
        )
        assert.deepStrictEqual(yield* store.find(id), queued)
        assert.deepStrictEqual(yield* (yield* AuditLog).decisionsOf(id), [])
        assert.strictEqual((yield* (yield* AuditLog).recordsOf(id)).length, 1)
        assert.strictEqual(yield* noticesUntil(world.atMillis, id), 0)
        yield* moved(blockStep(queued, world.atMillis))
        assert.strictEqual(yield* noticesUntil(world.atMillis, id), 1)
      })
    )

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
        yield* Deferred.await(halfWay)
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
        yield* Deferred.await(held)
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

    it.effect("units of work on one run come one after the other, and none is lost", () =>
      Effect.gen(function* () {
        const { transact } = yield* UnitOfWork
        const store = yield* RunStore
        const world = yield* makeWorld
        const { id } = (yield* startedOne(world.dispatch())).dispatch
        const turn = transact(
          Effect.gen(function* () {
            const run = yield* store.hold(id)
            const next =
              run._tag === "Queued"
                ? startStep(run, world.atMillis)
                : stepOf(run, { _tag: "Release", admission: run.admission, atMillis: world.atMillis, counts: {} })
            yield* Effect.yieldNow
            yield* moved(next, leaseAt(world.atMillis))
          })
        )
        yield* racing(upTo(16).map(() => turn))
        const end = asRunning(yield* store.find(id))
        assert.strictEqual(end.admission, 9)
        assert.strictEqual((yield* (yield* AuditLog).decisionsOf(id)).length, 9)
      })
    )

    it.effect("a write outside any unit of work is one of its own", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const world = yield* makeWorld
        const queued = yield* enqueuedOne(world.dispatch())
        const fresh = world.dispatch()
        // The second step brings a run to running with nothing decided: the call fails, and the first is taken back.
        const forged = { ...startStep(queued, world.atMillis), decision: null }
        const other = yield* enqueuedOne(world.dispatch())
        yield* Effect.exit(store.write([blockStep(other, world.atMillis), forged], leaseAt(world.atMillis)))
        const state = (yield* store.find(other.dispatch.id))._tag
        assert.isTrue(state === "Queued" || state === "Blocked")
        assert.deepStrictEqual(asQueued(yield* store.find(queued.dispatch.id)), queued)
        yield* store.dispatch([dispatchStep(fresh)])
        assert.strictEqual((yield* store.find(fresh.id))._tag, "Queued")
      })
    )
  })

const ENDS = ["success", "failure", "defect", "interruption"] as const

const endingWith = (end: (typeof ENDS)[number]): Effect.Effect<void, string> => {
  switch (end) {
    case "success":
      return Effect.void
    case "failure":
      return Effect.fail("no")
    case "defect":
      return Effect.die(new Error("defect"))
    case "interruption":
      return Effect.interrupt
  }
}
