/**
 * Authority taken away in thought: a snapshot as it would be if somebody left, a tenant were archived, or a connection disabled.
 * Nothing is written; `impactOf` decides about what comes out.
 *
 * Contract section 4.
 */
import { Schema } from "effect"
import { ProviderConnectionId, TenantId, UserId } from "./Ids.ts"
import type { AuthorityFacts, Snapshot } from "./Snapshot.ts"

/** What is taken away. */
export const Withdrawal = Schema.TaggedUnion({
  /** The person leaves every workspace and may touch no tenant any more. */
  Actor: { userId: UserId },
  /** The tenant is archived. */
  Tenant: { tenantId: TenantId },
  /** The provider connection is disabled. */
  Connection: { connectionId: ProviderConnectionId }
})
export type Withdrawal = typeof Withdrawal.Type

/**
 * The snapshot after the withdrawal. It is the very same one when it holds no fact that changes, so that nothing needs to be
 * decided again. Facts about anything else stay as they are; what is not known does not become known.
 */
export const withdraw = (snapshot: Snapshot, withdrawal: Withdrawal): Snapshot => {
  const changed = changedFacts(snapshot.facts, withdrawal)
  return changed === null ? snapshot : { ...snapshot, facts: { ...snapshot.facts, ...changed } }
}

const changedFacts = (facts: AuthorityFacts, withdrawal: Withdrawal): Partial<AuthorityFacts> | null => {
  const { membership, entitlement, tenant, connection } = facts
  switch (withdrawal._tag) {
    case "Actor": {
      const isMember = membership?.userId === withdrawal.userId
      const isEntitled = entitlement?.userId === withdrawal.userId
      if (!isMember && !isEntitled) return null
      return { membership: isMember ? null : membership, entitlement: isEntitled ? null : entitlement }
    }
    case "Tenant":
      return tenant?.id !== withdrawal.tenantId || tenant.state === "archived"
        ? null
        : { tenant: { ...tenant, state: "archived" } }
    case "Connection":
      return connection?.id !== withdrawal.connectionId || !connection.enabled
        ? null
        : { connection: { ...connection, enabled: false } }
  }
}
