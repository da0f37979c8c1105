/**
 * The sample workspace, written with plain SQL into the reference tables of authority facts: this is how a host that keeps
 * its facts here keeps them.
 */
import type { SchemaName } from "@countersign/adapters"
import { Array as Arrays, Clock, Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { sampleRoles } from "../sample/operations.ts"
import { type Cast, PEOPLE, type PersonName, TENANTS } from "./cast.ts"

const people = Object.keys(PEOPLE).filter((name): name is PersonName => name in PEOPLE)

/**
 * A workspace, six people with a role each, four active tenants that all of them may act for, and for each tenant a
 * connection, a write gate that was found in order just now, and an open window for changes. All in one transaction.
 */
export const seed = (schema: SchemaName, cast: Cast): Effect.Effect<void, SqlError.SqlError, SqlClient.SqlClient> =>
  Effect.flatMap(SqlClient.SqlClient, (sql) => sql.withTransaction(insertAll(sql, schema, cast)))

const insertAll = Effect.fnUntraced(function* (sql: SqlClient.SqlClient, schema: SchemaName, cast: Cast) {
  const { workspace, person, tenant, connection } = cast
  const insert = (table: string, rows: ReadonlyArray<Record<string, unknown>>) =>
    Arrays.isReadonlyArrayNonEmpty(rows)
      ? sql`INSERT INTO ${sql(schema)}.${sql(table)} ${sql.insert(rows)}`
      : Effect.void

  yield* insert("workspaces", [{ id: workspace, open: true }])
  yield* insert(
    "roles",
    sampleRoles.roles.map((role) => ({ workspace_id: workspace, role }))
  )
  yield* insert(
    "role_capabilities",
    sampleRoles.roles.flatMap((role) =>
      Array.from(sampleRoles.capabilitiesOf(role), (capability) => ({
        workspace_id: workspace,
        role,
        capability
      }))
    )
  )
  yield* insert(
    "users",
    people.map((name) => ({ id: person(name), name, disabled: false }))
  )
  yield* insert(
    "memberships",
    people.map((name) => ({ workspace_id: workspace, user_id: person(name), role: PEOPLE[name] }))
  )
  yield* insert(
    "tenants",
    TENANTS.map((name) => ({ id: tenant(name), workspace_id: workspace, state: "active" }))
  )
  yield* insert(
    "tenant_entitlements",
    people.flatMap((name) => TENANTS.map((of) => ({ user_id: person(name), tenant_id: tenant(of) })))
  )
  yield* insert(
    "provider_connections",
    TENANTS.map((name) => ({
      id: connection(name),
      workspace_id: workspace,
      tenant_id: tenant(name),
      enabled: true,
      connected: true
    }))
  )
  const checkedAt = new Date(yield* Clock.currentTimeMillis)
  yield* insert(
    "write_gates",
    TENANTS.map((name) => ({ tenant_id: tenant(name), health: "ok", checked_at: checkedAt }))
  )
  yield* insert(
    "prerequisites",
    TENANTS.map((name) => ({
      workspace_id: workspace,
      tenant_id: tenant(name),
      name: "change_window_open",
      satisfied: true
    }))
  )
})
