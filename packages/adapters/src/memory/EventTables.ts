/** What the memory adapter keeps of subscriptions and of the events that are still to be delivered. */
import type { DeliveryKey, Subscription, SubscriptionId, SubscriptionStatus, WorkspaceEvent } from "@countersign/domain"
import { HashMap } from "effect"

/** A subscription and how it fares. */
export type SubscriptionRow = Omit<SubscriptionStatus, "pending">

/** An event that is still to be delivered to somebody. */
export interface DeliveryRow {
  readonly subscriptionId: SubscriptionId
  readonly event: WorkspaceEvent
  readonly dueAtMillis: number
}

/** The tables. */
export interface EventTables {
  readonly subscriptions: HashMap.HashMap<SubscriptionId, SubscriptionRow>
  readonly deliveries: HashMap.HashMap<string, DeliveryRow>
}

const empty: EventTables = { subscriptions: HashMap.empty(), deliveries: HashMap.empty() }

const keyOf = ({ subscriptionId, eventId }: DeliveryKey): string => `${subscriptionId} ${eventId}`

const withDelivery = (tables: EventTables, row: DeliveryRow): EventTables => ({
  ...tables,
  deliveries: HashMap.set(tables.deliveries, keyOf({ subscriptionId: row.subscriptionId, eventId: row.event.id }), row)
})

const withSubscription = (tables: EventTables, subscription: Subscription): EventTables => ({
  ...tables,
  subscriptions: HashMap.set(tables.subscriptions, subscription.id, {
    subscription,
    failures: 0,
    lastProblem: null,
    pausedUntilMillis: null,
    endedAtMillis: null
  })
})

/** Those that wait longest come first. */
const inOrder = (a: DeliveryRow, b: DeliveryRow): number =>
  a.dueAtMillis - b.dueAtMillis || (a.event.id < b.event.id ? -1 : 1)

const deliveriesOf = (tables: EventTables, id: SubscriptionId): ReadonlyArray<DeliveryRow> =>
  Array.from(HashMap.values(tables.deliveries))
    .filter(({ subscriptionId }) => subscriptionId === id)
    .sort(inOrder)

const wants = ({ subscription, endedAtMillis }: SubscriptionRow, { type, data }: WorkspaceEvent): boolean =>
  endedAtMillis === null &&
  subscription.eventTypes.includes(type) &&
  (subscription.workspaceId === null || subscription.workspaceId === data.workspace_id)

/** Notes events for every subscription that wants them. */
const withEvents = (tables: EventTables, events: ReadonlyArray<WorkspaceEvent>): EventTables =>
  events.reduce(
    (now, event) =>
      Array.from(HashMap.values(now.subscriptions))
        .filter((row) => wants(row, event))
        .reduce(
          (after, { subscription }) =>
            withDelivery(after, { subscriptionId: subscription.id, event, dueAtMillis: event.occurredAtMillis }),
          now
        ),
    tables
  )

export const EventTables = { empty, keyOf, withDelivery, withSubscription, inOrder, deliveriesOf, withEvents }
