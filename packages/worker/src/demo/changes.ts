/** What happens while the demo's runs wait: authority is taken away, by plain SQL, as a host would do it. */
import type { Effect } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import type { Cast } from "./cast.ts"

/** One change, and how it is told. */
export interface FactChange {
  readonly told: string
  readonly change: Effect.Effect<unknown, SqlError.SqlError>
}

/** Five changes, each the undoing of another run. */
export const changes = (sql: SqlClient.SqlClient, schema: string, cast: Cast): ReadonlyArray<FactChange> => {
  const { workspace, person, tenant, connection } = cast
  const q = sql(schema)
  return [
    {
      told: "Ben loses the role operator and may only read from now on",
      change: sql`UPDATE ${q}.memberships SET role = 'readonly'
        WHERE workspace_id = ${workspace} AND user_id = ${person("Ben")}`
    },
    {
      told: "the tenant Fabrikam is archived",
      change: sql`UPDATE ${q}.tenants SET state = 'archived' WHERE id = ${tenant("Fabrikam")}`
    },
    {
      told: "Tailspin's provider connection is disabled",
      change: sql`UPDATE ${q}.provider_connections SET enabled = false WHERE id = ${connection("Tailspin")}`
    },
    {
      told: "Wingtip's last hardening check is two days old by now",
      change: sql`UPDATE ${q}.write_gates SET checked_at = checked_at - interval '2 days'
        WHERE tenant_id = ${tenant("Wingtip")}`
    },
    {
      told: "Finn is removed from the workspace",
      change: sql`DELETE FROM ${q}.memberships WHERE workspace_id = ${workspace} AND user_id = ${person("Finn")}`
    }
  ]
}
