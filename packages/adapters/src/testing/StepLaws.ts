/** The laws of `RunStore.write`: what it stores, and that a step is written whole or not at all. */
import { AuditLog, isCompleted, type Running, RunStore, UnitOfWork } from "@countersign/domain"
import { assert } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { allOf, endings } from "./endings.ts"
import { type Register, type RunPorts, reached, upTo } from "./laws.ts"
import { blockStep, confirmStep, revokeStep, startStep, stepOf, succeedStep } from "./rulings.ts"
import { asQueued, asRunning, enqueued, enqueuedOne, leaseAt, moved, startedOne, written } from "./runs.ts"
import { makeWorld } from "./World.ts"

/** The laws of writing steps. */
export const stepLaws = (it: Register<RunPorts>): void => {
  it.effect("every way a run can end is stored as it was handed over", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      for (const ending of endings(world)) {
        const end = ending(yield* startedOne(world.dispatch()))
        assert.isTrue(isCompleted(end.after))
        yield* moved(end)
        assert.deepStrictEqual(yield* store.find(end.after.dispatch.id), end.after)
      }
    })
  )

  it.effect("a run blocked before it ever started keeps why, and has no start", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      for (const dispatch of [world.dispatch(), world.systemDispatch()]) {
        const block = blockStep(yield* enqueuedOne(dispatch), world.atMillis + 3)
        yield* moved(block)
        const run = yield* store.find(dispatch.id)
        assert.deepStrictEqual(run, block.after)
        assert(run._tag === "Blocked")
        assert.strictEqual(run.startedAtMillis, null)
        assert.strictEqual(run.legitimacy.reason_code, run.failure.code)
        assert.strictEqual(run.attempt, 1)
      }
    })
  )

  it.effect("what was counted is kept through a retry, a release and a revocation", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const { atMillis } = world
      const lease = leaseAt(atMillis)
      let running = yield* startedOne(world.dispatch())
      const { id } = running.dispatch
      const failure = { code: "provider.timeout", message: "no answer" }
      const events: ReadonlyArray<(run: Running) => Parameters<typeof stepOf>[1]> = [
        ({ admission }) => ({
          _tag: "FailAttempt",
          admission,
          atMillis,
          counts: { done: 10 },
          failure,
          retryAtMillis: atMillis + 5
        }),
        ({ admission }) => ({ _tag: "Release", admission, atMillis, counts: { done: 20 } }),
        ({ admission }) => ({ _tag: "LoseLease", admission, atMillis, retryAtMillis: atMillis + 5 })
      ]
      for (const event of events) {
        const queued = asQueued(yield* moved(stepOf(running, event(running))))
        assert.deepStrictEqual(yield* store.find(id), queued)
        running = asRunning(yield* moved(startStep(queued, atMillis + 10), lease))
        assert.deepStrictEqual(yield* store.find(id), running)
      }
      assert.deepStrictEqual([running.attempt, running.admission, running.counts], [3, 4, { done: 20 }])
      yield* moved(revokeStep(running, atMillis + 20, { done: 25 }))
      const end = yield* store.find(id)
      assert.deepStrictEqual([end._tag, end.counts, end.startedAtMillis], ["Blocked", { done: 25 }, world.atMillis])
      const broken = (yield* (yield* AuditLog).recordsOf(id)).find(({ action }) => action === "run.attempt_failed")
      assert.strictEqual(broken?.code, failure.code, "why the attempt broke, though the run went on")
    })
  )

  it.effect("of many steps only those that do not fit are refused", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const queued = yield* enqueued(upTo(20).map(() => world.dispatch()))
      const gone = queued.filter((_, at) => at % 3 === 0)
      yield* written(gone.map((run) => blockStep(run, world.atMillis)))
      const current = yield* enqueuedOne(world.dispatch())
      const mistaken = [
        { ...startStep(current, world.atMillis), before: { ...current, attempt: 2 } },
        { ...startStep(current, world.atMillis), before: { ...current, admission: 2 } }
      ]
      const missing = asQueued({ ...(yield* enqueuedOne(world.dispatch())), dispatch: world.dispatch() })
      const refused = yield* store.write(
        [...[...queued, missing].map((run) => startStep(run, world.atMillis)), ...mistaken],
        leaseAt(world.atMillis)
      )
      assert.sameMembers(
        refused.map(({ runId }) => runId),
        [...gone, missing, current, current].map(({ dispatch }) => dispatch.id)
      )
      assert.deepStrictEqual(yield* store.find(current.dispatch.id), current)
      for (const [at, { dispatch }] of queued.entries()) {
        assert.strictEqual((yield* store.find(dispatch.id))._tag, at % 3 === 0 ? "Blocked" : "Running")
      }
      assert.deepStrictEqual(yield* store.write([], null), [])
    })
  )

  it.effect("a re-check that allows records its decision and leaves the run and its lease as they are", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const lease = leaseAt(world.atMillis)
      const running = yield* startedOne(world.dispatch(), lease)
      const { id } = running.dispatch
      const confirmed = confirmStep(running, world.atMillis + 1)
      yield* written([confirmed])
      const { run, decisions, records } = yield* allOf(id)
      assert.deepStrictEqual(run, running)
      assert.deepStrictEqual(decisions.at(-1), confirmed.decision)
      assert.strictEqual(records.length, 4)
      assert.deepStrictEqual(yield* store.extendLeases([{ id, admission: 1 }], lease), new Set([id]))
      yield* moved(succeedStep(running, world.atMillis + 2))
      assert.strictEqual((yield* store.write([confirmed], null)).length, 1)
    })
  )

  it.effect("a re-check waits for whoever holds the run, and records nothing of one that has moved on by then", () =>
    Effect.gen(function* () {
      const { transact } = yield* UnitOfWork
      const store = yield* RunStore
      const world = yield* makeWorld
      const running = yield* startedOne(world.dispatch())
      const { id } = running.dispatch
      const revoke = revokeStep(running, world.atMillis + 1, {})
      const isHolding = yield* Deferred.make<void>()
      const holder = yield* Effect.forkChild(
        transact(
          Effect.gen(function* () {
            yield* store.hold(id)
            yield* Deferred.succeed(isHolding, undefined)
            yield* Effect.sleep("50 millis")
            yield* moved(revoke)
          })
        )
      )
      yield* reached(isHolding, holder)
      assert.strictEqual((yield* store.write([confirmStep(running, world.atMillis + 2)], null)).length, 1)
      yield* Fiber.join(holder)
      const { decisions, records } = yield* allOf(id)
      assert.deepStrictEqual([decisions.at(-1), decisions.length, records.length], [revoke.decision, 2, 5])
    })
  )
}
