/** Ports: who subscribed to events, what is still to be delivered to them, and the way it is delivered. */
import { Context, type Effect, Schema } from "effect"
import type { Subscription, SubscriptionId } from "../Subscription.ts"
import type { WorkspaceEvent } from "../WorkspaceEvent.ts"
import type { StoreUnavailable } from "./StoreError.ts"

/** How many events of a subscription are counted at most. */
export const PENDING_MAX = 10_000

/** A subscription and how it fares. */
export interface SubscriptionStatus {
  readonly subscription: Subscription
  /** How many events are still to be delivered, as far as they were counted. */
  readonly pending: number
  /** How many deliveries failed in a row. */
  readonly failures: number
  readonly lastProblem: string | null
  /** Until then nothing is sent, since the last delivery failed. */
  readonly pausedUntilMillis: number | null
  /** When the receiver said it is gone; nothing is sent any more. */
  readonly endedAtMillis: number | null
}

/** A stored subscription that makes no sense, such as a row edited by hand. What is wrong is not said: its address may hold a token. */
export class SubscriptionUnreadable extends Schema.TaggedError<SubscriptionUnreadable>()("SubscriptionUnreadable", {
  subscriptionId: Schema.String
}) {
  override get message() {
    return `the stored subscription ${this.subscriptionId} cannot be read`
  }
}

/** Which event, to whom. */
export interface DeliveryKey {
  readonly subscriptionId: SubscriptionId
  readonly eventId: string
}

/** An event that is to be delivered now. */
export interface DueEvent {
  readonly event: WorkspaceEvent
  readonly subscription: Subscription
  /** How many deliveries to this subscription failed in a row before. */
  readonly failures: number
}

/**
 * Subscriptions, and the outbox of their events, which steps write, and `RunQueue.quarantine`: an event is noted, in the unit of work
 * that makes it happen, once for each subscription that wants it then.
 */
export class Events extends Context.Service<
  Events,
  {
    /** From now on events are noted for it. Adding an id again changes nothing. */
    readonly subscribe: (subscription: Subscription) => Effect.Effect<void, StoreUnavailable>
    /**
     * Every subscription, the oldest first. Of what is still to be delivered to each at most `countedMax` events are counted (1 to
     * {@link PENDING_MAX}), so that the answer takes no longer for however many wait. One that cannot be read fails it, by its name.
     */
    readonly subscriptions: (
      countedMax: number
    ) => Effect.Effect<ReadonlyArray<SubscriptionStatus>, StoreUnavailable | SubscriptionUnreadable>
    /** Forgets a subscription with what was still to be delivered to it; answers whether there was one. */
    readonly unsubscribe: (id: SubscriptionId) => Effect.Effect<boolean, StoreUnavailable>
    /**
     * Takes events that are due, the oldest first, at most `limit` in all and `share` for each subscription, and hides them from
     * other deliverers until `hiddenUntilMillis`. None of a subscription that is paused or has ended.
     */
    readonly takeDue: (terms: {
      readonly nowMillis: number
      readonly hiddenUntilMillis: number
      readonly limit: number
      readonly share: number
    }) => Effect.Effect<ReadonlyArray<DueEvent>, StoreUnavailable>
    /** Delivered, or given up: never due again. */
    readonly forget: (keys: ReadonlyArray<DeliveryKey>) => Effect.Effect<void, StoreUnavailable>
    /** A delivery went well: the subscription has no failures any more. */
    readonly recovered: (id: SubscriptionId) => Effect.Effect<void, StoreUnavailable>
    /** A delivery failed: the event and its subscription wait until then, and the failure is counted. */
    readonly putOff: (key: DeliveryKey, untilMillis: number, problem: string) => Effect.Effect<void, StoreUnavailable>
    /** The receiver is gone: the subscription stays, to be seen, and what was to be delivered to it is forgotten. */
    readonly end: (id: SubscriptionId, atMillis: number, problem: string) => Effect.Effect<void, StoreUnavailable>
  }
>()("@countersign/domain/Events") {}

/** A receiver has not taken an event. */
export class EventNotTaken extends Schema.TaggedError<EventNotTaken>()("EventNotTaken", {
  /** Fit to be stored and logged: no secret, nothing of what was sent. */
  problem: Schema.String,
  /** The rest the receiver asked for; milliseconds, null when it asked for none. */
  retryAfterMillis: Schema.NullOr(Schema.Natural),
  /** It will never take one again. */
  gone: Schema.Boolean
}) {}

/** The way events are delivered. */
export class EventChannel extends Context.Service<
  EventChannel,
  {
    /** Delivers at least once; the event's id is the same each time. */
    readonly deliver: (event: WorkspaceEvent, subscription: Subscription) => Effect.Effect<void, EventNotTaken>
  }
>()("@countersign/domain/EventChannel") {}
