/**
 * An operator's wish to be told of what happens in a workspace, over a webhook.
 *
 * Contract section 10.
 */
import { Schema } from "effect"
import { UuidV7, WorkspaceId } from "./Ids.ts"
import { WorkspaceEventType } from "./WorkspaceEvent.ts"

/** A subscription's id: a UUIDv7. */
export const SubscriptionId = UuidV7.pipe(Schema.brand("SubscriptionId"))
export type SubscriptionId = typeof SubscriptionId.Type

/** The name under which deliverers know a signing secret. The secret itself is never stored with the subscription. */
export const SecretName = Schema.String.check(
  Schema.isPattern(/^[A-Za-z][A-Za-z0-9_]{0,62}$/, {
    expected: "a letter, then at most 62 letters, digits and underscores"
  })
).pipe(Schema.brand("SecretName"))
export type SecretName = typeof SecretName.Type

/** What is told, of which workspace, to whom, and signed with what. */
export const Subscription = Schema.Struct({
  id: SubscriptionId,
  /** Null: of every workspace. */
  workspaceId: Schema.NullOr(WorkspaceId),
  url: Schema.NonEmptyString,
  secretName: SecretName,
  eventTypes: Schema.NonEmptyArray(WorkspaceEventType),
  createdAtMillis: Schema.Int
})
export type Subscription = typeof Subscription.Type
