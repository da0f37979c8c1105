/**
 * The statements of `RunBoard`. Each looks at a bounded number of rows, along an index, and filters what it looks at: what it costs
 * does not grow with the table, nor with how rare that is which is looked for.
 */
import {
  type BoardFilter,
  type BoardQuery,
  type BoardScope,
  type EndsQuery,
  RECONCILED_CODES
} from "@countersign/domain"
import { arrayOf } from "./Cells.ts"
import { RUN_COLUMNS } from "./RunRow.ts"
import type { Names } from "./SchemaName.ts"

/** A statement and its parameters. */
export interface Statement {
  readonly text: string
  readonly values: ReadonlyArray<unknown>
}

/** Numbers the parameters in the order in which they are bound. */
const makeParameters = () => {
  const values: Array<unknown> = []
  const bind = (value: unknown): string => `$${values.push(value)}`
  return { values, bind }
}
type Bind = ReturnType<typeof makeParameters>["bind"]

const QUEUED = "r.status = 'queued'"
const RUNNING = "r.status = 'running'"
const HELD = "r.status = 'queued' AND r.held IS NOT NULL"
const COMPLETED = "r.status = 'completed'"

const literal = (word: string): string => `'${word.replaceAll("'", "''")}'`

/**
 * Where to look: the smallest parts of the table, each in the order of an index, that hold everything the filter lets pass. Statuses
 * and outcomes stand there as literals: with a parameter the planner could not choose a partial index.
 */
const sourcesOf = (filter: BoardFilter, bind: Bind): ReadonlyArray<string> => {
  const { status, outcome, freshness, tenantId } = filter
  if (filter.reason !== undefined) return ["r.outcome = 'blocked'", HELD]
  if (filter.held === true) return [HELD]
  if (outcome === "pending") return [QUEUED, RUNNING]
  if (outcome !== undefined && outcome !== "succeeded") return [`r.outcome = ${literal(outcome)}`]
  if (freshness === "reconciled_failed") return ["r.outcome = 'failed'"]
  if (status === "queued") return [QUEUED]
  if (status === "running") return [RUNNING]
  if (freshness === "likely_stale" || freshness === "fresh_active") return [QUEUED, RUNNING]
  const ended = tenantId === undefined ? COMPLETED : `${COMPLETED} AND r.tenant_id = ${bind(tenantId)}`
  return outcome === "succeeded" || status === "completed" || freshness === "terminal_normal"
    ? [ended]
    : [ended, QUEUED, RUNNING]
}

/**
 * Whether a run is about what the viewer may see. A list of tenants is looked up in a hash: an array in a parameter would be gone
 * through for each row, and a viewer may be entitled to thousands.
 */
const inScope = ({ tenants, operationTypes }: Pick<BoardScope, "tenants" | "operationTypes">, bind: Bind): string =>
  [
    `(r.tenant_id IS NULL OR r.tenant_id IN (SELECT unnest(${bind(arrayOf("text", tenants))})))`,
    ...(operationTypes === null ? [] : [`r.operation_type = ANY (${bind(arrayOf("text", operationTypes))})`])
  ].join(" AND ")

const RECONCILED = `(r.outcome = 'failed' AND r.failure_summary->0->>'code' IN (${RECONCILED_CODES.map(literal).join(", ")}))`

/** Says of a row what `freshnessOf` says of its run; a law compares them. */
const freshnessIs = (freshness: BoardFilter["freshness"], nowMillis: number, bind: Bind): ReadonlyArray<string> => {
  if (freshness === undefined) return []
  if (freshness === "reconciled_failed") return [RECONCILED]
  if (freshness === "terminal_normal") return [`${COMPLETED} AND NOT ${RECONCILED}`]
  const now = bind(new Date(nowMillis))
  const since = "CASE WHEN r.held IS NULL THEN least(r.available_at, r.expires_at) ELSE r.expires_at END"
  // Half of the time from `since` to the end is over once what is left is no more than what has passed.
  const isStale = `CASE r.status WHEN 'queued' THEN r.expires_at - ${now}::timestamptz <= ${now}::timestamptz - ${since}
    ELSE r.lease_until IS NULL OR r.lease_until < ${now}::timestamptz END`
  return [`r.status <> 'completed' AND ${freshness === "likely_stale" ? isStale : `NOT (${isStale})`}`]
}

const conditionsOf = ({ filter, nowMillis }: BoardQuery, bind: Bind): ReadonlyArray<string> => [
  ...(filter.status === undefined ? [] : [`r.status = ${literal(filter.status)}`]),
  ...(filter.outcome === undefined ? [] : [`r.outcome = ${literal(filter.outcome)}`]),
  ...(filter.held === undefined ? [] : [`r.held IS ${filter.held ? "NOT NULL" : "NULL"}`]),
  ...(filter.operationType === undefined ? [] : [`r.operation_type = ${bind(filter.operationType)}`]),
  ...(filter.tenantId === undefined ? [] : [`r.tenant_id = ${bind(filter.tenantId)}`]),
  ...(filter.reason === undefined
    ? []
    : [`${bind(filter.reason)} IN (r.context->>'reason_code', r.held->'failure'->>'code')`]),
  ...freshnessIs(filter.freshness, nowMillis, bind)
]

