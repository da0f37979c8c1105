/** `RunQueue`: the run table itself. */
import { type Counter, counterKeyOf, laneKeyOf, type RunId, RunQueue, type StoreUnavailable } from "@countersign/domain"
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { arraysOf, type Column, column } from "./Cells.ts"
import {
  type ClaimRow,
  claimParameters,
  fairStatement,
  oldestStatement,
  readClaim,
  unpaused,
  waitingStatement
} from "./claim.ts"
import { makeFrontMark } from "./FrontMark.ts"
import { OFFERED_AT_ONCE, offeringStatement } from "./offering.ts"
import { makeQuarantine } from "./quarantine.ts"
import { QUEUED_COLUMNS, type QueuedRow, readQueued } from "./RunRow.ts"
import { isRunId } from "./readCells.ts"
import { readPage } from "./readRows.ts"
import type { Names } from "./SchemaName.ts"
import { during } from "./troubles.ts"
import { makeWakes } from "./wakes.ts"
import { idsOf } from "./write.ts"

/** Where the first fair claim of a program begins. */
const BEFORE_EVERY_LANE = "-9223372036854775808"

const counterColumns: ReadonlyArray<Column<Counter>> = [
  column("key", "text", counterKeyOf),
  column("operation_type", "text", (counter) =>
    counter._tag === "Operation" ? counter.operationType : counter.lane.operationType
  ),
  column("lane", "text", (counter) => (counter._tag === "Operation" ? null : laneKeyOf(counter.lane)))
]

/** Claims are held by row locks, until the transaction ends. */
export const layerRunQueue = (names: Names): Layer.Layer<RunQueue, never, SqlClient.SqlClient | PgClient.PgClient> =>
  Layer.effect(
    RunQueue,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const wakes = makeWakes(yield* PgClient.PgClient, names)
      const { q } = names
      // Where the last fair claim of this program ended: each program goes round on its own.
      let endedIn = BEFORE_EVERY_LANE
      const front = makeFrontMark()
      const offering = offeringStatement(names)
      const offered = (nowMillis: number): Effect.Effect<number, StoreUnavailable> =>
        Effect.gen(function* () {
          const [row] = yield* during("offer held runs again")(
            sql.unsafe<{ readonly touched: number; readonly offered: number }>(offering, [new Date(nowMillis)])
          )
          if (row === undefined) return 0
          return row.touched < OFFERED_AT_ONCE ? row.offered : row.offered + (yield* offered(nowMillis))
        })
      return RunQueue.of({
        holdNext: Effect.fnUntraced(function* (claim) {
          const parameters = claimParameters(claim)
          const answer = yield* during("claim queued runs")(
            claim.order === "oldest"
              ? sql.unsafe<ClaimRow>(oldestStatement(names, claim.limit), [...parameters, ...front.oldest(claim)])
              : sql.unsafe<ClaimRow>(fairStatement(names, claim.limit), [...parameters, endedIn, ...front.fair(claim)])
          )
          const read = readClaim(answer, claim.limit)
          endedIn = read.endedIn ?? endedIn
          front.learn(claim, read)
          return { ...readPage(read.rows, readQueued), mayHaveMore: read.mayHaveMore }
        }),
        holdThese: Effect.fnUntraced(function* (ids: ReadonlyArray<RunId>) {
          const text = `SELECT ${QUEUED_COLUMNS} FROM ${q}.runs r WHERE r.id = ANY ($1::uuid[]) AND r.status = 'queued'
  AND ${unpaused(q, "r")} ORDER BY r.id FOR UPDATE SKIP LOCKED`
          return readPage(yield* during("claim delivered runs")(sql.unsafe<QueuedRow>(text, [idsOf(ids)])), readQueued)
        }),
        takeCounters: Effect.fnUntraced(function* (counters: ReadonlyArray<Counter>) {
          if (counters.length === 0) return new Map()
          const rows = yield* during("count running runs")(
            sql.unsafe<{ readonly key: string; readonly running: number }>(
              `SELECT key, running FROM ${q}.take_counters($1::text[], $2::text[], $3::text[])`,
              arraysOf(counterColumns, counters)
            )
          )
          return new Map(rows.map(({ key, running }) => [key, running]))
        }),
        postpone: (ids, untilMillis) =>
          Effect.asVoid(
            during("postpone runs")(
              sql.unsafe(`UPDATE ${q}.runs SET available_at = $2 WHERE id = ANY ($1::uuid[]) AND status = 'queued'`, [
                idsOf(ids),
                new Date(untilMillis)
              ])
            )
          ),
        offerHeldAgain: offered,
        waitingSince: (availableAtMillis, operationTypes, limit) =>
          Effect.map(
            during("look for runs that wait")(
              sql.unsafe<{ readonly id: string }>(waitingStatement(names, limit), [
                new Date(availableAtMillis),
                operationTypes
              ])
            ),
            (rows) => rows.map(({ id }) => id).filter(isRunId)
          ),
        quarantine: makeQuarantine(names, sql),
        wakes,
        countActive: (operationTypes) =>
          Effect.map(
            during("count active runs")(
              sql.unsafe<{ readonly active: number }>(
                `SELECT count(*)::integer AS active FROM ${q}.runs r
WHERE r.status <> 'completed' AND r.operation_type = ANY ($1::text[])
  AND (r.status = 'running' OR (${unpaused(q, "r")}))`,
                [operationTypes]
              )
            ),
            (rows) => rows[0]?.active ?? 0
          )
      })
    })
  )
