/** `Pauses` over the table `pauses`, with a record of each pause and resume beside it. */
import { Pause, type PauseScope, Pauses } from "@countersign/domain"
import { Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { Names } from "./SchemaName.ts"
import { during } from "./troubles.ts"

const Rows = Schema.Array(
  Schema.Struct({
    operation_type: Schema.String,
    workspace_id: Schema.String,
    since: Schema.Date,
    paused_by: Schema.String,
    reason: Schema.String
  })
)
const decodeRows = Schema.decodeUnknownEffect(Rows)
const decodePause = Schema.decodeUnknownEffect(Pause)

const COLUMNS = "operation_type, workspace_id, since, paused_by, reason"

const nameOf = (column: string): string | null => (column === "" ? null : column)

/** Rows that make no sense are nobody's but theirs who wrote them past this port. */
const read = (rows: unknown): Effect.Effect<ReadonlyArray<Pause>> =>
  decodeRows(rows).pipe(
    Effect.flatMap((found) =>
      Effect.forEach(found, ({ operation_type, workspace_id, since, paused_by, reason }) =>
        decodePause({
          scope: { operationType: nameOf(operation_type), workspaceId: nameOf(workspace_id) },
          by: paused_by,
          reason,
          sinceMillis: since.getTime()
        })
      )
    ),
    Effect.orDie
  )

const cellsOf = ({ operationType, workspaceId }: PauseScope) => [operationType ?? "", workspaceId ?? ""]

/** What is paused, in the table that every claim reads. */
export const layerPauses = ({ q, channel }: Names): Layer.Layer<Pauses, never, SqlClient.SqlClient> =>
  Layer.effect(
    Pauses,
    Effect.map(SqlClient.SqlClient, (sql) => {
      const pausing = `WITH paused AS (
  INSERT INTO ${q}.pauses (${COLUMNS}) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING ${COLUMNS}
), recorded AS (
  INSERT INTO ${q}.pause_records (occurred_at, action, operation_type, workspace_id, actor, reason)
  SELECT since, 'paused', operation_type, workspace_id, paused_by, reason FROM paused
)
SELECT ${COLUMNS} FROM paused`
      const resuming = `WITH resumed AS (
  DELETE FROM ${q}.pauses WHERE operation_type = $1 AND workspace_id = $2 RETURNING ${COLUMNS}
), recorded AS (
  INSERT INTO ${q}.pause_records (occurred_at, action, operation_type, workspace_id, actor, reason)
  SELECT $3::timestamptz, 'resumed', operation_type, workspace_id, $4::text, reason FROM resumed
), woken AS (
  SELECT pg_catalog.pg_notify('${channel}', '') WHERE EXISTS (SELECT FROM resumed)
)
SELECT ${COLUMNS} FROM resumed WHERE (SELECT count(*) FROM woken) >= 0`
      const finding = `SELECT ${COLUMNS} FROM ${q}.pauses WHERE operation_type = $1 AND workspace_id = $2`
      const listing = `SELECT ${COLUMNS} FROM ${q}.pauses ORDER BY since, operation_type, workspace_id`

      const rows = (doing: string, text: string, values: ReadonlyArray<unknown>) =>
        Effect.flatMap(during(doing)(sql.unsafe(text, values)), read)

      // What was in the way may be resumed before it is looked at: then it is paused after all.
      const pause: Pauses["Service"]["pause"] = Effect.fnUntraced(function* (given) {
        const { scope, by, reason, sinceMillis } = given
        const [paused] = yield* rows("pause", pausing, [...cellsOf(scope), new Date(sinceMillis), by, reason])
        if (paused !== undefined) return { pause: paused, wasPaused: false }
        const [known] = yield* rows("find a pause", finding, cellsOf(scope))
        return known === undefined ? yield* pause(given) : { pause: known, wasPaused: true }
      })

      return Pauses.of({
        pause,
        resume: Effect.fnUntraced(function* (scope, { by, atMillis }) {
          const [resumed] = yield* rows("resume", resuming, [...cellsOf(scope), new Date(atMillis), by])
          return resumed ?? null
        }),
        list: rows("list what is paused", listing, [])
      })
    })
  )
