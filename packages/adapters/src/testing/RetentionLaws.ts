/** The laws of `RunStore.prune`: what is over and told goes, what is recorded stays. */
import { AuditLog, dispatchStep, Notices, type Pruning, type RunId, RunStore, UnitOfWork } from "@countersign/domain"
import { assert } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { endings } from "./endings.ts"
import { type Register, type RunPorts, racing, reached, upTo } from "./laws.ts"
import { blockStep, holdStep, succeedStep } from "./rulings.ts"
import { enqueuedOne, moved, startedOne } from "./runs.ts"
import { makeWorld, runIdAt, type World } from "./World.ts"

/** A run of nobody, who need not be told, completed then. */
const finished = (world: World, atMillis: number) =>
  Effect.flatMap(startedOne(world.systemDispatch()), (running) => moved(succeedStep(running, atMillis)))

const isThere = (id: RunId) =>
  Effect.flatMap(RunStore, (store) =>
    Effect.match(store.find(id), { onFailure: ({ _tag }) => _tag !== "RunNotFound", onSuccess: () => true })
  )

/** Prunes what completed before that instant and was told of; what was not stays unless something else is said. */
const pruning = (completedBeforeMillis: number, more: Partial<Pruning> = {}) =>
  Effect.flatMap(RunStore, (store) =>
    store.prune({ completedBeforeMillis, toldOrNotBeforeMillis: 0, after: null, limit: 1000, ...more })
  )

/** The same; answers how many runs went. */
const pruned = (completedBeforeMillis: number, limit = 1000) =>
  Effect.map(pruning(completedBeforeMillis, { limit }), ({ runs }) => runs)

