/** The book of authority facts over the reference tables, as a host would change them: plain statements. */
import { AuthorityBook } from "@countersign/adapters/testing"
import { StoreUnavailable } from "@countersign/domain"
import { Effect, Layer } from "effect"
import { SqlClient, type SqlError } from "effect/sql"

const done = (change: Effect.Effect<unknown, SqlError.SqlError>): Effect.Effect<void, StoreUnavailable> =>
  change.pipe(
    Effect.asVoid,
    Effect.mapError(
      (cause) => new StoreUnavailable({ trouble: "rejected", operation: "change facts", advice: cause.message, cause })
    )
  )

/** Writes to the tables of this schema. */
export const layerPostgresAuthorityBook = (
  schema = "countersign"
): Layer.Layer<AuthorityBook, never, SqlClient.SqlClient> =>
  Layer.effect(
    AuthorityBook,
    Effect.map(SqlClient.SqlClient, (sql) => {
      const t = (table: string) => sql(`${schema}.${table}`)
      const instant = (millis: number | null) => (millis === null ? null : new Date(millis))
      return AuthorityBook.of({
        setWorkspace: ({ id, open }) =>
          done(sql`INSERT INTO ${t("workspaces")} (id, open) VALUES (${id}, ${open})
            ON CONFLICT (id) DO UPDATE SET open = EXCLUDED.open`),
        removeWorkspace: (id) => done(sql`DELETE FROM ${t("workspaces")} WHERE id = ${id}`),
        setUser: ({ id, name, disabled }) =>
          done(sql`INSERT INTO ${t("users")} (id, name, disabled) VALUES (${id}, ${name}, ${disabled})
            ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name, disabled = EXCLUDED.disabled`),
        removeUser: (id) => done(sql`DELETE FROM ${t("users")} WHERE id = ${id}`),
        setRole: (workspaceId, role, capabilities) =>
          done(
            sql.withTransaction(
              Effect.gen(function* () {
                yield* sql`INSERT INTO ${t("roles")} (workspace_id, role) VALUES (${workspaceId}, ${role})
                  ON CONFLICT DO NOTHING`
                yield* sql`DELETE FROM ${t("role_capabilities")} WHERE workspace_id = ${workspaceId} AND role = ${role}`
                for (const capability of new Set(capabilities)) {
                  yield* sql`INSERT INTO ${t("role_capabilities")} (workspace_id, role, capability)
                    VALUES (${workspaceId}, ${role}, ${capability})`
                }
              })
            )
          ),
        setMembership: (workspaceId, userId, role) =>
          done(sql`INSERT INTO ${t("memberships")} (workspace_id, user_id, role)
            VALUES (${workspaceId}, ${userId}, ${role})
            ON CONFLICT (workspace_id, user_id) DO UPDATE SET role = EXCLUDED.role`),
        removeMembership: (workspaceId, userId) =>
          done(sql`DELETE FROM ${t("memberships")} WHERE workspace_id = ${workspaceId} AND user_id = ${userId}`),
        setTenant: ({ id, workspaceId, state }) =>
          done(sql`INSERT INTO ${t("tenants")} (id, workspace_id, state) VALUES (${id}, ${workspaceId}, ${state})
            ON CONFLICT (id) DO UPDATE SET workspace_id = EXCLUDED.workspace_id, state = EXCLUDED.state`),
        removeTenant: (id) => done(sql`DELETE FROM ${t("tenants")} WHERE id = ${id}`),
        setEntitlement: (userId, tenantId) =>
          done(sql`INSERT INTO ${t("tenant_entitlements")} (user_id, tenant_id) VALUES (${userId}, ${tenantId})
            ON CONFLICT (user_id, tenant_id) DO UPDATE SET tenant_id = EXCLUDED.tenant_id`),
        removeEntitlement: (userId, tenantId) =>
          done(sql`DELETE FROM ${t("tenant_entitlements")} WHERE user_id = ${userId} AND tenant_id = ${tenantId}`),
        setConnection: ({ id, workspaceId, tenantId, enabled, connected }) =>
          done(sql`INSERT INTO ${t("provider_connections")} (id, workspace_id, tenant_id, enabled, connected)
            VALUES (${id}, ${workspaceId}, ${tenantId}, ${enabled}, ${connected})
            ON CONFLICT (id) DO UPDATE SET workspace_id = EXCLUDED.workspace_id, tenant_id = EXCLUDED.tenant_id,
              enabled = EXCLUDED.enabled, connected = EXCLUDED.connected`),
        removeConnection: (id) => done(sql`DELETE FROM ${t("provider_connections")} WHERE id = ${id}`),
        setWriteGate: ({ tenantId, health, checkedAtMillis }) =>
          done(sql`INSERT INTO ${t("write_gates")} (tenant_id, health, checked_at)
            VALUES (${tenantId}, ${health}, ${instant(checkedAtMillis)})
            ON CONFLICT (tenant_id) DO UPDATE SET health = EXCLUDED.health, checked_at = EXCLUDED.checked_at`),
        removeWriteGate: (tenantId) => done(sql`DELETE FROM ${t("write_gates")} WHERE tenant_id = ${tenantId}`),
        setPrerequisite: ({ name, workspaceId, tenantId, satisfied }) =>
          done(sql`INSERT INTO ${t("prerequisites")} (workspace_id, tenant_id, name, satisfied)
            VALUES (${workspaceId}, ${tenantId}, ${name}, ${satisfied})
            ON CONFLICT (workspace_id, name, coalesce(tenant_id, '')) DO UPDATE SET satisfied = EXCLUDED.satisfied`),
        removePrerequisite: (name, workspaceId, tenantId) =>
          done(sql`DELETE FROM ${t("prerequisites")} WHERE workspace_id = ${workspaceId} AND name = ${name}
            AND tenant_id IS NOT DISTINCT FROM ${tenantId}`)
      })
    })
  )
