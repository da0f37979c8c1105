/** The laws of `Notices`: exactly one for each run a person started, when it completes, until it is delivered. */
import { Notices, type RunId, RunStore, UnitOfWork } from "@countersign/domain"
import { assert, layer } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { IN_REAL_TIME, type RunPorts, racing, upTo } from "./laws.ts"
import { blockStep, confirmStep, startStep, stepOf, succeedStep } from "./rulings.ts"
import { asQueued, asRunning, enqueued, enqueuedOne, leaseAt, moved, startedOne, written } from "./runs.ts"
import { makeWorld, runIdAt } from "./World.ts"

const taken = (nowMillis: number, limit = 1000, hiddenUntilMillis = nowMillis + 10) =>
  Effect.gen(function* () {
    const due = yield* (yield* Notices).takeDue(nowMillis, hiddenUntilMillis, limit)
    return due.map(({ notice, delivery }) => ({ id: notice.runId, delivery }))
  })

/** Every adapter keeps these. The layer gives an empty store; it is built once and shared by the laws. */
export const noticesLaws = <E>(name: string, adapter: Layer.Layer<RunPorts, E>): void =>
  layer(adapter, IN_REAL_TIME)(`Notices: ${name}`, (it) => {
    it.effect("none while a run is queued or running, exactly one when it completes, as it was written", () =>
      Effect.gen(function* () {
        const notices = yield* Notices
        const world = yield* makeWorld
        const { atMillis } = world
        const lease = leaseAt(atMillis)
        const none = Effect.map(taken(atMillis), (due) => assert.deepStrictEqual(due, []))
        const queued = yield* enqueuedOne(world.dispatch())
        yield* none
        const running = asRunning(yield* moved(startStep(queued, atMillis), lease))
        yield* none
        yield* written([confirmStep(running, atMillis)])
        yield* none
        const release = stepOf(running, { _tag: "Release", admission: 1, atMillis, counts: {} })
        const again = asRunning(yield* moved(startStep(asQueued(yield* moved(release)), atMillis), lease))
        yield* none
        const end = succeedStep(again, atMillis)
        yield* moved(end)
        const [due, ...more] = yield* notices.takeDue(atMillis, atMillis + 10, 1000)
        assert.deepStrictEqual([due?.notice, due?.delivery, more], [end.notice, 1, []])
      })
    )

    it.effect("a blocked run tells its initiator; a system run, blocked or not, tells nobody", () =>
      Effect.gen(function* () {
        const world = yield* makeWorld
        const [personal, system] = [yield* enqueuedOne(world.dispatch()), yield* enqueuedOne(world.systemDispatch())]
        yield* written([personal, system].map((run) => blockStep(run, world.atMillis)))
        yield* moved(succeedStep(yield* startedOne(world.systemDispatch()), world.atMillis))
        assert.deepStrictEqual(yield* taken(world.atMillis), [{ id: personal.dispatch.id, delivery: 1 }])
      })
    )

    it.effect("a refused step and a unit of work that fails leave none", () =>
      Effect.gen(function* () {
        const { transact } = yield* UnitOfWork
        const store = yield* RunStore
        const world = yield* makeWorld
        const queued = yield* enqueuedOne(world.dispatch())
        const block = blockStep(queued, world.atMillis)
        yield* Effect.flip(transact(Effect.andThen(moved(block), Effect.fail("no"))))
        assert.deepStrictEqual(yield* taken(world.atMillis), [])
        yield* moved(startStep(queued, world.atMillis), leaseAt(world.atMillis))
        assert.strictEqual((yield* store.write([block], null)).length, 1)
        assert.deepStrictEqual(yield* taken(world.atMillis), [])
      })
    )

    it.effect("what is taken is hidden until then, and counted each time it is taken", () =>
      Effect.gen(function* () {
        const world = yield* makeWorld
        const { atMillis } = world
        const { dispatch } = yield* moved(blockStep(yield* enqueuedOne(world.dispatch()), atMillis + 5))
        const { id } = dispatch
        assert.deepStrictEqual(yield* taken(atMillis + 4), [])
        assert.deepStrictEqual(yield* taken(atMillis + 5, 1, atMillis + 20), [{ id, delivery: 1 }])
        assert.deepStrictEqual(yield* taken(atMillis + 19), [])
        assert.deepStrictEqual(yield* taken(atMillis + 20, 1, atMillis + 30), [{ id, delivery: 2 }])
        assert.deepStrictEqual(yield* taken(atMillis + 30), [{ id, delivery: 3 }])
      })
    )

    it.effect("those that have waited longest are taken first", () =>
      Effect.gen(function* () {
        const world = yield* makeWorld
        const { atMillis } = world
        const runs = yield* enqueued(upTo(3).map(() => world.dispatch()))
        yield* written(runs.map((run, at) => blockStep(run, atMillis + 3 - at)))
        for (const { dispatch } of runs.toReversed()) {
          assert.deepStrictEqual(yield* taken(atMillis + 9, 1, atMillis + 99), [{ id: dispatch.id, delivery: 1 }])
        }
      })
    )

    it.effect("what is delivered is never due again, whatever is said of it later", () =>
      Effect.gen(function* () {
        const notices = yield* Notices
        const world = yield* makeWorld
        const { atMillis } = world
        const pendingBefore = yield* notices.countPending
        const runs = yield* enqueued(upTo(3).map(() => world.dispatch()))
        yield* written(runs.map((run) => blockStep(run, atMillis)))
        assert.strictEqual((yield* notices.countPending) - pendingBefore, 3)
        const [first, second, third] = runs.map(({ dispatch }) => dispatch.id)
        assert(first && second && third)
        yield* taken(atMillis)
        yield* notices.markDelivered([first, third, runIdAt(atMillis)], atMillis + 1)
        yield* notices.markDelivered([first], atMillis + 2)
        yield* notices.markDelivered([], atMillis)
        yield* notices.deferDelivery(first, atMillis, "late news of a delivery that went well", [])
        assert.deepStrictEqual(yield* taken(atMillis + 100), [{ id: second, delivery: 2 }])
        assert.strictEqual((yield* notices.countPending) - pendingBefore, 1)
      })
    )

    it.effect("a delivery that failed is due again at the time given, and never changes the run", () =>
      Effect.gen(function* () {
        const notices = yield* Notices
        const store = yield* RunStore
        const world = yield* makeWorld
        const { atMillis } = world
        const run = yield* moved(blockStep(yield* enqueuedOne(world.dispatch()), atMillis))
        const { id } = run.dispatch
        yield* taken(atMillis, 1, atMillis + 500)
        yield* notices.deferDelivery(id, atMillis + 50, "'the receiver' said \u201Cno\u201D \\ \u{1F6AB}", [])
        assert.deepStrictEqual(yield* taken(atMillis + 49), [])
        assert.deepStrictEqual(yield* taken(atMillis + 50), [{ id, delivery: 2 }])
        assert.deepStrictEqual(yield* store.find(id), run)
      })
    )

    it.effect("which channels have taken a notice is remembered until it is delivered, in place of what was", () =>
      Effect.gen(function* () {
        const notices = yield* Notices
        const world = yield* makeWorld
        const { atMillis } = world
        const { id } = (yield* moved(blockStep(yield* enqueuedOne(world.dispatch()), atMillis))).dispatch
        const takers = Effect.map(notices.takeDue(atMillis, atMillis, 1000), (due) => due.map(({ takenBy }) => takenBy))
        assert.deepStrictEqual(yield* takers, [[]])
        for (const takenBy of [["inbox"], ["inbox", "e-mail 'of' \u201CAda\u201D"], []]) {
          yield* notices.deferDelivery(id, atMillis, "one of them is away", takenBy)
          assert.deepStrictEqual(yield* takers, [takenBy])
        }
      })
    )

    it.effect("many deliverers share what is due: each notice is taken by one", () =>
      Effect.gen(function* () {
        const world = yield* makeWorld
        const runs = yield* enqueued(upTo(30).map(() => world.dispatch()))
        yield* written(runs.map((run) => blockStep(run, world.atMillis)))
        const shares = yield* racing(upTo(12).map(() => taken(world.atMillis, 4)))
        const ids: ReadonlyArray<RunId> = shares.flat().map(({ id }) => id)
        assert.isTrue(shares.every((share) => share.length <= 4))
        assert.strictEqual(new Set(ids).size, ids.length)
        const rest = yield* taken(world.atMillis)
        assert.sameMembers(
          [...ids, ...rest.map(({ id }) => id)],
          runs.map(({ dispatch }) => dispatch.id)
        )
      })
    )
  })
