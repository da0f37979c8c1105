/** Events for operators, from the step to a real receiver, and what becomes of them when it fails. */
import { layerEventWebhooks, layerMemory } from "@countersign/adapters"
import { blockStep, enqueued, makeWorld, written } from "@countersign/adapters/testing"
import {
  type EventChannel,
  Events,
  PENDING_MAX,
  type RunStore,
  SecretName,
  type Subscription,
  SubscriptionId
} from "@countersign/domain"
import { deliverDueEvents } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Redacted, type Scope } from "effect"
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

const withEverything = <A, E>(test: Effect.Effect<A, E, Events | EventChannel | RunStore | Scope.Scope>) =>
  test.pipe(Effect.scoped, Effect.provide([layerEventWebhooks(secretsOf), layerMemory]))

describe("events", () => {
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
