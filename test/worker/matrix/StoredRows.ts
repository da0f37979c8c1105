/** Runs as they are stored: the words and the JSON that whoever reads the row gets. */
import { blockedContextOf, blockedSummaryOf, RunStore, wireStateOf } from "@countersign/domain"
import { Context, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"

/** One row. Instants as whether they are set. */
export interface StoredRow {
  readonly id: string
  readonly status: string
  readonly outcome: string
  readonly started: boolean
  readonly completed: boolean
  readonly attempt: number
  readonly counts: unknown
  readonly context: unknown
  readonly failure_summary: unknown
}

const byId = (rows: ReadonlyArray<StoredRow>): ReadonlyMap<string, StoredRow> =>
  new Map(rows.map((row) => [row.id, row]))

/** Reads every row of the store under test. */
export class StoredRows extends Context.Service<
  StoredRows,
  { readonly all: Effect.Effect<ReadonlyMap<string, StoredRow>, unknown> }
>()("test/StoredRows") {
  /** The table itself, past every adapter. */
  static readonly layerSql = Layer.effect(
    StoredRows,
    Effect.map(SqlClient.SqlClient, (sql) => ({
      all: Effect.map(
        sql<StoredRow>`SELECT id, status, outcome, started_at IS NOT NULL AS started, completed_at IS NOT NULL AS completed,
          attempt, counts, context, failure_summary FROM countersign.runs`,
        byId
      )
    }))
  )

  /** Memory stores values; this is the JSON they are on the wire. */
  static readonly layerMemory = Layer.effect(
    StoredRows,
    Effect.map(RunStore, (store) => ({
      all: Effect.map(store.list({ limit: 1_000 }), ({ runs }) => {
        const rows = runs.map((run) => {
          const blocked = run._tag === "Blocked" ? run : null
          return {
            id: run.dispatch.id,
            ...wireStateOf[run._tag],
            started: "startedAtMillis" in run && run.startedAtMillis !== null,
            completed: "completedAtMillis" in run,
            attempt: run.attempt,
            counts: run.counts,
            context: blocked && blockedContextOf(blocked),
            failure_summary: blocked && blockedSummaryOf(blocked)
          }
        })
        const json: ReadonlyArray<StoredRow> = JSON.parse(JSON.stringify(rows))
        return byId(json)
      })
    }))
  )
}
