/** The laws of `UnitOfWork`: all or nothing, whatever ends it. */
import { AuditLog, dispatchStep, Notices, type RunId, RunStore, UnitOfWork } from "@countersign/domain"
import { assert, layer } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, type Layer, Result, Schema } from "effect"
import { isMissing } from "./endings.ts"
import { interruptionLaws } from "./InterruptionLaws.ts"
import { IN_REAL_TIME, racing, reached, SAMPLES, upTo } from "./laws.ts"
import { blockStep, startStep, stepOf, succeedStep } from "./rulings.ts"
import { asRunning, enqueued, enqueuedOne, leaseAt, moved, startedOne } from "./runs.ts"
import { makeWorld } from "./World.ts"

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
        const unit = yield* Effect.forkChild(
          transact(
            Effect.gen(function* () {
              yield* enqueuedOne(first)
              assert.strictEqual((yield* store.find(first.id))._tag, "Queued")
              yield* Deferred.succeed(halfWay, undefined)
              yield* Effect.sleep("50 millis")
              yield* enqueuedOne(second)
            })
          )
        )
        yield* reached(halfWay, unit)
        // Who looks from outside sees nothing yet, or (where there is one connection only) waits, and sees everything.
        const early = yield* Effect.result(store.find(first.id))
        if (Result.isSuccess(early)) yield* store.find(second.id)
        else assert.strictEqual(early.failure._tag, "RunNotFound")
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

    interruptionLaws(it)

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
        const steps = [blockStep(other, world.atMillis), forged]
        const { trouble } = yield* Effect.flip(store.write(steps, leaseAt(world.atMillis)))
        assert.strictEqual(trouble, "rejected")
        for (const run of [other, queued]) assert.deepStrictEqual(yield* store.find(run.dispatch.id), run)
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
