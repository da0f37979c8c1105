/**
 * Delivering events to those who subscribed: after the unit of work that noted them, at least once, under one id. A receiver that
 * fails waits by itself and holds up nobody; what it has not taken within three days is given up.
 *
 * Contract section 10.
 */
import { exitWithin } from "@countersign/adapters"
import {
  type DeliveryKey,
  type DueEvent,
  EventChannel,
  EventNotTaken,
  Events,
  rangeProblem,
  type StoreUnavailable
} from "@countersign/domain"
import { Clock, Effect, Layer, Option } from "effect"
import { type BackoffPolicy, backoffAfter } from "./Backoff.ts"
import { oneLine } from "./oneLine.ts"
import { perpetually } from "./Perpetual.ts"
import { LIMIT_RANGES } from "./WorkerOptions.ts"

/** How many events are taken at once, how many of one subscription, and how many are delivered side by side. */
const BATCH = 50
const SHARE = 5
const SIDE_BY_SIDE = 10

const DELIVERY_MILLIS = 10_000

/** A deliverer that dies leaves its events to others after this long; alive, it is done with all of them by then. */
const HIDDEN_MILLIS = (BATCH / SIDE_BY_SIDE) * DELIVERY_MILLIS + 10_000

const PROBLEM_MAX_LENGTH = 500
const GIVE_UP_MILLIS = 3 * 86_400_000
const AFTER_FAILURE: BackoffPolicy = { backoffMillis: 1_000, backoffMaxMillis: 3_600_000 }

/** A receiver that asks for a longer rest is asked again all the same. */
const REST_MAX_MILLIS = 86_400_000

/** What delivering events needs. */
export type EventPorts = Events | EventChannel

const keyOf = ({ event, subscription }: DueEvent): DeliveryKey => ({
  subscriptionId: subscription.id,
  eventId: event.id
})

/** Delivers what is due now; answers how many events were taken, delivered or not. */
export const deliverDueEvents: Effect.Effect<number, StoreUnavailable, EventPorts> = Effect.gen(function* () {
  const events = yield* Events
  const nowMillis = yield* Clock.currentTimeMillis
  const hiddenUntilMillis = nowMillis + HIDDEN_MILLIS
  const due = yield* events.takeDue({ nowMillis, hiddenUntilMillis, limit: BATCH, share: SHARE })
  yield* Effect.forEach(due, delivered, { concurrency: SIDE_BY_SIDE, discard: true })
  return due.length
})

/** Delivers until nothing is due. What is put off is not due. */
export const deliverAllEvents: Effect.Effect<void, StoreUnavailable, EventPorts> = Effect.asVoid(
  Effect.repeat(deliverDueEvents, { until: (taken) => taken === 0 })
)

const delivered = Effect.fnUntraced(function* (due: DueEvent) {
  const events = yield* Events
  const trouble = yield* troubleWith(due)
  if (trouble !== null) return yield* notDelivered(due, trouble)
  yield* events.forget([keyOf(due)])
  if (due.failures > 0) yield* events.recovered(due.subscription.id)
})

const notDelivered = Effect.fnUntraced(function* (due: DueEvent, { problem, retryAfterMillis, gone }: EventNotTaken) {
  const { event, subscription, failures } = due
  const events = yield* Events
  const nowMillis = yield* Clock.currentTimeMillis
  const told = oneLine(problem, PROBLEM_MAX_LENGTH) || "no reason given"
  if (gone) {
    yield* Effect.logError(`subscription ${subscription.id} is ended: ${told}`)
    return yield* events.end(subscription.id, nowMillis, told)
  }
  const waitMillis = Math.max(
    yield* backoffAfter(failures + 1, AFTER_FAILURE),
    Math.min(retryAfterMillis ?? 0, REST_MAX_MILLIS)
  )
  yield* Effect.logWarning(`event ${event.id} not delivered to ${subscription.id}: ${told}; again in ${waitMillis} ms`)
  yield* events.putOff(keyOf(due), nowMillis + waitMillis, told)
  if (nowMillis - event.occurredAtMillis < GIVE_UP_MILLIS) return
  yield* Effect.logError(`event ${event.id} is given up: ${subscription.id} has not taken it for three days`)
  yield* events.forget([keyOf(due)])
})

/** Hands the event to the channel; answers why that did not go well, or null. */
const troubleWith = ({ event, subscription }: DueEvent): Effect.Effect<EventNotTaken | null, never, EventChannel> => {
  const trouble = (problem: string) => new EventNotTaken({ problem, retryAfterMillis: null, gone: false })
  const delivering = Effect.flatMap(EventChannel, (channel) => channel.deliver(event, subscription))
  return exitWithin(DELIVERY_MILLIS, Effect.as(delivering, null)).pipe(
    Effect.flatMap(
      Option.getOrElse(() => Effect.succeed(trouble(`the receiver took longer than ${DELIVERY_MILLIS} ms`)))
    ),
    Effect.catch(Effect.succeed),
    Effect.catchCause((cause) => Effect.as(Effect.logWarning("the channel broke", cause), trouble("the channel broke")))
  )
}

/**
 * Delivers events for as long as its scope lasts, looking at this interval (1,000 ms unless given), and at once again while there is
 * more. Any number of these share the work. Throws at once when the interval makes no sense.
 */
export const layerEventDeliveries = (pollMillis = 1_000): Layer.Layer<never, never, EventPorts> => {
  const problem = rangeProblem(pollMillis, LIMIT_RANGES.pollMillis)
  if (problem !== null) throw new RangeError(`pollMillis ${problem}`)
  return Layer.effectDiscard(
    Effect.forkScoped(
      perpetually(
        "delivering events",
        Effect.flatMap(deliverDueEvents, (taken) => (taken > 0 ? Effect.void : Effect.sleep(pollMillis)))
      )
    )
  )
}
