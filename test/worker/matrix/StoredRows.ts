/** Runs as they are stored: the words and the JSON that whoever reads the row gets. */
import { blockedContextOf, blockedSummaryOf, type RunId, RunStore, wireStateOf } from "@countersign/domain"
import { Context, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"

/** One row. Instants as whether they are set. */
export interface StoredRow {
  readonly status: string
  readonly outcome: string
  readonly started: boolean
  readonly completed: boolean
  readonly context: unknown
  readonly failure_summary: unknown
}

/** Reads rows of the store under test. */
export class StoredRows extends Context.Service<
  StoredRows,
  { readonly rowOf: (id: RunId) => Effect.Effect<StoredRow | undefined, unknown> }
>()("test/StoredRows") {
  /** The table itself, past every adapter. */
  static readonly layerSql = Layer.effect(
    StoredRows,
    Effect.map(SqlClient.SqlClient, (sql) => ({
      rowOf: (id: RunId) =>
        Effect.map(
          sql<StoredRow>`SELECT status, outcome, started_at IS NOT NULL AS started, completed_at IS NOT NULL AS completed,
            context, failure_summary FROM countersign.runs WHERE id = ${id}`,
          ([row]) => row
        )
    }))
  )

  /** Memory stores values; this is the JSON they are on the wire. */
  static readonly layerMemory = Layer.effect(
    StoredRows,
    Effect.map(RunStore, (store) => ({
      rowOf: (id: RunId) =>
        Effect.map(store.find(id), (run) => {
          const blocked = run._tag === "Blocked" ? run : null
          const row: StoredRow = JSON.parse(
            JSON.stringify({
              ...wireStateOf[run._tag],
              started: "startedAtMillis" in run && run.startedAtMillis !== null,
              completed: "completedAtMillis" in run,
              context: blocked && blockedContextOf(blocked),
              failure_summary: blocked && blockedSummaryOf(blocked)
            })
          )
          return row
        })
    }))
  )
}
