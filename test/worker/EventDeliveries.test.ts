/** Events for operators, from the step to a real receiver, and what becomes of them when it fails. */
import { layerEventWebhooks, layerMemory } from "@countersign/adapters"
import { blockStep, enqueued, makeWorld, written } from "@countersign/adapters/testing"
import {
  EventChannel,
  EventNotTaken,
  Events,
  PENDING_MAX,
  type RunStore,
  SecretName,
  type Subscription,
  SubscriptionId
} from "@countersign/domain"
import { deliverDueEvents, layerEventDeliveries } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer, Redacted, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { answering, freshSecret, verified, webhookReceiver } from "../support/receivers/webhookReceiver.ts"

const secret = freshSecret()
const secretsOf = (name: string) => Effect.succeed(name === "OPS" ? [Redacted.make(secret)] : [])

let serial = 0
const subscribed = Effect.fnUntraced(function* (url: string, secretName = "OPS") {
  serial += 1
  const subscription: Subscription = {
    id: SubscriptionId.make(`0190163d-8694-739b-aea5-${String(serial).padStart(12, "0")}`),
    workspaceId: null,
    url,
    secretName: SecretName.make(secretName),
    eventTypes: ["run.blocked"],
    createdAtMillis: 0
  }
  yield* (yield* Events).subscribe(subscription)
  return subscription.id
})

/** So many system runs that are blocked just now. */
const blocked = Effect.fnUntraced(function* (count: number) {
  const world = yield* makeWorld
  const nowMillis = yield* Clock.currentTimeMillis
  const runs = yield* enqueued(Array.from({ length: count }, () => world.systemDispatch()))
  yield* written(runs.map((run) => blockStep(run, nowMillis)))
  return runs
})

const status = (id: SubscriptionId) =>
  Effect.map(
    Effect.flatMap(Events, (events) => events.subscriptions(PENDING_MAX)),
    (all) => all.find(({ subscription }) => subscription.id === id) ?? assert.fail("no such subscription")
  )

/** A channel that always fails in this way. */
const layerFailing = (failure: EventNotTaken) => Layer.succeed(EventChannel, { deliver: () => failure })

const withEverything = <A, E>(test: Effect.Effect<A, E, Events | EventChannel | RunStore | Scope.Scope>) =>
  test.pipe(Effect.scoped, Effect.provide([layerEventWebhooks(secretsOf), layerMemory]))

it("an interval at which nothing can be looked for is refused", () => {
  for (const pollMillis of [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => layerEventDeliveries(pollMillis), RangeError)
  }
})

