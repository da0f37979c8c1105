/** The laws of leases: `RunStore.extendLeases` and `holdOrphans`. */
import { type Lease, type Running, RunStore, UnitOfWork } from "@countersign/domain"
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { type Register, type RunPorts, racing, upTo } from "./laws.ts"
import { startStep, stepOf, succeedStep } from "./rulings.ts"
import { asQueued, asRunning, enqueuedOne, leaseAt, moved, startedOne } from "./runs.ts"
import { makeWorld, runIdAt } from "./World.ts"

const heldRunOf = ({ dispatch: { id }, admission }: Running) => ({ id, admission })

const releaseStep = (running: Running, atMillis: number) =>
  stepOf(running, { _tag: "Release", admission: running.admission, atMillis, counts: {} })

/** The laws of leases, heartbeats and orphans. */
export const leaseLaws = (it: Register<RunPorts>): void => {
  it.effect("extendLeases answers with the runs that are still held, and only those", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const { atMillis } = world
      const mine = leaseAt(atMillis, "mine")
      const running = yield* startedOne(world.dispatch(), mine)
      const ended = yield* startedOne(world.dispatch(), mine)
      yield* moved(succeedStep(ended, atMillis))
      const anothers = yield* startedOne(world.dispatch(), leaseAt(atMillis, "another's"))
      const readmitted = yield* startedOne(world.dispatch(), mine)
      yield* moved(startStep(asQueued(yield* moved(releaseStep(readmitted, atMillis))), atMillis), mine)
      const queued = yield* enqueuedOne(world.dispatch())
      const asked = [
        ...[running, ended, anothers, readmitted].map(heldRunOf),
        { id: queued.dispatch.id, admission: 1 },
        { id: runIdAt(atMillis), admission: 1 }
      ]
      const later: Lease = { ...mine, untilMillis: mine.untilMillis + 1000 }
      assert.deepStrictEqual(yield* store.extendLeases(asked, later), new Set([running.dispatch.id]))
      const now = [{ id: readmitted.dispatch.id, admission: 2 }]
      assert.deepStrictEqual(yield* store.extendLeases(now, later), new Set([readmitted.dispatch.id]))
      assert.deepStrictEqual(yield* store.extendLeases([], later), new Set())
    })
  )

  it.effect("a lease is lost with the admission it was given for", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const lease = leaseAt(world.atMillis)
      const running = yield* startedOne(world.dispatch(), lease)
      yield* moved(releaseStep(running, world.atMillis))
      assert.deepStrictEqual(yield* store.extendLeases([heldRunOf(running)], lease), new Set())
      const orphans = yield* store.holdOrphans(lease.untilMillis + 1, 1000)
      assert.deepStrictEqual(orphans.runs, [])
    })
  )

  it.effect("a run is an orphan when its lease has ended, not before, and not when it was prolonged", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const { atMillis } = world
      const lease = { holder: "silent", untilMillis: atMillis + 100 }
      const running = yield* startedOne(world.dispatch(), lease)
      yield* startedOne(world.dispatch(), { holder: "alive", untilMillis: atMillis + 500 })
      yield* enqueuedOne(world.dispatch())
      const orphansAt = (nowMillis: number) => Effect.map(store.holdOrphans(nowMillis, 1000), ({ runs }) => runs)
      assert.deepStrictEqual(yield* orphansAt(atMillis + 100), [])
      assert.deepStrictEqual(yield* orphansAt(atMillis + 101), [running])
      yield* store.extendLeases([heldRunOf(running)], { ...lease, untilMillis: atMillis + 200 })
      assert.deepStrictEqual(yield* orphansAt(atMillis + 101), [])
      assert.deepStrictEqual(yield* orphansAt(atMillis + 201), [running])
      yield* moved(
        stepOf(running, { _tag: "LoseLease", admission: 1, atMillis: atMillis + 201, retryAtMillis: atMillis + 300 })
      )
      assert.deepStrictEqual(yield* orphansAt(atMillis + 201), [])
    })
  )

  it.effect("of orphans one without a lease comes first, then those that have been silent for longest", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const { atMillis } = world
      const late = yield* startedOne(world.dispatch(), { holder: "silent", untilMillis: atMillis + 20 })
      const early = yield* startedOne(world.dispatch(), { holder: "silent", untilMillis: atMillis + 10 })
      const bare = asRunning(yield* moved(startStep(yield* enqueuedOne(world.dispatch()), atMillis), null))
      const { runs } = yield* store.holdOrphans(atMillis + 30, 1000)
      assert.deepStrictEqual(
        runs.filter(({ dispatch }) => dispatch.subject.scope.workspaceId === world.workspaceId),
        [bare, early, late]
      )
      // Whoever asks later shall not come across them.
      for (const run of [bare, early, late]) yield* moved(succeedStep(run, atMillis))
    })
  )

  it.effect("leaseEnds tells of running runs, and of no others, until when they are held", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const { atMillis } = world
      const running = yield* startedOne(world.dispatch(), { holder: "one", untilMillis: atMillis + 100 })
      const another = yield* startedOne(world.dispatch(), { holder: "two", untilMillis: atMillis + 200 })
      const ended = yield* startedOne(world.dispatch())
      yield* moved(succeedStep(ended, atMillis))
      const queued = yield* enqueuedOne(world.dispatch())
      const asked = [running, another, ended, queued].map(({ dispatch }) => dispatch.id)
      assert.deepStrictEqual(
        yield* store.leaseEnds([...asked, runIdAt(atMillis)]),
        new Map([
          [running.dispatch.id, atMillis + 100],
          [another.dispatch.id, atMillis + 200]
        ])
      )
      assert.deepStrictEqual(yield* store.leaseEnds([]), new Map())
      yield* store.extendLeases([heldRunOf(running)], { holder: "one", untilMillis: atMillis + 300 })
      assert.strictEqual((yield* store.leaseEnds([running.dispatch.id])).get(running.dispatch.id), atMillis + 300)
    })
  )

  it.effect("of many who look for orphans at once, each orphan is found by one", () =>
    Effect.gen(function* () {
      const { transact } = yield* UnitOfWork
      const store = yield* RunStore
      const world = yield* makeWorld
      const { atMillis } = world
      const lease = { holder: "silent", untilMillis: atMillis + 1 }
      const runs = yield* Effect.forEach(upTo(20), () => startedOne(world.dispatch(), lease))
      const found = yield* racing(
        upTo(8).map(() =>
          transact(
            Effect.gen(function* () {
              const orphans = (yield* store.holdOrphans(atMillis + 2, 4)).runs
              assert.isAtMost(orphans.length, 4)
              yield* Effect.sleep("5 millis")
              const steps = orphans.map((run) =>
                stepOf(run, { _tag: "LoseLease", admission: 1, atMillis: atMillis + 2, retryAtMillis: atMillis + 3 })
              )
              assert.deepStrictEqual(yield* store.write(steps, null), [])
              return orphans.map(({ dispatch }) => dispatch.id)
            })
          )
        )
      )
      const ids = found.flat()
      assert.strictEqual(new Set(ids).size, ids.length)
      const left = (yield* store.holdOrphans(atMillis + 2, 1000)).runs.map(({ dispatch }) => dispatch.id)
      assert.sameMembers(
        [...ids, ...left],
        runs.map(({ dispatch }) => dispatch.id)
      )
    })
  )
}
