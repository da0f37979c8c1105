/** `Events` in memory. */
import { type DeliveryKey, type DueEvent, Events, PENDING_MAX, type SubscriptionId } from "@countersign/domain"
import { Effect, HashMap, Layer, Option, Result } from "effect"
import { EventTables, type SubscriptionRow } from "./EventTables.ts"
import { type Changed, MemoryState } from "./MemoryState.ts"
import type { Tables } from "./Tables.ts"

const changed =
  (by: (events: EventTables) => EventTables) =>
  (tables: Tables): Result.Result<Changed<void>> =>
    Result.succeed([undefined, { ...tables, events: by(tables.events) }])

const withSubscription = (id: SubscriptionId, by: (row: SubscriptionRow) => SubscriptionRow) => (events: EventTables) =>
  Option.match(HashMap.get(events.subscriptions, id), {
    onNone: () => events,
    onSome: (row) => ({ ...events, subscriptions: HashMap.set(events.subscriptions, id, by(row)) })
  })

const without = (keys: ReadonlyArray<DeliveryKey>) => (events: EventTables) => ({
  ...events,
  deliveries: keys.reduce((left, key) => HashMap.remove(left, EventTables.keyOf(key)), events.deliveries)
})

const withoutAnyOf = (id: SubscriptionId) => (events: EventTables) => ({
  ...events,
  deliveries: HashMap.filter(events.deliveries, ({ subscriptionId }) => subscriptionId !== id)
})

const isOpen = ({ pausedUntilMillis, endedAtMillis }: SubscriptionRow, nowMillis: number) =>
  endedAtMillis === null && (pausedUntilMillis === null || pausedUntilMillis <= nowMillis)

/** The subscriptions that are asked for, and what is still to be delivered to each. */
export const layerEvents: Layer.Layer<Events, never, MemoryState> = Layer.effect(
  Events,
  Effect.map(MemoryState, ({ look, change }) =>
    Events.of({
      subscribe: (subscription) =>
        change(
          changed((events) =>
            HashMap.has(events.subscriptions, subscription.id)
              ? events
              : EventTables.withSubscription(events, subscription)
          )
        ),
      subscriptions: (countedMax) =>
        look(({ events }) =>
          Array.from(HashMap.values(events.subscriptions))
            .sort((a, b) => (a.subscription.id < b.subscription.id ? -1 : 1))
            .map((row) => {
              const { length } = EventTables.deliveriesOf(events, row.subscription.id)
              return { ...row, pending: Math.min(length, countedMax, PENDING_MAX) }
            })
        ),
      unsubscribe: (id) =>
        change((tables) => {
          const { events } = tables
          const left = { ...withoutAnyOf(id)(events), subscriptions: HashMap.remove(events.subscriptions, id) }
          return Result.succeed([HashMap.has(events.subscriptions, id), { ...tables, events: left }])
        }),
      takeDue: ({ nowMillis, hiddenUntilMillis, limit, share }) =>
        change((tables) => {
          const { events } = tables
          const taken = Array.from(HashMap.values(events.subscriptions))
            .filter((row) => isOpen(row, nowMillis))
            .flatMap(({ subscription, failures }) =>
              EventTables.deliveriesOf(events, subscription.id)
                .filter(({ dueAtMillis }) => dueAtMillis <= nowMillis)
                .slice(0, share)
                .map((row) => ({ row, due: { event: row.event, subscription, failures } satisfies DueEvent }))
            )
            .sort((a, b) => EventTables.inOrder(a.row, b.row))
            .slice(0, limit)
          const hidden = taken.reduce(
            (now, { row }) => EventTables.withDelivery(now, { ...row, dueAtMillis: hiddenUntilMillis }),
            events
          )
          return Result.succeed([taken.map(({ due }) => due), { ...tables, events: hidden }])
        }),
      forget: (keys) => change(changed(without(keys))),
      recovered: (id) =>
        change(
          changed(withSubscription(id, (row) => ({ ...row, failures: 0, lastProblem: null, pausedUntilMillis: null })))
        ),
      putOff: (key, untilMillis, problem) =>
        change(
          changed((events) => {
            const row = Option.getOrUndefined(HashMap.get(events.deliveries, EventTables.keyOf(key)))
            const waiting =
              row === undefined ? events : EventTables.withDelivery(events, { ...row, dueAtMillis: untilMillis })
            return withSubscription(key.subscriptionId, (subscription) => ({
              ...subscription,
              failures: subscription.failures + 1,
              lastProblem: problem,
              pausedUntilMillis: untilMillis
            }))(waiting)
          })
        ),
      end: (id, atMillis, problem) =>
        change(
          changed((events) =>
            withSubscription(id, (row) => ({ ...row, endedAtMillis: atMillis, lastProblem: problem }))(
              withoutAnyOf(id)(events)
            )
          )
        )
    })
  )
)
