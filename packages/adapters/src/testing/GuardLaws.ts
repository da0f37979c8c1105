/** The laws of `RunStore.write` and `hold` against what must not happen: twice, too late, unpermitted. */
import {
  type Completed,
  Notices,
  type Queued,
  type Run,
  type Running,
  RunStore,
  type Step,
  UnitOfWork
} from "@countersign/domain"
import { assert } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { allOf, endings } from "./endings.ts"
import { type Register, type RunPorts, racing, reached, upTo } from "./laws.ts"
import { blockStep, startStep, stepOf, succeedStep } from "./rulings.ts"
import { asQueued, asRunning, enqueued, enqueuedOne, leaseAt, moved, startedOne } from "./runs.ts"
import { makeWorld, type World } from "./World.ts"

/** Steps that no lifecycle makes, from a state into any other. */
const forgeries = (before: Run, { atMillis }: World): ReadonlyArray<Step> => {
  const { dispatch, attempt, admission, startedAtMillis, counts } = before
  const common = { dispatch, attempt, admission, counts }
  const queued: Queued = { ...common, _tag: "Queued", startedAtMillis, availableAtMillis: atMillis, held: null }
  const running: Running = { ...common, _tag: "Running", startedAtMillis: atMillis }
  const cancelled: Completed = {
    ...common,
    _tag: "Cancelled",
    startedAtMillis,
    completedAtMillis: atMillis,
    by: { kind: "human", id: null }
  }
  return [queued, running, cancelled].map((after) => ({
    before,
    after,
    decision: null,
    audit: [],
    notice: null,
    events: []
  }))
}

/** The laws of a store's own guard: nothing is `running` without a recorded allowed decision. */
export const guardLaws = (it: Register<RunPorts>): void => {
  it.effect("redelivery_changes_nothing: a step written again is refused", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const queued = yield* enqueuedOne(world.dispatch())
      const { id } = queued.dispatch
      const start = startStep(queued, world.atMillis)
      const end = succeedStep(asRunning(yield* moved(start, leaseAt(world.atMillis))), world.atMillis)
      yield* moved(end)
      const before = yield* allOf(id)
      for (const late of [end, start, blockStep(queued, world.atMillis)]) {
        const refused = yield* store.write([late], leaseAt(world.atMillis))
        assert.deepStrictEqual(
          refused.map(({ runId, from, reason }) => ({ runId, from, reason })),
          [{ runId: id, from: late.before._tag, reason: "changed_meanwhile" }]
        )
      }
      assert.deepStrictEqual(yield* allOf(id), before)
      const due = yield* (yield* Notices).takeDue(world.atMillis, world.atMillis + 1, 1000)
      assert.strictEqual(due.length, 1)
    })
  )

  it.effect("of two steps for one run in one call exactly one is written", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const queued = yield* enqueuedOne(world.dispatch())
      const twice = [startStep(queued, world.atMillis), startStep(queued, world.atMillis)]
      assert.strictEqual((yield* store.write(twice, leaseAt(world.atMillis))).length, 1)
      const { decisions, records } = yield* allOf(queued.dispatch.id)
      assert.strictEqual(decisions.length, 1)
      assert.deepStrictEqual(
        records.map(({ action }) => action),
        ["run.dispatched", "run.decided", "run.started"]
      )
    })
  )

  it.effect("two_workers_one_start: of many who start a run at once, one does", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const queued = yield* enqueued(upTo(5).map(() => world.dispatch()))
      const refusals = yield* racing(
        upTo(12).map((at) =>
          store
            .write(
              // Not in one order, so that two of them can meet crosswise.
              [...queued.slice(at % 5), ...queued.slice(0, at % 5)].map((run) => startStep(run, world.atMillis)),
              leaseAt(world.atMillis, `worker ${at}`)
            )
            .pipe(Effect.retry({ times: 20, while: ({ trouble }) => trouble === "conflict" }))
        )
      )
      assert.strictEqual(refusals.flat().length, 11 * 5)
      for (const { dispatch } of queued) {
        const { run, decisions, records } = yield* allOf(dispatch.id)
        assert.deepStrictEqual([run._tag, decisions.length, records.length], ["Running", 1, 3])
      }
    })
  )

  it.effect("terminal_states_absorb: no step leaves a completed run, not even a forged one", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      for (const ending of endings(world)) {
        const end = yield* moved(ending(yield* startedOne(world.dispatch())))
        const before = yield* allOf(end.dispatch.id)
        for (const forged of forgeries(end, world)) {
          yield* Effect.exit(store.write([forged], leaseAt(world.atMillis)))
          assert.deepStrictEqual(yield* allOf(end.dispatch.id), before)
        }
      }
    })
  )

  it.effect("no_running_without_permit: not without a recorded allowed decision for that run and admission", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const [queued, other] = yield* enqueued([world.dispatch(), world.dispatch()])
      assert(queued && other)
      const start = startStep(queued, world.atMillis)
      const { decision } = start
      assert(decision)
      const forged: ReadonlyArray<Step> = [
        { ...start, decision: null },
        { ...start, decision: blockStep(queued, world.atMillis).decision },
        { ...start, decision: startStep(other, world.atMillis).decision },
        { ...start, decision: { ...decision, admission: 2 } }
      ]
      const before = yield* allOf(queued.dispatch.id)
      for (const one of forged) {
        const { trouble } = yield* Effect.flip(store.write([one], leaseAt(world.atMillis)))
        assert.strictEqual(trouble, "rejected")
        assert.deepStrictEqual(yield* allOf(queued.dispatch.id), before)
      }
      yield* moved(start, leaseAt(world.atMillis))
    })
  )

  it.effect("permit_fits_one_run_and_admission: the decision of an earlier admission starts nothing", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const running = yield* startedOne(world.dispatch())
      const { admission, dispatch } = running
      const release = stepOf(running, { _tag: "Release", admission, atMillis: world.atMillis, counts: {} })
      const queued = asQueued(yield* moved(release))
      const before = yield* allOf(dispatch.id)
      const forged = { ...startStep(queued, world.atMillis), decision: null }
      const { trouble } = yield* Effect.flip(store.write([forged], leaseAt(world.atMillis)))
      assert.strictEqual(trouble, "rejected")
      assert.deepStrictEqual(yield* allOf(dispatch.id), before)
    })
  )

  it.effect("who holds a run is alone with it until the unit of work ends", () =>
    Effect.gen(function* () {
      const { transact } = yield* UnitOfWork
      const store = yield* RunStore
      const world = yield* makeWorld
      const queued = yield* enqueuedOne(world.dispatch())
      const held = yield* Deferred.make<void>()
      const holder = yield* Effect.forkChild(
        transact(
          Effect.gen(function* () {
            const run = asQueued(yield* store.hold(queued.dispatch.id))
            yield* Deferred.succeed(held, undefined)
            yield* Effect.sleep("50 millis")
            yield* moved(blockStep(run, world.atMillis))
          })
        )
      )
      yield* reached(held, holder)
      const refused = yield* store.write([startStep(queued, world.atMillis)], leaseAt(world.atMillis))
      assert.strictEqual(refused.length, 1)
      yield* Fiber.join(holder)
      assert.strictEqual((yield* store.find(queued.dispatch.id))._tag, "Blocked")
    })
  )
}
