/** `Notices` in memory. */
import { Notices, type RunId } from "@countersign/domain"
import { Effect, HashMap, Layer, Option, Result } from "effect"
import { MemoryState } from "./MemoryState.ts"
import { type NoticeRow, Tables } from "./Tables.ts"

const isPending = (row: NoticeRow) => row.deliveredAtMillis === null

/** Those that have waited longest come first. */
const dueRows = (tables: Tables, nowMillis: number, limit: number): ReadonlyArray<NoticeRow> =>
  Array.from(HashMap.values(tables.notices))
    .filter((row) => isPending(row) && row.dueAtMillis <= nowMillis)
    .sort((a, b) => a.dueAtMillis - b.dueAtMillis || (a.notice.runId < b.notice.runId ? -1 : 1))
    .slice(0, limit)

/** Changes the rows of these notices, where there are such. */
const changeRows = (tables: Tables, runIds: ReadonlyArray<RunId>, by: (row: NoticeRow) => NoticeRow): Tables => {
  let changed = tables
  for (const runId of runIds) {
    const row = Option.getOrUndefined(HashMap.get(changed.notices, runId))
    if (row !== undefined) changed = Tables.withNoticeRow(changed, by(row))
  }
  return changed
}

/** The outbox, written by `RunStore`. */
export const layerNotices: Layer.Layer<Notices, never, MemoryState> = Layer.effect(
  Notices,
  Effect.map(MemoryState, ({ look, change }) =>
    Notices.of({
      takeDue: (nowMillis, hiddenUntilMillis, limit) =>
        change((tables) => {
          const taken = dueRows(tables, nowMillis, limit).map((row) => ({
            ...row,
            dueAtMillis: hiddenUntilMillis,
            deliveries: row.deliveries + 1
          }))
          const due = taken.map(({ notice, deliveries, takenBy }) => ({ notice, delivery: deliveries, takenBy }))
          return Result.succeed([due, taken.reduce(Tables.withNoticeRow, tables)])
        }),
      markDelivered: (runIds, deliveredAtMillis) =>
        change((tables) =>
          Result.succeed([undefined, changeRows(tables, runIds, (row) => ({ ...row, deliveredAtMillis }))])
        ),
      deferDelivery: (runId, dueAtMillis, problem, takenBy) =>
        change((tables) =>
          Result.succeed([undefined, changeRows(tables, [runId], (row) => ({ ...row, dueAtMillis, problem, takenBy }))])
        ),
      countPending: look((tables) => Array.from(HashMap.values(tables.notices)).filter(isPending).length)
    })
  )
)
