/** The laws of held runs: visible with their reason, asked about again later or when authority changes, and not for ever. */
import { type Fence, Notices, type Queued, RunQueue, RunStore, UnitOfWork } from "@countersign/domain"
import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, type Layer, Schedule, Stream } from "effect"
import { AuthorityBook } from "./AuthorityBook.ts"
import { joined } from "./changes.ts"
import { claimOf, heldNext, idsOf } from "./claims.ts"
import { allOf } from "./endings.ts"
import { epochOf } from "./epochs.ts"
import { IN_REAL_TIME, type RunPorts, racing, reached, upTo } from "./laws.ts"
import { HOLDING, holdStep, startStep, stepOf } from "./rulings.ts"
import { asQueued, asRunning, enqueued, enqueuedOne, leaseAt, moved, written } from "./runs.ts"
import { makeWorld, type World } from "./World.ts"

/** A change of authority in this world. */
const changed = ({ tenantId }: World) =>
  Effect.flatMap(AuthorityBook, (book) => book.setWriteGate({ tenantId, health: "ok", checkedAtMillis: null }))

/** New runs of a known world, held under its epoch of this moment. */
const heldRuns = Effect.fnUntraced(function* (world: World, count: number, epoch?: number | null) {
  yield* joined(world)
  const under = epoch === undefined ? yield* epochOf(world.workspaceId) : epoch
  const steps = (yield* enqueued(upTo(count).map(() => world.dispatch()))).map((run) =>
    holdStep(run, world.atMillis, under)
  )
  yield* written(steps)
  return steps.map(({ after }) => asQueued(after))
})

const heldRun = (world: World, epoch?: number | null) =>
  Effect.map(heldRuns(world, 1, epoch), ([run]) => {
    assert.isDefined(run)
    return run
  })

const offered = (nowMillis: number) => Effect.flatMap(RunQueue, (queue) => queue.offerHeldAgain(nowMillis))

const stored = ({ dispatch }: Queued) =>
  Effect.flatMap(RunStore, (store) => Effect.map(store.find(dispatch.id), asQueued))

