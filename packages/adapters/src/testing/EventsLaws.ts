/** The laws of `Events`: what happens is noted with the step, once for each subscription that wants it, until it is delivered. */
import {
  type Dispatch,
  Events,
  eventsOf,
  PENDING_MAX,
  type Run,
  RunQueue,
  RunStore,
  RunUnreadable,
  ScheduleId,
  SecretName,
  type Subscription,
  SubscriptionId,
  UnitOfWork,
  type WorkspaceEventType,
  type WorkspaceId
} from "@countersign/domain"
import { assert, layer } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { IN_REAL_TIME, racing, upTo } from "./laws.ts"
import { blockStep, holdStep, startStep, succeedStep } from "./rulings.ts"
import { asQueued, enqueued, enqueuedOne, leaseAt, moved, startedOne, written } from "./runs.ts"
import { makeWorld, runIdAt, type World } from "./World.ts"

type Ports = Events | RunQueue | RunStore | UnitOfWork

const ALL: Subscription["eventTypes"] = ["run.blocked", "run.held", "run.succeeded", "schedule.blocked"]

/** A subscription of this world, or of every workspace. */
const subscribed = Effect.fnUntraced(function* (
  { atMillis, workspaceId }: World,
  given: { readonly types?: Subscription["eventTypes"]; readonly workspaceId?: WorkspaceId | null } = {}
) {
  const subscription: Subscription = {
    id: SubscriptionId.make(runIdAt(atMillis)),
    workspaceId: given.workspaceId === undefined ? workspaceId : given.workspaceId,
    url: "https://example.org/hook",
    secretName: SecretName.make("OPS"),
    eventTypes: given.types ?? ALL,
    createdAtMillis: atMillis
  }
  yield* (yield* Events).subscribe(subscription)
  return subscription
})

const taken = Effect.fnUntraced(function* (
  { id }: Subscription,
  nowMillis: number,
  terms: { readonly share?: number; readonly hiddenUntilMillis?: number } = {}
) {
  const { share = 1000, hiddenUntilMillis = nowMillis } = terms
  const due = yield* (yield* Events).takeDue({ nowMillis, hiddenUntilMillis, limit: 1000, share })
  return due.filter(({ subscription }) => subscription.id === id)
})

const typesTaken = (subscription: Subscription, nowMillis: number) =>
  Effect.map(taken(subscription, nowMillis), (due) => due.map(({ event }) => event.type).sort())

const statusOf = Effect.fnUntraced(function* ({ id }: Subscription, countedMax = PENDING_MAX) {
  const all = yield* (yield* Events).subscriptions(countedMax)
  return all.find(({ subscription }) => subscription.id === id)
})

const blockedRuns = (world: World, count: number, given: Partial<Dispatch> = {}) =>
  Effect.gen(function* () {
    const runs = yield* enqueued(upTo(count).map(() => world.dispatch(given)))
    yield* written(runs.map((run, at) => blockStep(run, world.atMillis + at)))
    return runs
  })

const setAside = (runs: ReadonlyArray<Run>, atMillis: number) =>
  Effect.flatMap(RunQueue, (queue) =>
    queue.quarantine(
      runs.map(({ dispatch }) => new RunUnreadable({ runId: dispatch.id, problem: "counts holds no “whole” number" })),
      atMillis
    )
  )

