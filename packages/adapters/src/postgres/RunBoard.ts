/** `RunBoard` over the table `runs`. */
import {
  type ActiveCounts,
  type BoardPage,
  type BoardRun,
  type EndCount,
  ReasonCode,
  RunBoard,
  RunId,
  RunNotFound,
  RunOutcome,
  type RunUnreadable
} from "@countersign/domain"
import { Effect, Layer, Result, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { activeStatement, endsStatement, pageStatement } from "./boardStatements.ts"
import { RUN_COLUMNS, type RunRow, readRun } from "./RunRow.ts"
import type { Names } from "./SchemaName.ts"
import { during } from "./troubles.ts"

interface WatchedRow extends RunRow {
  readonly lease_until: Date | null
}

/** A row of a page; without a run there is nothing but where the looking stopped. */
type PageRow = { readonly stop_id: string | null } & (WatchedRow | { readonly id: null })

const hasRun = (row: PageRow): row is PageRow & WatchedRow => row.id !== null

interface EndRow {
  readonly cut_at: Date | null
  readonly stretch: Date | null
  readonly outcome: string | null
  readonly reason: string | null
  readonly count: number | null
}

const isRunId = Schema.is(RunId)
const isOutcome = Schema.is(RunOutcome)
const isReason = Schema.is(ReasonCode)

const PAGE_MOST = 200
const LOOK_MOST = 1_000_000

const whole = (value: number, most: number): number => Math.min(most, Math.max(1, Math.trunc(value) || 1))

const watched = (row: WatchedRow): Result.Result<BoardRun, RunUnreadable> =>
  Result.map(readRun(row), (run) => ({ run, leaseUntilMillis: row.lease_until?.getTime() ?? null }))

const idOf = (text: string | null | undefined): RunId | null => (isRunId(text) ? text : null)

/** `rows` are in the direction of reading, one more than the page holds when it goes on. */
const pageOf = (rows: ReadonlyArray<PageRow>, limit: number, isUpwards: boolean): BoardPage => {
  const stopId = idOf(rows[0]?.stop_id)
  const found = rows.filter(hasRun)
  const isFull = found.length > limit
  const shown = found.slice(0, limit)
  const runs: Array<BoardRun> = []
  const unreadable: Array<RunUnreadable> = []
  for (const row of isUpwards ? shown.toReversed() : shown) {
    const read = watched(row)
    if (Result.isSuccess(read)) runs.push(read.success)
    else unreadable.push(read.failure)
  }
  return {
    runs,
    unreadable,
    goesOnAt: isFull ? idOf(shown.at(-1)?.id) : stopId,
    isCutShort: !isFull && stopId !== null
  }
}

const endOf = (row: EndRow): ReadonlyArray<EndCount> => {
  const { stretch, outcome, reason, count } = row
  if (stretch === null || count === null || !isOutcome(outcome)) return []
  return [{ fromMillis: stretch.getTime(), outcome, reason: isReason(reason) ? reason : null, count }]
}

/** Reads without locks; every answer is one statement, and so of one moment. */
export const layerRunBoard = (names: Names): Layer.Layer<RunBoard, never, SqlClient.SqlClient> =>
  Layer.effect(
    RunBoard,
    Effect.map(SqlClient.SqlClient, (sql) =>
      RunBoard.of({
        find: Effect.fnUntraced(function* (id: RunId) {
          const text = `SELECT ${RUN_COLUMNS}, r.lease_until FROM ${names.q}.runs r WHERE r.id = $1`
          const [row] = yield* during("find a run")(sql.unsafe<WatchedRow>(text, [id]))
          return row === undefined ? yield* new RunNotFound({ runId: id }) : yield* Effect.fromResult(watched(row))
        }),
        page: Effect.fnUntraced(function* (query) {
          const limit = whole(query.limit, PAGE_MOST)
          const { text, values } = pageStatement(names, query, limit, whole(query.lookThrough, LOOK_MOST))
          const rows = yield* during("read a page of runs")(sql.unsafe<PageRow>(text, values))
          return pageOf(rows, limit, query.at._tag === "NewerThan")
        }),
        active: Effect.fnUntraced(function* (scope, most) {
          const limit = whole(most, LOOK_MOST)
          const { text, values } = activeStatement(names, scope, limit)
          const [row] = yield* during("count active runs")(
            sql.unsafe<Omit<ActiveCounts, "isAtLeast"> & { readonly looked_at: number }>(text, values)
          )
          if (row === undefined) return { queued: 0, held: 0, running: 0, isAtLeast: false }
          const { queued, held, running, looked_at } = row
          return { queued, held, running, isAtLeast: looked_at >= limit }
        }),
        ends: Effect.fnUntraced(function* (query) {
          const stretchMillis = whole(query.stretchMillis, Number.MAX_SAFE_INTEGER)
          const asked = { ...query, stretchMillis }
          const { text, values } = endsStatement(names, asked, whole(query.lookThrough, LOOK_MOST))
          const rows = yield* during("count how runs ended")(sql.unsafe<EndRow>(text, values))
          const cutAt = rows[0]?.cut_at ?? null
          return {
            sinceMillis: cutAt === null ? query.sinceMillis : cutAt.getTime() + 1,
            counts: rows.flatMap(endOf)
          }
        })
      })
    )
  )
