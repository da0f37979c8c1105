/** Where a demo may play: in a schema that is empty, or in which nothing but demos were. */
import type { SchemaName } from "@countersign/adapters"
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { WORKSPACE_PREFIX } from "./cast.ts"

const Strangers = Schema.Tuple([Schema.Struct({ strangers: Schema.Boolean })])

/** Whether the tables hold anything that no demo made. */
export const holdsOthersData = Effect.fn("holdsOthersData")(function* (schema: SchemaName) {
  const sql = yield* SqlClient.SqlClient
  const q = sql(schema)
  const ours = `${WORKSPACE_PREFIX}%`
  const rows = yield* sql`SELECT
    EXISTS (SELECT FROM ${q}.workspaces WHERE id NOT LIKE ${ours})
    OR EXISTS (SELECT FROM ${q}.runs WHERE workspace_id NOT LIKE ${ours}) AS strangers`
  const [{ strangers }] = yield* Effect.orDie(Schema.decodeUnknownEffect(Strangers)(rows))
  return strangers
})