/** Every adapter keeps these. The layer gives an empty store; it is built once and shared by the laws. */
export const eventsLaws = <E>(name: string, adapter: Layer.Layer<Ports, E>): void =>
  layer(adapter, IN_REAL_TIME)(`Events: ${name}`, (it) => {
    it.effect(
      "what a subscription wants is noted for it, of its workspace, from when it is there; system runs as well",
      () =>
        Effect.gen(function* () {
          const [world, elsewhere] = [yield* makeWorld, yield* makeWorld]
          yield* blockedRuns(world, 1)
          const mine = yield* subscribed(world)
          const everywhere = yield* subscribed(world, { workspaceId: null, types: ["run.blocked"] })
          const other = yield* subscribed(elsewhere)
          const successes = yield* subscribed(world, { types: ["run.succeeded"] })
          const [run] = yield* blockedRuns(world, 1)
          assert(run)
          const system = yield* moved(succeedStep(yield* startedOne(world.systemDispatch()), world.atMillis))
          assert.deepStrictEqual(yield* typesTaken(mine, world.atMillis), ["run.blocked", "run.succeeded"])
          const [due] = yield* taken(successes, world.atMillis)
          assert(due)
          assert.strictEqual(due.event.data.run_id, system.dispatch.id)
          assert.strictEqual(due.event.data.authority_mode, "system_authority")
          assert.deepStrictEqual(due.subscription, successes)
          const [first] = yield* taken(everywhere, world.atMillis)
          assert.deepStrictEqual(first?.event, blockStep(run, world.atMillis).events[0])
          assert.deepStrictEqual(yield* taken(other, world.atMillis), [])
          for (const one of [mine, everywhere, other, successes]) yield* (yield* Events).unsubscribe(one.id)
        })
    )

    it.effect("a subscription is told of the next thing that happens, however long nobody had subscribed", () =>
      Effect.gen(function* () {
        const world = yield* makeWorld
        const { atMillis } = world
        for (const again of [0, 10, 20]) {
          yield* blockedRuns(world, 1)
          yield* blockedRuns(world, 1)
          const subscription = yield* subscribed({ ...world, atMillis: atMillis + again })
          const [first, second] = yield* enqueued([world.dispatch(), world.dispatch()])
          assert(first && second)
          // A step that nobody is told of, and one that somebody is.
          yield* written([startStep(first, atMillis), blockStep(second, atMillis)], leaseAt(atMillis))
          const due = yield* taken(subscription, atMillis + 99)
          assert.deepStrictEqual(
            due.map(({ event }) => event.data.run_id),
            [second.dispatch.id]
          )
          yield* (yield* Events).unsubscribe(subscription.id)
        }
      })
    )

    it.effect("a held run is told of once while it is held; a schedule's blocked run as both", () =>
      Effect.gen(function* () {
        const world = yield* makeWorld
        const { atMillis } = world
        const subscription = yield* subscribed(world)
        const held = asQueued(yield* moved(holdStep(yield* enqueuedOne(world.dispatch()), atMillis)))
        const still = asQueued(yield* moved(holdStep(held, atMillis + 1)))
        assert.deepStrictEqual(yield* typesTaken(subscription, atMillis + 9), ["run.held"])
        yield* moved(blockStep(still, atMillis + 2))
        const slot = { scheduleId: ScheduleId.make("nightly"), slotMillis: atMillis }
        yield* moved(blockStep(yield* enqueuedOne(world.systemDispatch({ slot })), atMillis))
        const types: ReadonlyArray<WorkspaceEventType> = yield* typesTaken(subscription, atMillis + 9)
        assert.deepStrictEqual(types, ["run.blocked", "run.blocked", "run.held", "schedule.blocked"])
        const ids = (yield* taken(subscription, atMillis + 9)).map(({ event }) => event.id)
        assert.strictEqual(new Set(ids).size, 4)
        yield* (yield* Events).unsubscribe(subscription.id)
      })
    )

    it.effect("a refused step and a unit of work that fails note nothing", () =>
      Effect.gen(function* () {
        const { transact } = yield* UnitOfWork
        const world = yield* makeWorld
        const subscription = yield* subscribed(world)
        const queued = yield* enqueuedOne(world.dispatch())
        const block = blockStep(queued, world.atMillis)
        yield* Effect.flip(transact(Effect.andThen(moved(block), Effect.fail("no"))))
        yield* moved(startStep(queued, world.atMillis), leaseAt(world.atMillis))
        yield* Effect.exit(written([block]))
        assert.deepStrictEqual(yield* taken(subscription, world.atMillis), [])
        yield* (yield* Events).unsubscribe(subscription.id)
      })
    )

    it.effect("a run that is set aside is told of once, like any other that fails", () =>
      Effect.gen(function* () {
        const events = yield* Events
        const store = yield* RunStore
        const { transact } = yield* UnitOfWork
        const [world, elsewhere] = [yield* makeWorld, yield* makeWorld]
        const { atMillis } = world
        const mine = yield* subscribed(world, { types: ["run.failed", "run.held", "schedule.blocked"] })
        const everywhere = yield* subscribed(world, { workspaceId: null, types: ["run.failed"] })
        const others = [yield* subscribed(elsewhere, { types: ["run.failed"] }), yield* subscribed(world)]
        const slot = { scheduleId: ScheduleId.make("nightly"), slotMillis: atMillis }
        const runs = [
          yield* enqueuedOne(world.dispatch()),
          yield* startedOne(world.dispatch()),
          yield* enqueuedOne(world.systemDispatch({ slot }))
        ]
        yield* Effect.flip(transact(Effect.andThen(setAside(runs, atMillis + 1), Effect.fail("no"))))
        assert.deepStrictEqual(yield* taken(everywhere, atMillis + 9), [])
        yield* setAside(runs, atMillis + 2)
        yield* setAside(runs, atMillis + 3)
        const told = yield* Effect.forEach(runs, (run) =>
          Effect.map(store.find(run.dispatch.id), (ended) => eventsOf(run, ended))
        )
        assert.deepStrictEqual(
          told.flat().map(({ type, occurredAtMillis, data }) => [type, occurredAtMillis, data.code]),
          runs.map(() => ["run.failed", atMillis + 2, "run.unreadable"])
        )
        for (const subscription of [mine, everywhere]) {
          const due = yield* taken(subscription, atMillis + 9)
          const byId = new Map(due.map(({ event }) => [event.id, event]))
          assert.deepStrictEqual(byId, new Map(told.flat().map((event) => [event.id, event])))
          yield* events.forget(due.map(({ event }) => ({ subscriptionId: subscription.id, eventId: event.id })))
        }
        yield* setAside(runs, atMillis + 4)
        for (const subscription of [mine, everywhere, ...others]) {
          assert.deepStrictEqual(yield* taken(subscription, atMillis + 9), [])
          yield* events.unsubscribe(subscription.id)
        }
      })
    )

    it.effect("what is taken is hidden until then, the oldest first, and forgotten when it is delivered", () =>
      Effect.gen(function* () {
        const events = yield* Events
        const world = yield* makeWorld
        const { atMillis } = world
        const subscription = yield* subscribed(world, { types: ["run.blocked"] })
        const runs = yield* blockedRuns(world, 3)
        const first = yield* taken(subscription, atMillis + 9, { share: 2, hiddenUntilMillis: atMillis + 20 })
        assert.deepStrictEqual(
          first.map(({ event }) => event.data.run_id).sort(),
          runs.slice(0, 2).map(({ dispatch }) => dispatch.id)
        )
        const rest = yield* taken(subscription, atMillis + 9, { hiddenUntilMillis: atMillis + 20 })
        assert.deepStrictEqual(
          rest.map(({ event }) => event.data.run_id),
          runs.slice(2).map(({ dispatch }) => dispatch.id)
        )
        assert.deepStrictEqual(yield* taken(subscription, atMillis + 19), [])
        yield* events.forget(first.map(({ event }) => ({ subscriptionId: subscription.id, eventId: event.id })))
        yield* events.forget([])
        assert.lengthOf(yield* taken(subscription, atMillis + 20), 1)
        assert.strictEqual((yield* statusOf(subscription))?.pending, 1)
        yield* events.unsubscribe(subscription.id)
      })
    )

    it.effect("what is still to be delivered is counted for each subscription, and no further than asked for", () =>
      Effect.gen(function* () {
        const world = yield* makeWorld
        const [many, none] = [yield* subscribed(world), yield* subscribed(world, { types: ["run.succeeded"] })]
        yield* blockedRuns(world, 3)
        for (const countedMax of [1, 2, 3, 4, PENDING_MAX]) {
          assert.strictEqual((yield* statusOf(many, countedMax))?.pending, Math.min(3, countedMax))
          assert.strictEqual((yield* statusOf(none, countedMax))?.pending, 0)
        }
        for (const one of [many, none]) yield* (yield* Events).unsubscribe(one.id)
      })
    )

    it.effect("after a failure a subscription waits as a whole, and the failures in a row are counted", () =>
      Effect.gen(function* () {
        const events = yield* Events
        const world = yield* makeWorld
        const { atMillis } = world
        const subscription = yield* subscribed(world, { types: ["run.blocked"] })
        yield* blockedRuns(world, 2)
        const [due] = yield* taken(subscription, atMillis + 9)
        assert(due)
        const key = { subscriptionId: subscription.id, eventId: due.event.id }
        yield* events.putOff(key, atMillis + 50, "'no' \u201Csaid\u201D")
        yield* events.putOff(key, atMillis + 60, "no again")
        assert.deepStrictEqual(yield* taken(subscription, atMillis + 59), [])
        assert.deepInclude(yield* statusOf(subscription), {
          pending: 2,
          failures: 2,
          lastProblem: "no again",
          pausedUntilMillis: atMillis + 60,
          endedAtMillis: null
        })
        const again = yield* taken(subscription, atMillis + 60)
        assert.deepStrictEqual(
          again.map(({ failures }) => failures),
          [2, 2]
        )
        yield* events.recovered(subscription.id)
        assert.deepInclude(yield* statusOf(subscription), { failures: 0, lastProblem: null, pausedUntilMillis: null })
        yield* events.unsubscribe(subscription.id)
      })
    )

    it.effect("an ended subscription stays to be seen and gets nothing; one that is unsubscribed is gone", () =>
      Effect.gen(function* () {
        const events = yield* Events
        const world = yield* makeWorld
        const subscription = yield* subscribed(world)
        yield* events.subscribe({ ...subscription, url: "https://elsewhere.example.org" })
        assert.deepStrictEqual((yield* statusOf(subscription))?.subscription, subscription)
        yield* blockedRuns(world, 1)
        yield* events.end(subscription.id, world.atMillis + 5, "it answered 410")
        yield* blockedRuns(world, 1)
        assert.deepStrictEqual(yield* taken(subscription, world.atMillis + 9), [])
        assert.deepInclude(yield* statusOf(subscription), {
          pending: 0,
          lastProblem: "it answered 410",
          endedAtMillis: world.atMillis + 5
        })
        assert.isTrue(yield* events.unsubscribe(subscription.id))
        assert.isFalse(yield* events.unsubscribe(subscription.id))
        assert.isUndefined(yield* statusOf(subscription))
      })
    )

    it.effect("many deliverers share what is due: each event is taken by one", () =>
      Effect.gen(function* () {
        const world = yield* makeWorld
        const { atMillis } = world
        const subscription = yield* subscribed(world, { types: ["run.blocked"] })
        yield* blockedRuns(world, 30)
        const terms = { share: 4, hiddenUntilMillis: atMillis + 1000 }
        const shares = yield* racing(upTo(10).map(() => taken(subscription, atMillis + 100, terms)))
        const ids = shares.flat().map(({ event }) => event.id)
        assert.strictEqual(new Set(ids).size, ids.length)
        const rest = yield* taken(subscription, atMillis + 100, { hiddenUntilMillis: atMillis + 1000 })
        assert.strictEqual(ids.length + rest.length, 30)
        yield* (yield* Events).unsubscribe(subscription.id)
      })
    )
  })
