/** `Events`, in the tables `event_subscriptions` and `event_deliveries`. */
import {
  Events,
  PENDING_MAX,
  Subscription,
  type SubscriptionStatus,
  SubscriptionUnreadable,
  WorkspaceEvent
} from "@countersign/domain"
import { Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { arrayOf } from "./Cells.ts"
import { limited } from "./limits.ts"
import type { Names } from "./SchemaName.ts"
import { during } from "./troubles.ts"

interface SubscriptionRow {
  readonly id: string
  readonly workspace_id: string | null
  readonly url: string
  readonly secret_name: string
  readonly event_types: unknown
  readonly created_at: Date
  readonly paused_until: Date | null
  readonly failures: number
  readonly last_problem: string | null
  readonly ended_at: Date | null
}

interface StatusRow extends SubscriptionRow {
  readonly pending: number
}

interface DueRow extends SubscriptionRow {
  readonly event_id: string
  readonly event_type: string
  readonly occurred_at: Date
  readonly content: unknown
}

const decodeSubscription = Schema.decodeUnknownEffect(Subscription)
const decodeEvent = Schema.decodeUnknownEffect(WorkspaceEvent)

const readSubscription = (row: SubscriptionRow) =>
  decodeSubscription({
    id: row.id,
    workspaceId: row.workspace_id,
    url: row.url,
    secretName: row.secret_name,
    eventTypes: row.event_types,
    createdAtMillis: row.created_at.getTime()
  })

const millisOf = (instant: Date | null): number | null => instant?.getTime() ?? null

const readMillis = Schema.decodeEffect(Schema.NullOr(Schema.Finite))

const statusOf = (row: StatusRow): Effect.Effect<SubscriptionStatus, SubscriptionUnreadable> =>
  Effect.all({
    subscription: readSubscription(row),
    pausedUntilMillis: readMillis(millisOf(row.paused_until)),
    endedAtMillis: readMillis(millisOf(row.ended_at))
  }).pipe(
    Effect.mapError(() => new SubscriptionUnreadable({ subscriptionId: row.id })),
    Effect.map((read) => ({
      ...read,
      pending: row.pending,
      failures: row.failures,
      lastProblem: row.last_problem
    }))
  )

/** One that makes no sense is logged and stays hidden: it must not keep the others from being delivered. */
const dueOf = (row: DueRow) =>
  Effect.all({
    subscription: readSubscription(row),
    event: decodeEvent({
      id: row.event_id,
      type: row.event_type,
      occurredAtMillis: row.occurred_at.getTime(),
      data: row.content
    })
  }).pipe(
    Effect.map((read) => [{ ...read, failures: row.failures }]),
    Effect.catch(() => Effect.as(Effect.logError(`the stored event ${row.event_id} cannot be read`), []))
  )

/**
 * Deliverers share what is due by row locks; what one has taken is hidden from the others by its due time. Each subscription is
 * looked into by itself, so that neither a flood of one nor one that is paused is in the way of others.
 */
const taking = ({ q }: Names, limit: number, share: number) => `UPDATE ${q}.event_deliveries AS d
SET due_at = $2, deliveries = d.deliveries + 1
FROM (
  SELECT s.*, e.event_id FROM ${q}.event_subscriptions s CROSS JOIN LATERAL (
    SELECT w.event_id, w.due_at FROM ${q}.event_deliveries w WHERE w.subscription_id = s.id AND w.due_at <= $1
    ORDER BY w.due_at, w.event_id LIMIT ${limited(share)} FOR UPDATE SKIP LOCKED
  ) AS e
  WHERE s.ended_at IS NULL AND (s.paused_until IS NULL OR s.paused_until <= $1)
  ORDER BY e.due_at, e.event_id LIMIT ${limited(limit)}
) AS t
WHERE d.subscription_id = t.id AND d.event_id = t.event_id
RETURNING t.*, d.event_type, d.occurred_at, d.content`

/**
 * Each count goes along the index and no further than it must. Without the order, the planner may take a subscription to which
 * nothing is to be delivered for one that has many, and look through the whole table for its rows.
 */
export const subscriptionsStatement = ({ q }: Names, countedMax: number) => `SELECT s.*, (
  SELECT count(*)::integer FROM (
    SELECT FROM ${q}.event_deliveries d WHERE d.subscription_id = s.id
    ORDER BY d.due_at, d.event_id LIMIT ${limited(countedMax, PENDING_MAX)}
  ) AS counted
) AS pending FROM ${q}.event_subscriptions s ORDER BY s.id`

/** The events go in by the statements that write steps, and by those that set runs aside. */
export const layerEvents = (names: Names): Layer.Layer<Events, never, SqlClient.SqlClient> =>
  Layer.effect(
    Events,
    Effect.map(SqlClient.SqlClient, (sql) => {
      const { q } = names
      return Events.of({
        subscribe: ({ id, workspaceId, url, secretName, eventTypes, createdAtMillis }) =>
          during("subscribe to events")(
            Effect.asVoid(
              sql.unsafe(
                `INSERT INTO ${q}.event_subscriptions (id, workspace_id, url, secret_name, event_types, created_at)
VALUES ($1, $2, $3, $4, $5::text::jsonb, $6) ON CONFLICT (id) DO NOTHING`,
                [id, workspaceId, url, secretName, JSON.stringify(eventTypes), new Date(createdAtMillis)]
              )
            )
          ),
        subscriptions: Effect.fnUntraced(function* (countedMax) {
          const rows = yield* during("list subscriptions")(
            sql.unsafe<StatusRow>(subscriptionsStatement(names, countedMax))
          )
          return yield* Effect.forEach(rows, statusOf)
        }),
        unsubscribe: Effect.fnUntraced(function* (id) {
          const rows = yield* during("unsubscribe from events")(
            sql.unsafe(
              `WITH dropped AS (DELETE FROM ${q}.event_deliveries WHERE subscription_id = $1)
DELETE FROM ${q}.event_subscriptions WHERE id = $1 RETURNING id`,
              [id]
            )
          )
          return rows.length > 0
        }),
        takeDue: Effect.fnUntraced(function* ({ nowMillis, hiddenUntilMillis, limit, share }) {
          const values = [new Date(nowMillis), new Date(hiddenUntilMillis)]
          const rows = yield* during("take due events")(sql.unsafe<DueRow>(taking(names, limit, share), values))
          return (yield* Effect.forEach(rows, dueOf)).flat()
        }),
        forget: (keys) =>
          during("note delivered events")(
            Effect.asVoid(
              sql.unsafe(
                `DELETE FROM ${q}.event_deliveries d USING unnest($1::uuid[], $2::text[]) AS k(subscription_id, event_id)
WHERE d.subscription_id = k.subscription_id AND d.event_id = k.event_id`,
                [
                  arrayOf(
                    "uuid",
                    keys.map(({ subscriptionId }) => subscriptionId)
                  ),
                  arrayOf(
                    "text",
                    keys.map(({ eventId }) => eventId)
                  )
                ]
              )
            )
          ),
        recovered: (id) =>
          during("note a subscription's success")(
            Effect.asVoid(
              sql.unsafe(
                `UPDATE ${q}.event_subscriptions SET failures = 0, last_problem = NULL, paused_until = NULL WHERE id = $1`,
                [id]
              )
            )
          ),
        putOff: ({ subscriptionId, eventId }, untilMillis, problem) =>
          during("put off an event")(
            Effect.asVoid(
              sql.unsafe(
                `WITH waiting AS (
  UPDATE ${q}.event_deliveries SET due_at = $2 WHERE subscription_id = $1 AND event_id = $4
)
UPDATE ${q}.event_subscriptions SET paused_until = $2, last_problem = $3, failures = failures + 1 WHERE id = $1`,
                [subscriptionId, new Date(untilMillis), problem, eventId]
              )
            )
          ),
        end: (id, atMillis, problem) =>
          during("end a subscription")(
            Effect.asVoid(
              sql.unsafe(
                `WITH dropped AS (DELETE FROM ${q}.event_deliveries WHERE subscription_id = $1)
UPDATE ${q}.event_subscriptions SET ended_at = $2, last_problem = $3 WHERE id = $1`,
                [id, new Date(atMillis), problem]
              )
            )
          )
      })
    })
  )