/** Every adapter keeps these. The layer gives an empty store; it is built once and shared by the laws. */
export const holdLaws = <E>(name: string, adapter: Layer.Layer<RunPorts | Fence | AuthorityBook, E>): void =>
  layer(adapter, IN_REAL_TIME)(`held runs: ${name}`, (it) => {
    it.effect("a held run keeps why and since when, has been admitted once more, and is offered later", () =>
      Effect.gen(function* () {
        const world = yield* makeWorld
        const queued = yield* enqueuedOne(world.dispatch())
        const heldAt = world.atMillis + 1
        const held = asQueued(yield* moved(holdStep(queued, heldAt)))
        const { run, records, decisions } = yield* allOf(queued.dispatch.id)
        assert.deepStrictEqual(run, held)
        assert.deepStrictEqual([held.attempt, held.admission, held.held?.sinceMillis], [1, 2, heldAt])
        assert.strictEqual(held.held?.failure.code, "write_gate_blocked")
        assert.deepStrictEqual(
          records.map(({ action }) => action),
          ["run.dispatched", "run.decided", "run.held"]
        )
        assert.deepStrictEqual([decisions.length, decisions[0]?.decision._tag], [1, "Denied"])
        const later = heldAt + HOLDING.retryMillis
        assert.deepStrictEqual(yield* heldNext(claimOf(world, { nowMillis: later - 1 })), [])
        assert.deepStrictEqual(yield* heldNext(claimOf(world, { nowMillis: later })), idsOf([held]))
        const page = yield* (yield* RunQueue).holdThese(idsOf([held]))
        assert.deepStrictEqual(page, { runs: [held], unreadable: [] })
      })
    )

    it.effect("a run held again is held since the first time, and one that starts is held no more", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const world = yield* makeWorld
        const { atMillis } = world
        const first = asQueued(yield* moved(holdStep(yield* enqueuedOne(world.dispatch()), atMillis)))
        const second = asQueued(yield* moved(holdStep(first, atMillis + 1000)))
        assert.deepStrictEqual(yield* stored(first), second)
        assert.deepStrictEqual([second.admission, second.held?.sinceMillis], [3, atMillis])
        assert.strictEqual((yield* store.write([holdStep(first, atMillis + 1000)], null)).length, 1)
        const running = asRunning(yield* moved(startStep(second, atMillis + 2000), leaseAt(atMillis)))
        assert.deepStrictEqual(yield* store.find(first.dispatch.id), running)
        const release = stepOf(running, { _tag: "Release", admission: 3, atMillis: atMillis + 2000, counts: {} })
        assert.isNull(asQueued(yield* moved(release)).held)
        assert.deepStrictEqual(yield* stored(first), release.after)
        assert.deepStrictEqual(yield* stored(asQueued(yield* moved(holdStep(asQueued(release.after), atMillis)))), {
          ...asQueued(holdStep(asQueued(release.after), atMillis).after)
        })
      })
    )

    it.effect("a run that was held until the deadline is blocked, with one notice; others end as any queued run", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const world = yield* makeWorld
        const [late, cancelled, expired] = yield* heldRuns(world, 3)
        assert(late && cancelled && expired)
        const atMillis = world.atMillis + HOLDING.deadlineMillis
        const steps = [
          holdStep(late, atMillis),
          stepOf(cancelled, { _tag: "Cancel", by: { kind: "human", id: null }, atMillis }),
          stepOf(expired, { _tag: "Expire", atMillis })
        ]
        yield* written(steps)
        for (const { after } of steps) assert.deepStrictEqual(yield* store.find(after.dispatch.id), after)
        assert.deepStrictEqual(
          steps.map(({ after }) => after._tag),
          ["Blocked", "Cancelled", "Failed"]
        )
        const due = yield* (yield* Notices).takeDue(atMillis, atMillis + 1, 1000)
        assert.strictEqual(due.filter(({ notice }) => notice.runId === late.dispatch.id).length, 1)
        yield* changed(world)
        assert.strictEqual(yield* offered(atMillis), 0)
      })
    )

    it.effect("held runs are offered again when the authority of their workspace has changed, and only then", () =>
      Effect.gen(function* () {
        const [world, other] = [yield* makeWorld, yield* makeWorld]
        const [mine, others] = [yield* heldRun(world), yield* heldRun(other)]
        const plain = yield* enqueuedOne(world.dispatch(), world.atMillis + 500)
        const nowMillis = world.atMillis + 10
        assert.strictEqual(yield* offered(nowMillis), 0)
        assert.deepStrictEqual(yield* stored(mine), mine)
        yield* changed(world)
        assert.strictEqual(yield* offered(nowMillis), 1)
        assert.deepStrictEqual(yield* stored(mine), { ...mine, availableAtMillis: nowMillis })
        assert.deepStrictEqual(yield* stored(others), others)
        assert.deepStrictEqual(yield* stored(plain), plain)
        assert.deepStrictEqual(yield* heldNext(claimOf(world, { nowMillis })), idsOf([mine]))
        const started = startStep({ ...mine, availableAtMillis: nowMillis }, nowMillis)
        yield* moved(started, leaseAt(nowMillis))
        assert.strictEqual(yield* offered(nowMillis), 0)
      })
    )

    it.effect("once for each change: one that is put off afterwards stays put off until the next change", () =>
      Effect.gen(function* () {
        const queue = yield* RunQueue
        const world = yield* makeWorld
        const run = yield* heldRun(world)
        const { id } = run.dispatch
        yield* changed(world)
        yield* changed(world)
        assert.strictEqual(yield* offered(world.atMillis), 1)
        assert.strictEqual(yield* offered(world.atMillis), 0)
        yield* queue.postpone([id], world.atMillis + 700)
        assert.strictEqual(yield* offered(world.atMillis), 0)
        assert.deepStrictEqual(yield* stored(run), { ...run, availableAtMillis: world.atMillis + 700 })
        yield* changed(world)
        assert.strictEqual(yield* offered(world.atMillis + 1), 1)
      })
    )

    it.effect("neither is one that waits no longer, nor one whose facts no epoch tells about", () =>
      Effect.gen(function* () {
        const world = yield* makeWorld
        const [due, unfenced] = [yield* heldRun(world), yield* heldRun(world, null)]
        yield* changed(world)
        assert.strictEqual(yield* offered(due.availableAtMillis + 1), 0)
        assert.deepStrictEqual([yield* stored(due), yield* stored(unfenced)], [due, unfenced])
      })
    )

    it.effect("of many who offer at once each run is offered by one, also when somebody holds some of them", () =>
      Effect.gen(function* () {
        const { transact } = yield* UnitOfWork
        const store = yield* RunStore
        const world = yield* makeWorld
        const runs = yield* heldRuns(world, 30)
        yield* changed(world)
        const isHolding = yield* Deferred.make<void>()
        const holder = yield* Effect.forkChild(
          transact(
            Effect.gen(function* () {
              for (const { dispatch } of runs.slice(0, 3)) yield* store.hold(dispatch.id)
              yield* Deferred.succeed(isHolding, undefined)
              yield* Effect.sleep("50 millis")
            })
          )
        )
        yield* reached(isHolding, holder)
        const counts = yield* racing(upTo(6).map(() => offered(world.atMillis)))
        yield* Fiber.join(holder)
        const rest = yield* offered(world.atMillis)
        assert.strictEqual(
          [...counts, rest].reduce((sum, count) => sum + count),
          30
        )
        assert.deepStrictEqual(yield* heldNext(claimOf(world)), idsOf(runs))
      })
    )

    it.effect("more of them than fit one statement, of several workspaces, are offered in one call", () =>
      Effect.gen(function* () {
        const worlds = [yield* makeWorld, yield* makeWorld]
        for (const world of worlds) yield* heldRuns(world, 600)
        for (const world of worlds) yield* changed(world)
        const atMillis = Math.min(...worlds.map((world) => world.atMillis))
        assert.strictEqual(yield* offered(atMillis), 1200)
        for (const world of worlds) {
          const held = yield* heldNext(claimOf(world, { nowMillis: atMillis }))
          assert.strictEqual(held.length, 600)
        }
      })
    )

    /** Whoever listens may be told once for having begun; acts again until it has heard more than that. */
    const isWokenBy = (
      what: string,
      acting: (
        world: World
      ) => Effect.Effect<
        Effect.Effect<unknown, unknown, RunPorts | Fence | AuthorityBook>,
        unknown,
        RunPorts | Fence | AuthorityBook
      >
    ) =>
      it.effect(`wakes who waits when ${what}`, () =>
        Effect.gen(function* () {
          const queue = yield* RunQueue
          const world = yield* makeWorld
          const act = yield* acting(world)
          const woken = yield* Effect.forkChild(Stream.runCount(Stream.take(queue.wakes, 3)))
          const calling = yield* Effect.forkChild(Effect.repeat(act, Schedule.spaced("20 millis")))
          assert.strictEqual(yield* Fiber.join(woken).pipe(Effect.timeout("20 seconds")), 3)
          yield* Fiber.interrupt(calling)
          yield* offered(world.atMillis)
        })
      )
    isWokenBy("authority changes where runs are held", (world) => Effect.as(heldRun(world), changed(world)))
    // Held again under an epoch that is over: nothing else happens that wakes.
    isWokenBy("held runs are offered again", (world) =>
      Effect.map(heldRun(world, 0), (first) => {
        let held = first
        return Effect.gen(function* () {
          assert.strictEqual(yield* offered(world.atMillis), 1)
          held = asQueued(yield* moved(holdStep(yield* stored(held), world.atMillis, 0)))
        })
      })
    )
  })
