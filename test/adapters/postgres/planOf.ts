/** What a statement does, as the server says. */
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { PLANNER_SETTINGS } from "../../../packages/adapters/src/postgres/PostgresClient.ts"

const Lines = Schema.Array(Schema.Struct({ "QUERY PLAN": Schema.String }))

/**
 * Executes it by its generic plan, as a worker's connection has it; `literals` are the parameters as SQL. Nothing in it is timed, and
 * numbers of rows are whole, as they were before PostgreSQL 18.
 */
export const planOf = (statement: string, literals: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    for (const [name, value] of Object.entries(PLANNER_SETTINGS)) yield* sql.unsafe(`SET LOCAL ${name} = '${value}'`)
    yield* sql.unsafe(`PREPARE asked AS ${statement}`)
    const given = literals.length === 0 ? "" : ` (${literals.join(", ")})`
    const rows = yield* sql.unsafe(`EXPLAIN (COSTS off, ANALYZE, BUFFERS, TIMING off) EXECUTE asked${given}`)
    yield* sql.unsafe("DEALLOCATE asked")
    return (yield* Schema.decodeUnknownEffect(Lines)(rows))
      .map((line) => line["QUERY PLAN"].replace(/(?<=rows=\d+)\.00\b/, ""))
      .join("\n")
  }).pipe((planning) => Effect.flatMap(SqlClient.SqlClient, (sql) => sql.withTransaction(planning)))
