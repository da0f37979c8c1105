/** The laws of what a worker has in hand: `RunStore.holdRunning` and `saveCounts`. */
import { type Running, RunStore, UnitOfWork } from "@countersign/domain"
import { assert } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { type Register, type RunPorts, racing, reached, upTo } from "./laws.ts"
import { revokeStep, startStep, stepOf, succeedStep } from "./rulings.ts"
import { asQueued, asRunning, enqueuedOne, leaseAt, moved, startedOne } from "./runs.ts"
import { makeWorld, runIdAt, type World } from "./World.ts"

const heldRunOf = ({ dispatch: { id }, admission }: Running) => ({ id, admission })

/** A run that is under its second admission, as it was under its first and as it is. */
const readmitted = Effect.fnUntraced(function* (world: World) {
  const { atMillis } = world
  const first = yield* startedOne(world.dispatch())
  const release = stepOf(first, { _tag: "Release", admission: 1, atMillis, counts: {} })
  const again = startStep(asQueued(yield* moved(release)), atMillis)
  return { first, second: asRunning(yield* moved(again, leaseAt(atMillis))) }
})

/** Registers them. */
export const runningLaws = (it: Register<RunPorts>): void => {
  it.effect("holdRunning gives the runs that are still running under that admission, each once", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const running = yield* startedOne(world.dispatch())
      const { first, second } = yield* readmitted(world)
      const ended = yield* startedOne(world.dispatch())
      yield* moved(succeedStep(ended, world.atMillis))
      const queued = yield* enqueuedOne(world.dispatch())
      const page = yield* store.holdRunning([
        ...[second, ended, first, running, running].map(heldRunOf),
        { id: queued.dispatch.id, admission: 1 },
        { id: runIdAt(world.atMillis), admission: 1 }
      ])
      assert.deepStrictEqual(page, { runs: [running, second], unreadable: [] })
      assert.deepStrictEqual(yield* store.holdRunning([]), { runs: [], unreadable: [] })
    })
  )

  it.effect("holdRunning waits for whoever holds a run, and then leaves out what has moved on", () =>
    Effect.gen(function* () {
      const { transact } = yield* UnitOfWork
      const store = yield* RunStore
      const world = yield* makeWorld
      const [moving, staying] = [yield* startedOne(world.dispatch()), yield* startedOne(world.dispatch())]
      const isHolding = yield* Deferred.make<void>()
      const holder = yield* Effect.forkChild(
        transact(
          Effect.gen(function* () {
            yield* store.hold(moving.dispatch.id)
            yield* store.hold(staying.dispatch.id)
            yield* Deferred.succeed(isHolding, undefined)
            yield* Effect.sleep("50 millis")
            yield* moved(revokeStep(moving, world.atMillis, { done: 1 }))
          })
        )
      )
      yield* reached(isHolding, holder)
      const page = yield* transact(store.holdRunning([moving, staying].map(heldRunOf)))
      assert.deepStrictEqual(page.runs, [staying])
      yield* Fiber.join(holder)
    })
  )

  it.effect("saveCounts replaces what was counted, under the run's admission only, and leaves all else as it is", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const { atMillis } = world
      const lease = leaseAt(atMillis)
      const running = yield* startedOne(world.dispatch(), lease)
      const { first, second } = yield* readmitted(world)
      const ended = yield* moved(succeedStep(yield* startedOne(world.dispatch()), atMillis, { done: 3 }))
      const queued = yield* enqueuedOne(world.dispatch())
      const counts = { deleted: 7, "kept \u{1F512}": 0 }
      yield* store.saveCounts([
        { ...heldRunOf(running), counts: { gone: 1 } },
        { ...heldRunOf(running), counts },
        { ...heldRunOf(first), counts },
        { id: ended.dispatch.id, admission: 1, counts },
        { id: queued.dispatch.id, admission: 1, counts },
        { id: runIdAt(atMillis), admission: 1, counts }
      ])
      assert.deepStrictEqual(yield* store.find(running.dispatch.id), { ...running, counts })
      for (const run of [second, ended, queued]) assert.deepStrictEqual(yield* store.find(run.dispatch.id), run)
      assert.strictEqual((yield* store.extendLeases([heldRunOf(running)], lease)).size, 1)
      yield* store.saveCounts([{ ...heldRunOf(running), counts: {} }])
      assert.deepStrictEqual(yield* store.find(running.dispatch.id), running)
      yield* store.saveCounts([])
      // What was saved is what a run keeps whose worker falls silent.
      yield* store.saveCounts([{ ...heldRunOf(running), counts }])
      const [silent] = (yield* store.holdRunning([heldRunOf(running)])).runs
      assert(silent)
      yield* moved(stepOf(silent, { _tag: "LoseLease", admission: 1, atMillis, retryAtMillis: atMillis }))
      assert.deepStrictEqual((yield* store.find(running.dispatch.id)).counts, counts)
    })
  )

  it.effect("many who save counts of the same runs at once do not stop each other", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const runs = yield* Effect.forEach(upTo(8), () => startedOne(world.dispatch()))
      yield* racing(
        upTo(10).map((at) =>
          store.saveCounts(
            [...runs.slice(at % 8), ...runs.slice(0, at % 8)].map((run) => ({ ...heldRunOf(run), counts: { at } }))
          )
        )
      )
      for (const { dispatch } of runs) assert.property((yield* store.find(dispatch.id)).counts, "at")
    })
  )
}
