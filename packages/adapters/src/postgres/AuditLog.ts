/** `AuditLog` over `audit_records`, `decisions` and `snapshots`. */
import { type AuditFilter, AuditLog, type AuditPage, RecordUnreadable, type RunId } from "@countersign/domain"
import { Effect, Layer, Result, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { auditRecords } from "./AuditEntry.ts"
import { type AuditRow, readAuditRow } from "./AuditRow.ts"
import { CONTENT, checkDecisionRow, type DecisionRow, readDecisionRow } from "./DecisionRow.ts"
import { limited } from "./limits.ts"
import type { Names } from "./SchemaName.ts"
import { during } from "./troubles.ts"

/**
 * How many numbers one reading looks through. The index of the audit record says which blocks hold them: however long the record
 * is and however little of it fits, a page costs about the same.
 */
const SPAN = 20_000

/** The numbers that one reading looks through: more than `above`, up to and including `upTo`. */
interface Span {
  readonly above: number
  readonly upTo: number
}

const conditionsOf = (filter: AuditFilter): ReadonlyArray<readonly [condition: string, value: unknown]> =>
  [
    ["workspace_id =", filter.workspaceId],
    ["run_id =", filter.runId],
    ["action =", filter.action],
    ["outcome =", filter.outcome],
    ["occurred_at >=", dateOf(filter.fromMillis)],
    ["occurred_at <", dateOf(filter.beforeMillis)]
  ].flatMap(([condition, value]) => (value === undefined ? [] : [[String(condition), value] as const]))

const dateOf = (millis: number | undefined) => (millis === undefined ? undefined : new Date(millis))

/** A run's records are few and found by its id: all of them are one span. */
const spanOf = ({ order, after, runId }: AuditFilter, last: number): Span => {
  const length = runId === undefined ? SPAN : Number.MAX_SAFE_INTEGER
  if (order === "oldest_first") return { above: after ?? 0, upTo: Math.min(last, (after ?? 0) + length) }
  const upTo = after === undefined ? last : Math.min(last, after - 1)
  return { above: Math.max(0, upTo - length), upTo }
}

/** As many rows as a reading gives at most: whoever asks for more is told where to go on. */
const limitOf = (limit: number): number => Number(limited(limit))

const nextOf = ({ order, limit }: AuditFilter, { above, upTo }: Span, last: number, rows: ReadonlyArray<AuditRow>) => {
  if (rows.length >= limitOf(limit)) return Number(rows.at(-1)?.id)
  if (order === "oldest_first") return upTo < last ? upTo : null
  return above > 0 ? above + 1 : null
}

/** What has an id no greater than 2^53 is exact as a number; at 100,000 records a second that takes 2,800 years. */
const Last = Schema.Tuple([Schema.Struct({ last: Schema.Int })])

/** A record that cannot be read was altered past its triggers: a defect where a run is asked about, reported in pages. */
export const layerAuditLog = (names: Names): Layer.Layer<AuditLog, never, SqlClient.SqlClient> =>
  Layer.effect(
    AuditLog,
    Effect.map(SqlClient.SqlClient, (sql) => {
      const { q } = names
      const records = `SELECT * FROM ${auditRecords(names, () => "run_id = $1")} ORDER BY id`
      const decisions = `SELECT d.*, ${CONTENT} FROM ${q}.decisions d
JOIN ${q}.snapshots s ON s.hash = d.snapshot_hash WHERE d.run_id = $1 ORDER BY d.number`
      const lastNumber = `SELECT coalesce(pg_sequence_last_value(
  pg_get_serial_sequence('${q}.audit_records', 'id')::regclass), 0)::float8 AS last`
      const decisionsFrom = (limit: number) => `SELECT d.*, ${CONTENT} FROM ${q}.decisions d
LEFT JOIN ${q}.snapshots s ON s.hash = d.snapshot_hash
WHERE (d.run_id, d.id) > ($1::uuid, $2::uuid) ORDER BY d.run_id, d.id LIMIT ${limited(limit)}`

      const last = Effect.fnUntraced(function* () {
        const rows = yield* during("read how long the audit record is")(sql.unsafe(lastNumber))
        return (yield* Effect.orDie(Schema.decodeUnknownEffect(Last)(rows)))[0].last
      })

      const rowsIn = ({ above, upTo }: Span, filter: AuditFilter) => {
        const conditions = conditionsOf(filter)
        const where = conditions.map(([condition], at) => `${condition} $${at + 3}`)
        const records = auditRecords(names, (less) => `id > $1::bigint + ${less} AND id <= $2::bigint + ${less}`)
        const direction = filter.order === "oldest_first" ? "" : " DESC"
        return during("read the audit record")(
          sql.unsafe<AuditRow>(
            `SELECT * FROM ${records} ${where.length === 0 ? "" : `WHERE ${where.join(" AND ")}`}
ORDER BY id${direction} LIMIT ${limited(filter.limit)}`,
            [BigInt(above), BigInt(upTo), ...conditions.map(([, value]) => value)]
          )
        )
      }

      const page = Effect.fnUntraced(function* (filter: AuditFilter) {
        const end = yield* last()
        const span = spanOf(filter, end)
        const rows = yield* rowsIn(span, filter)
        const read = yield* Effect.forEach(rows, (row) =>
          Effect.map(Effect.result(readAuditRow(row)), (result) => ({ position: Number(row.id), result }))
        )
        return {
          records: read.flatMap(({ position, result }) =>
            Result.isSuccess(result) ? [{ position, record: result.success }] : []
          ),
          unreadable: read.flatMap(({ position, result }) =>
            Result.isFailure(result)
              ? [new RecordUnreadable({ position, problem: result.failure.message.split("\n").join(" ") })]
              : []
          ),
          next: nextOf(filter, span, end, rows)
        } satisfies AuditPage
      })

      return AuditLog.of({
        recordsOf: Effect.fnUntraced(function* (id: RunId) {
          const rows = yield* during("read the audit record")(sql.unsafe<AuditRow>(records, [id]))
          return yield* Effect.orDie(Effect.forEach(rows, readAuditRow))
        }),
        decisionsOf: Effect.fnUntraced(function* (id: RunId) {
          const rows = yield* during("read decisions")(sql.unsafe<DecisionRow>(decisions, [id]))
          return yield* Effect.orDie(Effect.forEach(rows, readDecisionRow))
        }),
        page,
        decisionsAfter: Effect.fnUntraced(function* (after, limit) {
          const values = after === null ? [LEAST, LEAST] : [after.runId, after.decisionId]
          const rows = yield* during("read decisions")(sql.unsafe<DecisionRow>(decisionsFrom(limit), values))
          const end = rows.at(-1)
          return {
            decisions: yield* Effect.forEach(rows, checkDecisionRow),
            next: end === undefined || rows.length < limitOf(limit) ? null : { runId: end.run_id, decisionId: end.id }
          }
        })
      })
    })
  )

/** A UUID before every other one. */
const LEAST = "00000000-0000-0000-0000-000000000000"
