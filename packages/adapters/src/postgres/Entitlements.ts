/** `Entitlements` from the tables or views that answer the facts. */
import { Entitlements, FactsUnavailable, type UserId } from "@countersign/domain"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { tenantOf, workspaceOf } from "./readCells.ts"
import { namesOf, type SchemaName } from "./SchemaName.ts"
import { during } from "./troubles.ts"

interface Row {
  readonly workspaces: ReadonlyArray<string>
  readonly tenants: ReadonlyArray<string>
}

/** From `memberships` and `tenant_entitlements` of this schema; what is no name there is left out. */
export const layerEntitlements = (schema: SchemaName): Layer.Layer<Entitlements, never, SqlClient.SqlClient> =>
  Layer.effect(
    Entitlements,
    Effect.map(SqlClient.SqlClient, (sql) => {
      const { q } = namesOf(schema)
      const text = `SELECT
  ARRAY(SELECT DISTINCT m.workspace_id::text COLLATE "C" FROM ${q}.memberships m WHERE m.user_id = $1 ORDER BY 1) AS workspaces,
  ARRAY(SELECT DISTINCT e.tenant_id::text COLLATE "C" FROM ${q}.tenant_entitlements e WHERE e.user_id = $1 ORDER BY 1) AS tenants`
      return Entitlements.of({
        of: Effect.fnUntraced(function* (user: UserId) {
          const [row] = yield* sql.unsafe<Row>(text, [user]).pipe(
            during("read what a person belongs to"),
            Effect.mapError(
              (cause) => new FactsUnavailable({ source: `the schema ${schema}`, advice: cause.advice, cause })
            )
          )
          return {
            workspaces: (row?.workspaces ?? []).flatMap((id) => workspaceOf(id) ?? []),
            tenants: (row?.tenants ?? []).flatMap((id) => tenantOf(id) ?? [])
          }
        })
      })
    })
  )