const boundsOf = ({ filter: { ids }, at }: BoardQuery, bind: Bind): ReadonlyArray<string> => [
  ...(ids === undefined ? [] : [`r.id >= ${bind(ids.from)}`, `r.id <= ${bind(ids.to)}`]),
  ...(at._tag === "OlderThan" ? [`r.id < ${bind(at.id)}`] : []),
  ...(at._tag === "NewerThan" ? [`r.id > ${bind(at.id)}`] : [])
]

/**
 * One page and one run more, in the direction of reading; `stop_id` is on every row, and on one without a run when there is none:
 * the last run that was looked at where not all could be looked at, and nothing beyond it is given.
 */
export const pageStatement = ({ q }: Names, query: BoardQuery, limit: number, lookThrough: number): Statement => {
  const { values, bind } = makeParameters()
  const direction = query.at._tag === "NewerThan" ? "ASC" : "DESC"
  const within = [`r.workspace_id = ${bind(query.scope.workspaceId)}`, ...boundsOf(query, bind)].join(" AND ")
  const source = (condition: string) => `FROM ${q}.runs r WHERE ${within} AND ${condition}`
  const inOrder = `ORDER BY r.id ${direction}`
  const sources = sourcesOf(query.filter, bind)
  const passing = [inScope(query.scope, bind), ...conditionsOf(query, bind)].join(" AND ")
  const ends = sources.map((one) => `(SELECT r.id ${source(one)} ${inOrder} OFFSET ${lookThrough - 1} LIMIT 1)`)
  const isWithin =
    direction === "ASC"
      ? "r.id <= coalesce((SELECT id FROM stop), 'ffffffff-ffff-ffff-ffff-ffffffffffff')"
      : "r.id >= coalesce((SELECT id FROM stop), '00000000-0000-0000-0000-000000000000')"
  // Each part is bounded before it is filtered, so that it is read in the order of its index and no further than it has to be.
  const found = sources.map(
    (one) => `(SELECT r.* FROM (SELECT r.* ${source(`${one} AND ${isWithin}`)} ${inOrder} LIMIT ${lookThrough}) r
    WHERE ${passing} ${inOrder} LIMIT ${limit + 1})`
  )
  const text = `WITH stop AS MATERIALIZED (
  SELECT e.id FROM (${ends.join(" UNION ALL ")}) e ORDER BY e.id ${direction} LIMIT 1
)
SELECT (SELECT id FROM stop) AS stop_id, page.* FROM (VALUES (1)) one LEFT JOIN LATERAL (
  SELECT ${RUN_COLUMNS}, r.lease_until FROM (${found.join(" UNION ALL ")}) r
  ${inOrder} LIMIT ${limit + 1}
) page ON true`
  return { text, values }
}

/** Counts of what is under way; `looked_at` tells whether there may be more. */
export const activeStatement = ({ q }: Names, scope: BoardScope, most: number): Statement => {
  const { values, bind } = makeParameters()
  const workspace = bind(scope.workspaceId)
  const passing = inScope(scope, bind)
  const some = (source: string) =>
    `(SELECT r.status, r.held, r.tenant_id, r.operation_type FROM ${q}.runs r
    WHERE r.workspace_id = ${workspace} AND ${source} LIMIT ${most})`
  const text = `SELECT count(*) FILTER (WHERE ${QUEUED} AND ${passing})::integer AS queued,
  count(*) FILTER (WHERE ${HELD} AND ${passing})::integer AS held,
  count(*) FILTER (WHERE ${RUNNING} AND ${passing})::integer AS running,
  greatest(count(*) FILTER (WHERE ${QUEUED}), count(*) FILTER (WHERE ${RUNNING}))::integer AS looked_at
FROM (${some(QUEUED)} UNION ALL ${some(RUNNING)}) r`
  return { text, values }
}

/** Counts of the latest ends; `cut_at` is the earliest of them where not all could be looked at. */
export const endsStatement = ({ q }: Names, query: EndsQuery, lookThrough: number): Statement => {
  const { values, bind } = makeParameters()
  const within = `r.workspace_id = ${bind(query.scope.workspaceId)} AND r.completed_at >= ${bind(new Date(query.sinceMillis))}`
  const passing = inScope(query.scope, bind)
  const text = `WITH ended AS MATERIALIZED (
  SELECT r.completed_at, r.outcome, r.tenant_id, r.operation_type,
    CASE r.outcome WHEN 'blocked' THEN r.context->>'reason_code' END AS reason
  FROM ${q}.runs r WHERE ${COMPLETED} AND ${within} ORDER BY r.completed_at DESC LIMIT ${lookThrough}
), cut AS (
  SELECT min(completed_at) AS at FROM ended HAVING count(*) = ${lookThrough}
)
SELECT (SELECT at FROM cut) AS cut_at, counted.* FROM (VALUES (1)) one LEFT JOIN LATERAL (
  SELECT date_bin('${query.stretchMillis} milliseconds', r.completed_at, '1970-01-01 00:00:00+00') AS stretch, r.outcome, r.reason,
    count(*)::integer AS count
  FROM ended r WHERE ${passing} AND r.completed_at > coalesce((SELECT at FROM cut), '-infinity')
  GROUP BY 1, 2, 3
) counted ON true`
  return { text, values }
}
