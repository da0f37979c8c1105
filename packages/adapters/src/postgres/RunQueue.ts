/** `RunQueue`: the run table itself. */
import {
  type Counter,
  counterKeyOf,
  isCompleted,
  laneKeyOf,
  type Notice,
  noticeOf,
  type RunId,
  RunQueue,
  type RunUnreadable,
  type StoreUnavailable
} from "@countersign/domain"
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { arraysOf, type Column, cellsOf, column, fromArrays, namesOf } from "./Cells.ts"
import {
  type ClaimRow,
  claimParameters,
  fairStatement,
  oldestStatement,
  readClaim,
  unpaused,
  waitingStatement
} from "./claim.ts"
import { noticeColumns } from "./columns.ts"
import { makeFrontMark } from "./FrontMark.ts"
import { OFFERED_AT_ONCE, offeringStatement } from "./offering.ts"
import { QUEUED_COLUMNS, type QueuedRow, RUN_COLUMNS, type RunRow, readQueued, readRun } from "./RunRow.ts"
import { isRunId } from "./readCells.ts"
import { readPage } from "./readRows.ts"
import type { Names } from "./SchemaName.ts"
import { during } from "./troubles.ts"
import { makeWakes } from "./wakes.ts"
import { idsOf } from "./write.ts"

/** Where the first fair claim of a program begins. */
const BEFORE_EVERY_LANE = "-9223372036854775808"

/**
 * Ends what cannot be read. Only what the row says in plain columns is repeated in the audit record; its payload and context may
 * be the very thing that is wrong.
 */
const quarantining = ({ q }: Names) => `WITH ended AS (
  UPDATE ${q}.runs AS r SET status = 'completed', outcome = 'failed', completed_at = $3, lease_holder = NULL,
    lease_until = NULL, held = NULL, held_epoch = NULL, result = NULL, context = NULL, counts = '{}',
    failure_summary = jsonb_build_array(jsonb_build_object('code', 'run.unreadable', 'message',
      'The stored run could not be read: ' || u.problem))
  FROM unnest($1::uuid[], $2::text[]) AS u(id, problem)
  WHERE r.id = u.id AND r.status <> 'completed'
  RETURNING r.*
), audited AS (
  INSERT INTO ${q}.audit_records (run_id, occurred_at, action, outcome, workspace_id, tenant_id, operation_type,
    actor_kind, actor_id, actor_name, attempt, admission, code)
  SELECT id, $3, 'run.failed', 'failed', workspace_id, tenant_id, operation_type, 'system', NULL,
    NULL, attempt, admission, 'run.unreadable' FROM ended
)
SELECT ${RUN_COLUMNS} FROM ended r`

const counterColumns: ReadonlyArray<Column<Counter>> = [
  column("key", "text", counterKeyOf),
  column("operation_type", "text", (counter) =>
    counter._tag === "Operation" ? counter.operationType : counter.lane.operationType
  ),
  column("lane", "text", (counter) => (counter._tag === "Operation" ? null : laneKeyOf(counter.lane)))
]

const announcing = ({ q }: Names) => `INSERT INTO ${q}.notices (${namesOf(noticeColumns)}, due_at)
SELECT ${cellsOf(noticeColumns, "n")}, n.completed_at FROM ${fromArrays(noticeColumns, 1, "n")}`

/** The notices of runs that can be read now that they are ended; the others have nobody that could be told. */
const noticesOf = (rows: ReadonlyArray<RunRow>): ReadonlyArray<Notice> =>
  readPage(rows, readRun).runs.flatMap((run) => (isCompleted(run) ? (noticeOf(run) ?? []) : []))

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
        quarantine: (unreadable: ReadonlyArray<RunUnreadable>, nowMillis) =>
          Effect.gen(function* () {
            const ids = idsOf(unreadable.map(({ runId }) => runId))
            const problems = unreadable.map(({ problem }) => problem)
            const rows = yield* sql.unsafe<RunRow>(quarantining(names), [ids, problems, new Date(nowMillis)])
            const notices = noticesOf(rows)
            if (notices.length > 0) yield* sql.unsafe(announcing(names), arraysOf(noticeColumns, notices))
          }).pipe(sql.withTransaction, during("set unreadable runs aside")),
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
