/** `Notices`: the outbox, in the table `notices`. */
import { type DueNotice, Notices } from "@countersign/domain"
import { Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { namesOf as columnNamesOf } from "./Cells.ts"
import { noticeColumns } from "./columns.ts"
import { limited } from "./limits.ts"
import { type NoticeRow, readNotice } from "./NoticeRow.ts"
import type { Names } from "./SchemaName.ts"
import { during } from "./troubles.ts"
import { idsOf } from "./write.ts"

interface DueRow extends NoticeRow {
  readonly deliveries: number
  readonly taken_by: unknown
}

const readTakers = Schema.decodeUnknownEffect(Schema.Array(Schema.String))

/** One that makes no sense is logged and stays hidden: it must not keep the others from being delivered. */
const dueOf = (row: DueRow): Effect.Effect<ReadonlyArray<DueNotice>> =>
  Effect.all([readNotice(row), readTakers(row.taken_by)]).pipe(
    Effect.map(([notice, takenBy]) => [{ notice, delivery: row.deliveries, takenBy }]),
    Effect.catch(() => Effect.as(Effect.logError(`the stored notice of run ${row.run_id} cannot be read`), []))
  )

/** Deliverers share what is due by row locks; what one has taken is hidden from the others by its due time. */
export const layerNotices = (names: Names): Layer.Layer<Notices, never, SqlClient.SqlClient> =>
  Layer.effect(
    Notices,
    Effect.map(SqlClient.SqlClient, (sql) => {
      const { q } = names
      const taking = (limit: number) => `UPDATE ${q}.notices SET due_at = $2, deliveries = deliveries + 1
WHERE run_id = ANY (ARRAY(
  SELECT n.run_id FROM ${q}.notices n WHERE n.delivered_at IS NULL AND n.due_at <= $1
  ORDER BY n.due_at, n.run_id LIMIT ${limited(limit)} FOR UPDATE SKIP LOCKED
)) RETURNING ${columnNamesOf(noticeColumns)}, deliveries, taken_by`
      return Notices.of({
        takeDue: Effect.fnUntraced(function* (nowMillis, hiddenUntilMillis, limit) {
          const values = [new Date(nowMillis), new Date(hiddenUntilMillis)]
          const rows = yield* during("take due notices")(sql.unsafe<DueRow>(taking(limit), values))
          return (yield* Effect.forEach(rows, dueOf)).flat()
        }),
        markDelivered: (runIds, deliveredAtMillis) =>
          during("mark notices as delivered")(
            Effect.asVoid(
              sql.unsafe(
                `UPDATE ${q}.notices SET delivered_at = $2, last_problem = NULL
WHERE run_id = ANY ($1::uuid[]) AND delivered_at IS NULL`,
                [idsOf(runIds), new Date(deliveredAtMillis)]
              )
            )
          ),
        deferDelivery: (runId, dueAtMillis, problem, takenBy) =>
          during("defer a notice")(
            Effect.asVoid(
              sql.unsafe(
                `UPDATE ${q}.notices SET due_at = $2, last_problem = $3, taken_by = $4::text::jsonb
WHERE run_id = $1 AND delivered_at IS NULL`,
                [runId, new Date(dueAtMillis), problem, JSON.stringify(takenBy)]
              )
            )
          ),
        countPending: Effect.map(
          during("count undelivered notices")(
            sql.unsafe<{ readonly pending: number }>(
              `SELECT count(*)::integer AS pending FROM ${q}.notices WHERE delivered_at IS NULL`
            )
          ),
          (rows) => rows[0]?.pending ?? 0
        )
      })
    })
  )