/** Registers them. */
export const retentionLaws = (it: Register<RunPorts>): void => {
  it.effect("a run goes when it completed before that instant, and its records stay", () =>
    Effect.gen(function* () {
      const audit = yield* AuditLog
      const world = yield* makeWorld
      const { atMillis } = world
      const { id, identity } = (yield* finished(world, atMillis + 10)).dispatch
      const [records, decisions] = [yield* audit.recordsOf(id), yield* audit.decisionsOf(id)]
      assert.deepStrictEqual([records.length, decisions.length], [4, 1])
      assert.strictEqual(yield* pruned(atMillis + 10), 0)
      assert.isTrue(yield* isThere(id))
      assert.strictEqual(yield* pruned(atMillis + 11), 1)
      assert.isFalse(yield* isThere(id))
      assert.deepStrictEqual([yield* audit.recordsOf(id), yield* audit.decisionsOf(id)], [records, decisions])
      assert.strictEqual(yield* pruned(atMillis + 11), 0)
      // Its identity is as free as before.
      const [again] = yield* (yield* RunStore).dispatch([dispatchStep(world.systemDispatch({ identity }))])
      assert.isFalse(again?.deduped)
    })
  )

  it.effect(
    "whatever its end: a run whose notice is not delivered stays until it is, and then goes with its notice",
    () =>
      Effect.gen(function* () {
        const notices = yield* Notices
        const world = yield* makeWorld
        const ends = yield* Effect.forEach(endings(world), (ending) =>
          Effect.flatMap(startedOne(world.dispatch()), (running) => moved(ending(running)))
        )
        const ids = ends.map(({ dispatch }) => dispatch.id)
        const lateMillis = world.atMillis + 1000
        assert.strictEqual(yield* pruned(lateMillis), 0)
        // Neither one that is being delivered nor one whose delivery failed is delivered.
        const due = yield* notices.takeDue(lateMillis, lateMillis + 10, 1000)
        const [first, ...others] = due.map(({ notice }) => notice.runId)
        assert(first && others.length === ids.length - 1)
        assert.strictEqual(yield* pruned(lateMillis), 0)
        yield* notices.deferDelivery(first, lateMillis + 5, "away", [])
        yield* notices.markDelivered(others, lateMillis)
        assert.strictEqual(yield* pruned(lateMillis), others.length)
        assert.isTrue(yield* isThere(first))
        assert.strictEqual((yield* notices.takeDue(lateMillis + 5, lateMillis + 6, 1000)).length, 1)
        yield* notices.markDelivered([first], lateMillis)
        assert.strictEqual(yield* pruned(lateMillis), 1)
        for (const id of ids) assert.isFalse(yield* isThere(id))
      })
  )

  it.effect(
    "a run whose notice nobody took goes too when that is too long ago, and its notice is not due any more",
    () =>
      Effect.gen(function* () {
        const notices = yield* Notices
        const world = yield* makeWorld
        const { atMillis } = world
        const untold = yield* moved(succeedStep(yield* startedOne(world.dispatch()), atMillis + 10))
        const system = yield* finished(world, atMillis + 10)
        const lateMillis = atMillis + 1000
        const told = { runs: 1, untold: 0, next: null }
        assert.deepStrictEqual(yield* pruning(lateMillis, { toldOrNotBeforeMillis: atMillis + 10 }), told)
        assert.deepStrictEqual([yield* isThere(untold.dispatch.id), yield* isThere(system.dispatch.id)], [true, false])
        const given = { runs: 1, untold: 1, next: null }
        assert.deepStrictEqual(yield* pruning(lateMillis, { toldOrNotBeforeMillis: atMillis + 11 }), given)
        assert.isFalse(yield* isThere(untold.dispatch.id))
        assert.deepStrictEqual(yield* notices.takeDue(lateMillis, lateMillis + 1, 1000), [])
        // Whoever is delivering it just now may say so: there is nothing to be noted any more.
        yield* notices.deferDelivery(untold.dispatch.id, lateMillis, "away", [])
        yield* notices.markDelivered([untold.dispatch.id], lateMillis)
      })
  )

  it.effect("runs are looked at in the order of their ids, so many at once, and behind the one to go on from", () =>
    Effect.gen(function* () {
      const { atMillis, ...world } = yield* makeWorld
      const runs = yield* Effect.forEach([30, 10, 20, 20], (later) =>
        finished({ ...world, atMillis }, atMillis + later)
      )
      const [first, second, third, fourth] = runs.map(({ dispatch }) => dispatch.id)
      assert(first && second && third && fourth)
      const looked = (after: RunId | null, limit: number) => pruning(atMillis + 21, { after, limit })
      // The first has to stay, and is looked at all the same.
      assert.deepStrictEqual(yield* looked(null, 2), { runs: 1, untold: 0, next: second })
      assert.deepStrictEqual(yield* looked(third, 1), { runs: 1, untold: 0, next: fourth })
      assert.deepStrictEqual(yield* looked(fourth, 1), { runs: 0, untold: 0, next: null })
      assert.deepStrictEqual(yield* looked(first, 2), { runs: 1, untold: 0, next: null })
      for (const id of [second, third, fourth]) assert.isFalse(yield* isThere(id))
      assert.isTrue(yield* isThere(first))
    })
  )

  it.effect("what was dispatched after that instant is not looked at", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld
      const { atMillis } = world
      const early = yield* finished(world, atMillis + 5)
      const clockAhead = world.systemDispatch({ id: runIdAt(atMillis + 100) })
      const late = yield* moved(succeedStep(yield* startedOne(clockAhead), atMillis + 5))
      assert.deepStrictEqual(yield* pruning(atMillis + 50, { limit: 1 }), {
        runs: 1,
        untold: 0,
        next: early.dispatch.id
      })
      assert.deepStrictEqual(yield* pruning(atMillis + 50, { limit: 1 }), { runs: 0, untold: 0, next: null })
      assert.isTrue(yield* isThere(late.dispatch.id))
      assert.strictEqual(yield* pruned(atMillis + 100), 1)
    })
  )

  it.effect("an active run never goes, however old", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld
      const queued = yield* enqueuedOne(world.systemDispatch())
      const held = yield* moved(holdStep(yield* enqueuedOne(world.systemDispatch()), world.atMillis))
      const running = yield* startedOne(world.systemDispatch())
      yield* moved(blockStep(yield* enqueuedOne(world.systemDispatch()), world.atMillis))
      assert.strictEqual(yield* pruned(world.atMillis + 1000), 1)
      const store = yield* RunStore
      for (const run of [queued, held, running]) assert.deepStrictEqual(yield* store.find(run.dispatch.id), run)
    })
  )

  it.effect(
    "at most as many as asked for go, the longest dispatched first, and none twice when many prune at once",
    () =>
      Effect.gen(function* () {
        const { atMillis, ...world } = yield* makeWorld
        const runs = yield* Effect.forEach(upTo(20), (at) => finished({ ...world, atMillis }, atMillis + 20 - at))
        assert.strictEqual(yield* pruned(atMillis + 1000, 2), 2)
        const gone = yield* Effect.filter(runs, ({ dispatch }) => Effect.map(isThere(dispatch.id), (there) => !there))
        assert.deepStrictEqual(gone, runs.slice(0, 2))
        const counts = yield* racing(upTo(5).map(() => pruned(atMillis + 1000, 4)))
        const rest = yield* pruned(atMillis + 1000)
        assert.strictEqual(
          [...counts, rest].reduce((sum, count) => sum + count),
          18
        )
      })
  )

  it.effect("a run that somebody holds is passed over or waited for, and goes once", () =>
    Effect.gen(function* () {
      const { transact } = yield* UnitOfWork
      const store = yield* RunStore
      const world = yield* makeWorld
      const { dispatch } = yield* finished(world, world.atMillis)
      const isHolding = yield* Deferred.make<void>()
      const holder = yield* Effect.forkChild(
        transact(
          Effect.gen(function* () {
            const run = yield* store.hold(dispatch.id)
            yield* Deferred.succeed(isHolding, undefined)
            yield* Effect.sleep("50 millis")
            assert.deepStrictEqual(yield* store.find(dispatch.id), run)
          })
        )
      )
      yield* reached(isHolding, holder)
      const meanwhile = yield* pruned(world.atMillis + 1)
      yield* Fiber.join(holder)
      assert.strictEqual(meanwhile + (yield* pruned(world.atMillis + 1)), 1)
    })
  )
}
