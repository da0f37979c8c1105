/** `RunQueue`: the run table itself. */
import {
  type Claim,
  isCompleted,
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
import { arraysOf, cellsOf, fromArrays, namesOf } from "./Cells.ts"
import { noticeColumns } from "./columns.ts"
import { limited } from "./limits.ts"
import { OFFERED_AT_ONCE, offeringStatement } from "./offering.ts"
import { RUN_COLUMNS, type RunRow, readPage, readQueued, readRun } from "./RunRow.ts"
import type { Names } from "./SchemaName.ts"
import { during } from "./troubles.ts"
import { makeWakes } from "./wakes.ts"
import { idsOf } from "./write.ts"

/**
 * The claim, of a limit and with or without workspaces to pass over; parameters: now, types, workspaces.
 *
 * In the order of the index, by when they may be taken: runs that are to wait lie behind its end and are never walked over.
 * What is claimed together is then given by id.
 */
export const claimStatement = ({ q }: Names, { limit, passOver }: Claim) => `SELECT ${RUN_COLUMNS} FROM ${q}.runs r
WHERE r.status = 'queued' AND r.available_at <= $1 AND r.operation_type = ANY ($2::text[])
${passOver.length === 0 ? "" : "AND r.workspace_id <> ALL ($3::text[])"}
ORDER BY r.available_at, r.id LIMIT ${limited(limit)} FOR UPDATE SKIP LOCKED`

const byId = (a: RunRow, b: RunRow) => (a.id < b.id ? -1 : 1)

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
  SELECT id, $3, 'run.failed', 'failed', workspace_id, tenant_id, operation_type, actor_kind, initiator_id,
    initiator_name, attempt, admission, 'run.unreadable' FROM ended
)
SELECT ${RUN_COLUMNS} FROM ended r`

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
          const { operationTypes, nowMillis, passOver } = claim
          const now = new Date(nowMillis)
          const values = passOver.length === 0 ? [now, operationTypes] : [now, operationTypes, passOver]
          const rows = yield* during("claim queued runs")(sql.unsafe<RunRow>(claimStatement(names, claim), values))
          return readPage(rows.toSorted(byId), readQueued)
        }),
        holdThese: Effect.fnUntraced(function* (ids: ReadonlyArray<RunId>) {
          const text = `SELECT ${RUN_COLUMNS} FROM ${q}.runs r WHERE r.id = ANY ($1::uuid[]) AND r.status = 'queued'
ORDER BY r.id FOR UPDATE SKIP LOCKED`
          return readPage(yield* during("claim delivered runs")(sql.unsafe<RunRow>(text, [idsOf(ids)])), readQueued)
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
WHERE r.status <> 'completed' AND r.operation_type = ANY ($1::text[])`,
                [operationTypes]
              )
            ),
            (rows) => rows[0]?.active ?? 0
          )
      })
    })
  )