describe("events", () => {
  it.effect("a receiver that asks for a rest without end is asked again after a day", () =>
    Effect.gen(function* () {
      const id = yield* subscribed("https://example.test")
      yield* blocked(1)
      assert.strictEqual(yield* deliverDueEvents, 1)
      const { pausedUntilMillis } = yield* status(id)
      assert.strictEqual(pausedUntilMillis, 86_400_000)
    }).pipe(
      Effect.provide([
        layerFailing(new EventNotTaken({ problem: "busy", retryAfterMillis: Number.MAX_SAFE_INTEGER, gone: false })),
        layerMemory
      ])
    )
  )

  it.effect("a channel that cannot be interrupted has not delivered, and holds up nobody", () =>
    Effect.gen(function* () {
      const id = yield* subscribed("https://example.test")
      yield* blocked(1)
      const delivering = yield* Effect.forkChild(deliverDueEvents)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* Fiber.join(delivering), 1)
      assert.strictEqual((yield* status(id)).lastProblem, "the receiver took longer than 10000 ms")
    }).pipe(
      Effect.provide([
        Layer.succeed(EventChannel, { deliver: () => Effect.uninterruptible(Effect.never) }),
        layerMemory
      ])
    )
  )

  it.live("a subscriber gets what it wants, signed, with ids, codes and the presenter's words, once", () =>
    withEverything(
      Effect.gen(function* () {
        const receiver = yield* webhookReceiver
        const id = yield* subscribed(receiver.url)
        const [run] = yield* blocked(1)
        assert(run)
        assert.strictEqual(yield* deliverDueEvents, 1)
        assert.strictEqual(yield* deliverDueEvents, 0)
        const [got, ...more] = receiver.received
        assert(got)
        assert.deepStrictEqual(more, [])
        assert.strictEqual(got.id, `run_blocked_${run.dispatch.id}_1`)
        const message = JSON.parse(JSON.stringify(verified(got, secret)))
        assert.deepInclude(message.data, {
          run_id: run.dispatch.id,
          authority_mode: "system_authority",
          schedule_id: null,
          outcome: "blocked"
        })
        assert.isString(message.data.code)
        assert.match(message.data.title, /^operation-\w+: Blocked — /)
        assert.isAbove(message.data.next_steps.length, 0)
        assert.deepStrictEqual(Object.keys(message), ["type", "timestamp", "data"])
        assert.deepInclude(yield* status(id), { pending: 0, failures: 0 })
      })
    )
  )

  it.live("one that fails waits and is told again under the same id; others are told meanwhile", () =>
    withEverything(
      Effect.gen(function* () {
        const [broken, well] = [yield* webhookReceiver, yield* webhookReceiver]
        const id = yield* subscribed(broken.url)
        yield* subscribed(well.url)
        broken.answer = answering(500)
        yield* blocked(1)
        assert.strictEqual(yield* deliverDueEvents, 2)
        assert.strictEqual(yield* deliverDueEvents, 0)
        const { failures, lastProblem, pending } = yield* status(id)
        assert.deepStrictEqual([failures, lastProblem, pending], [1, "the receiver answered 500", 1])
        broken.answer = answering(204)
        yield* Effect.sleep(1_100)
        assert.strictEqual(yield* deliverDueEvents, 1)
        assert.deepInclude(yield* status(id), { failures: 0, pending: 0, lastProblem: null })
        const ids = broken.received.map((one) => one.id)
        assert.strictEqual(ids[0], ids[1])
        assert.lengthOf(well.received, 1)
      })
    )
  )

  it.live("a deliverer that dies after the receiver took it: told again under the same id", () =>
    withEverything(
      Effect.gen(function* () {
        const receiver = yield* webhookReceiver
        const id = yield* subscribed(receiver.url)
        yield* blocked(1)
        const events = yield* Events
        const dying = Events.of({ ...events, forget: () => Effect.interrupt })
        yield* Effect.exit(Effect.provideService(deliverDueEvents, Events, dying))
        assert.strictEqual((yield* status(id)).pending, 1)
        const nowMillis = yield* Clock.currentTimeMillis
        // Hidden for a while, for the one that died; then anybody's.
        const due = yield* events.takeDue({
          nowMillis: nowMillis + 70_000,
          hiddenUntilMillis: nowMillis,
          limit: 10,
          share: 10
        })
        assert.lengthOf(due, 1)
        yield* deliverDueEvents
        assert.strictEqual(receiver.received.length, 2)
        assert.strictEqual(receiver.received[0]?.id, receiver.received[1]?.id)
      })
    )
  )

  it.live("a receiver that is gone ends its subscription; a secret nobody knows, and rests asked for, wait", () =>
    withEverything(
      Effect.gen(function* () {
        const [gone, busy] = [yield* webhookReceiver, yield* webhookReceiver]
        gone.answer = answering(410)
        busy.answer = answering(429, { "retry-after": "3600" })
        const ids = [yield* subscribed(gone.url), yield* subscribed(busy.url), yield* subscribed(busy.url, "UNKNOWN")]
        yield* blocked(1)
        yield* deliverDueEvents
        yield* blocked(1)
        yield* deliverDueEvents
        const [ended, resting, unknown] = yield* Effect.forEach(ids, status)
        assert(ended && resting && unknown)
        assert.isNotNull(ended.endedAtMillis)
        assert.deepStrictEqual([ended.pending, ended.lastProblem], [0, "the receiver answered 410"])
        assert.strictEqual(resting.pending, 2)
        assert.isAtLeast((resting.pausedUntilMillis ?? 0) - (yield* Clock.currentTimeMillis), 3_500_000)
        assert.match(unknown.lastProblem ?? "", /the secret UNKNOWN is not known/)
        assert.lengthOf(gone.received, 1)
      })
    )
  )

  it.live("what was not taken for three days is given up, and the failures stay to be seen", () =>
    withEverything(
      Effect.gen(function* () {
        const receiver = yield* webhookReceiver
        receiver.answer = answering(503)
        const id = yield* subscribed(receiver.url)
        const world = yield* makeWorld
        const runs = yield* enqueued([world.dispatch()])
        const nowMillis = yield* Clock.currentTimeMillis
        yield* written(runs.map((run) => blockStep(run, nowMillis - 4 * 86_400_000)))
        assert.strictEqual(yield* deliverDueEvents, 1)
        assert.deepInclude(yield* status(id), { pending: 0, failures: 1, lastProblem: "the receiver answered 503" })
      })
    )
  )
})

