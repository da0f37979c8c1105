/** The host's schema: its tables, and what they tell the gate. */
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { authority } from "./authority.ts"
import { tables } from "./tables.ts"

/** Makes everything in one transaction, in a database where `migrate` has been. */
export const install: Effect.Effect<void, SqlError.SqlError, SqlClient.SqlClient> = Effect.flatMap(
  SqlClient.SqlClient,
  (sql) =>
    sql.withTransaction(
      Effect.forEach([...tables, ...authority], (statement) => sql.unsafe(statement), { discard: true })
    )
)
