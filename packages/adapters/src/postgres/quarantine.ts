/** Setting stored runs aside that make no sense: each is ended, audited, and told of as far as its row can be read. */
import {
  AuthorityMode,
  type EventSubject,
  eventOfFailure,
  isCompleted,
  type Notice,
  noticeOf,
  RUN_UNREADABLE,
  type RunUnreadable,
  ScheduleId,
  type StoreUnavailable,
  unreadableFailure,
  type WorkspaceEvent
} from "@countersign/domain"
import { Effect, Schema } from "effect"
import type { SqlClient } from "effect/sql"
import { arrayOf, arraysOf, cellsOf, fromArrays, namesOf } from "./Cells.ts"
import { eventColumns, noticeColumns, notingAll } from "./columns.ts"
import { RUN_COLUMNS, type RunRow, readRun } from "./RunRow.ts"
import { isRunId, operationTypeOf, tenantOf, workspaceOf } from "./readCells.ts"
import { readPage } from "./readRows.ts"
import type { Names } from "./SchemaName.ts"
import { transacting } from "./transacting.ts"
import { during } from "./troubles.ts"
import { idsOf } from "./write.ts"

/** The row of a run that was just ended, and what its failure says. */
interface EndedRow extends RunRow {
  readonly message: string
}

/**
 * Ends what cannot be read. Only what the row says in plain columns is repeated in the audit record; its payload and context may
 * be the very thing that is wrong.
 */
const ending = ({ q }: Names) => `WITH ended AS (
  UPDATE ${q}.runs AS r SET status = 'completed', outcome = 'failed', completed_at = $3, lease_holder = NULL,
    lease_until = NULL, held = NULL, held_epoch = NULL, result = NULL, context = NULL, counts = '{}',
    failure_summary = jsonb_build_array(jsonb_build_object('code', $4::text, 'message', u.message))
  FROM unnest($1::uuid[], $2::text[]) AS u(id, message)
  WHERE r.id = u.id AND r.status <> 'completed'
  RETURNING r.*, u.message
), audited AS (
  INSERT INTO ${q}.audit_records (run_id, occurred_at, action, outcome, workspace_id, tenant_id, operation_type,
    actor_kind, actor_id, actor_name, attempt, admission, code)
  SELECT id, $3, 'run.failed', 'failed', workspace_id, tenant_id, operation_type, 'system', NULL,
    NULL, attempt, admission, $4::text FROM ended
)
SELECT ${RUN_COLUMNS}, r.message FROM ended r`

/** A row that somebody edited until it waits again may have been told of before. */
const ONCE = "ON CONFLICT DO NOTHING"

const announcing = ({ q }: Names) => `INSERT INTO ${q}.notices (${namesOf(noticeColumns)}, due_at)
SELECT ${cellsOf(noticeColumns, "n")}, n.completed_at FROM ${fromArrays(noticeColumns, 1, "n")} ${ONCE}`

const telling = (names: Names) => `${notingAll(names, fromArrays(eventColumns, 1, "e"))} ${ONCE}`

/** The notices of runs that can be read now that they are ended; the others have nobody that could be told. */
const noticesOf = (rows: ReadonlyArray<RunRow>): ReadonlyArray<Notice> =>
  readPage(rows, readRun).runs.flatMap((run) => (isCompleted(run) ? (noticeOf(run) ?? []) : []))

const isAuthorityMode = Schema.is(AuthorityMode)
const isScheduleId = Schema.is(ScheduleId)

/**
 * Whom a row is about, by its plain columns. A tenant or a schedule that is not a name is left out; without a run, a workspace or an
 * operation that is one there is nothing that a subscriber could make sense of.
 */
const subjectOf = ({ id, authority_mode, ...row }: RunRow): EventSubject | null => {
  const workspaceId = workspaceOf(row.workspace_id)
  const operationType = operationTypeOf(row.operation_type)
  if (!isRunId(id) || workspaceId === null || operationType === null || !isAuthorityMode(authority_mode)) return null
  return {
    run_id: id,
    workspace_id: workspaceId,
    tenant_id: row.tenant_id === null ? null : tenantOf(row.tenant_id),
    operation_type: operationType,
    authority_mode,
    schedule_id: isScheduleId(row.schedule_id) ? row.schedule_id : null
  }
}

const eventsOf = (rows: ReadonlyArray<EndedRow>, nowMillis: number): ReadonlyArray<WorkspaceEvent> =>
  rows.flatMap((row) => {
    const subject = subjectOf(row)
    const failure = { code: RUN_UNREADABLE, message: row.message }
    return subject === null ? [] : [eventOfFailure(subject, row.admission, failure, nowMillis)]
  })

const OPERATION = "set unreadable runs aside"

/** Sets runs aside, all in one transaction with what is told of them; see `RunQueue`. */
export const makeQuarantine =
  (names: Names, sql: SqlClient.SqlClient) =>
  (unreadable: ReadonlyArray<RunUnreadable>, nowMillis: number): Effect.Effect<void, StoreUnavailable> =>
    Effect.gen(function* () {
      const ids = idsOf(unreadable.map(({ runId }) => runId))
      const messages = arrayOf(
        "text",
        unreadable.map(({ problem }) => unreadableFailure(problem).message)
      )
      const rows = yield* sql.unsafe<EndedRow>(ending(names), [ids, messages, new Date(nowMillis), RUN_UNREADABLE])
      const notices = noticesOf(rows)
      if (notices.length > 0) yield* sql.unsafe(announcing(names), arraysOf(noticeColumns, notices))
      const events = eventsOf(rows, nowMillis)
      if (events.length > 0) yield* sql.unsafe(telling(names), arraysOf(eventColumns, events))
    }).pipe(during(OPERATION), transacting(sql, OPERATION))