/** The same over a channel of the test's, under the test clock. */
const withChannel = <A, E>(
  deliver: EventChannel["Service"]["deliver"],
  test: Effect.Effect<A, E, Events | EventChannel | RunStore | Scope.Scope>
) => test.pipe(Effect.scoped, Effect.provide([Layer.succeed(EventChannel, { deliver }), layerMemory]))

const NOWHERE = "https://ops.example.org/hook"

describe("whatever the channel does", () => {
  const breaks: ReadonlyArray<readonly [string, () => Effect.Effect<void>, string]> = [
    ["never answers", () => Effect.never, "the receiver took longer than 10000 ms"],
    ["breaks", () => Effect.die(new Error("token=s3cr3t")), "the channel broke"],
    [
      "throws",
      () => {
        throw new Error("token=s3cr3t")
      },
      "the channel broke"
    ]
  ]
  for (const [what, happens, problem] of breaks) {
    it.effect(`a subscriber over whom it ${what} waits; another is told, once`, () => {
      const told: Array<string> = []
      return withChannel(
        ({ id }, { secretName }) => (secretName === "BROKEN" ? happens() : Effect.sync(() => void told.push(id))),
        Effect.gen(function* () {
          const [broken, well] = [yield* subscribed(NOWHERE, "BROKEN"), yield* subscribed(NOWHERE)]
          yield* blocked(1)
          const delivering = yield* Effect.forkChild(deliverDueEvents)
          yield* TestClock.adjust(10_000)
          assert.strictEqual(yield* Fiber.join(delivering), 2)
          assert.deepInclude(yield* status(broken), { pending: 1, failures: 1, lastProblem: problem })
          assert.deepInclude(yield* status(well), { pending: 0, failures: 0 })
          assert.lengthOf(told, 1)
        })
      )
    })
  }

  it.effect("who fails again and again is told after longer and longer waits, until it takes something", () => {
    let isAway = true
    const refusal = new EventNotTaken({ problem: "away", retryAfterMillis: null, gone: false })
    return withChannel(
      () => (isAway ? Effect.fail(refusal) : Effect.void),
      Effect.gen(function* () {
        const id = yield* subscribed(NOWHERE)
        const waited = Effect.gen(function* () {
          assert.strictEqual(yield* deliverDueEvents, 1)
          return ((yield* status(id)).pausedUntilMillis ?? 0) - (yield* Clock.currentTimeMillis)
        })
        yield* blocked(1)
        for (const longest of [1_000, 2_000, 4_000, 8_000]) {
          const waitMillis = yield* waited
          assert.isTrue(waitMillis >= longest / 2 && waitMillis <= longest, `${waitMillis} of ${longest}`)
          yield* TestClock.adjust(waitMillis)
        }
        isAway = false
        assert.strictEqual(yield* deliverDueEvents, 1)
        isAway = true
        yield* blocked(1)
        assert.isAtMost(yield* waited, 1_000)
      })
    )
  })

  it.effect("what is being delivered is nobody else's meanwhile, and goes out side by side", () => {
    const told: Array<string> = []
    return withChannel(
      ({ id }) =>
        Effect.andThen(
          Effect.sleep(5_000),
          Effect.sync(() => void told.push(id))
        ),
      Effect.gen(function* () {
        yield* subscribed(NOWHERE)
        yield* blocked(3)
        const delivering = yield* Effect.forkChild(deliverDueEvents)
        yield* TestClock.adjust(4_999)
        assert.strictEqual(yield* deliverDueEvents, 0)
        yield* TestClock.adjust(1)
        assert.strictEqual(new Set(told).size, 3)
        assert.deepStrictEqual([yield* Fiber.join(delivering), told.length], [3, 3])
      })
    )
  })

  it.effect("a flood for one subscriber keeps no other waiting", () => {
    const told: Array<string> = []
    return withChannel(
      (_, { secretName }) => Effect.sync(() => void told.push(secretName)),
      Effect.gen(function* () {
        yield* subscribed(NOWHERE, "FLOODED")
        yield* blocked(60)
        yield* TestClock.adjust(1)
        yield* subscribed(NOWHERE, "OTHER")
        yield* blocked(1)
        yield* deliverDueEvents
        assert.include(told, "OTHER")
      })
    )
  })
})
