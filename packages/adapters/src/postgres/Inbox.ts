/** A channel that keeps delivered notices for their readers, in the table `inbox`. */
import { DeliveryFailed, type Notice, NoticeChannel, type StoreUnavailable, type UserId } from "@countersign/domain"
import { Clock, Context, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { arraysOf, cellsOf, namesOf as columnNamesOf, fromArrays } from "./Cells.ts"
import { noticeColumns } from "./columns.ts"
import { limited } from "./limits.ts"
import { type NoticeRow, readNotice } from "./NoticeRow.ts"
import { DEFAULT_SCHEMA, namesOf, type SchemaName } from "./SchemaName.ts"
import { during } from "./troubles.ts"

/** What was delivered to each person. */
export class PostgresInbox extends Context.Service<
  PostgresInbox,
  {
    /** The person's notices, one for each run there still is, the newest first; at most `limit`, 1 to 1000. */
    readonly noticesOf: (recipient: UserId, limit: number) => Effect.Effect<ReadonlyArray<Notice>, StoreUnavailable>
  }
>()("@countersign/adapters/postgres/PostgresInbox") {}

/** Delivers into the table `inbox` of the schema. A notice delivered twice is there once; it goes with its run (`RunStore.prune`). */
export const layerPostgresInbox = (
  schema: SchemaName = DEFAULT_SCHEMA
): Layer.Layer<NoticeChannel | PostgresInbox, never, SqlClient.SqlClient> =>
  Layer.effectContext(
    Effect.map(SqlClient.SqlClient, (sql) => {
      const { q } = namesOf(schema)
      const insertion = `INSERT INTO ${q}.inbox (${columnNamesOf(noticeColumns)}, delivered_at)
SELECT ${cellsOf(noticeColumns, "n")}, $1::timestamptz FROM ${fromArrays(noticeColumns, 2, "n")}
ON CONFLICT (run_id) DO NOTHING`
      const deliver = Effect.fnUntraced(function* (notice: Notice) {
        const now = new Date(yield* Clock.currentTimeMillis)
        yield* during("deliver a notice")(sql.unsafe(insertion, [now, ...arraysOf(noticeColumns, [notice])]))
      })
      return Context.make(NoticeChannel, {
        deliver: (notice) =>
          Effect.mapError(deliver(notice), ({ advice }) => new DeliveryFailed({ channel: "inbox", problem: advice }))
      }).pipe(
        Context.add(PostgresInbox, {
          noticesOf: Effect.fnUntraced(function* (recipient: UserId, limit: number) {
            const text = `SELECT ${columnNamesOf(noticeColumns)} FROM ${q}.inbox WHERE recipient = $1
ORDER BY run_id DESC LIMIT ${limited(limit)}`
            const rows = yield* during("read the inbox")(sql.unsafe<NoticeRow>(text, [recipient]))
            return yield* Effect.orDie(Effect.forEach(rows, readNotice))
          })
        })
      )
    })
  )
