/** Subscriptions for machines. */
import type { SubscriptionStatus } from "@countersign/domain"
import type { Schema } from "effect"
import { iso } from "./words.ts"

const instant = (millis: number | null) => (millis === null ? null : iso(millis))

/** A subscription and how it fares; of its secret, the name. */
export const subscriptionAsJson = ({
  subscription,
  pending,
  failures,
  lastProblem,
  pausedUntilMillis,
  endedAtMillis
}: SubscriptionStatus): Readonly<Record<string, Schema.Json>> => ({
  id: subscription.id,
  workspace_id: subscription.workspaceId,
  url: subscription.url,
  secret: subscription.secretName,
  events: subscription.eventTypes,
  created_at: iso(subscription.createdAtMillis),
  pending,
  failures,
  last_problem: lastProblem,
  paused_until: instant(pausedUntilMillis),
  ended_at: instant(endedAtMillis)
})
