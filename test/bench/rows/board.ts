/** Row 10: what a page of Monitoring asks of the database when a workspace has a million runs. */
import { layerPostgres, layerPostgresClient, migrate } from "@countersign/adapters"
import { type BoardFilter, type BoardScope, OperationType, RunBoard, TenantId, WorkspaceId } from "@countersign/domain"
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Redacted } from "effect"
import type { Case, Row } from "../harness/Row.ts"
import { quantile } from "../harness/statistics.ts"
import { clientOf, freshDatabase } from "../stores/server.ts"

const TENANTS = 1_000
const HOUR_MILLIS = 60 * 60 * 1000
const LIMIT = 50
const LOOK_THROUGH = 10_000
/** As `Monitoring` asks for them. */
const MOST = 1_000
const ENDS = 5_000

const scope: BoardScope = {
  workspaceId: WorkspaceId.make("north"),
  tenants: Array.from({ length: TENANTS }, (_, at) => TenantId.make(`tenant-${at}`)),
  operationTypes: null
}

const LEGITIMACY = `jsonb_build_object('operation_type', 'sync', 'authority_mode', 'actor_bound', 'allowed', false, 'retryable', false,
  'reason_code', 'missing_capability', 'denial_class', 'capability_denied',
  'initiator', jsonb_build_object('identity_type', 'user', 'user_id', 'u'),
  'target_scope', jsonb_build_object('workspace_id', 'north', 'tenant_id', 'tenant-' || n % ${TENANTS}, 'provider_connection_id', null),
  'checks', jsonb_build_object('workspace_scope', 'passed', 'tenant_scope', 'passed', 'capability', 'failed',
    'tenant_operability', 'not_applicable', 'execution_prerequisites', 'not_applicable'))`

/** A run a second: nine in ten succeeded, one in twenty was blocked, the newest ten thousand wait. */
const seed = (
  runs: number,
  nowMillis: number
) => `INSERT INTO countersign.runs (id, workspace_id, tenant_id, operation_type,
  authority_mode, initiator_id, initiator_name, actor_kind, payload, identity, max_attempts, status, outcome, attempt, admission,
  dispatched_at, expires_at, available_at, started_at, completed_at, counts, context, failure_summary)
SELECT (substr(time, 1, 8) || '-' || substr(time, 9, 4) || '-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'north',
  'tenant-' || n % ${TENANTS}, 'sync', 'actor_bound', 'u', 'Ada', 'human', '{}', n::text, 3, status, outcome, 1, 1, at,
  at + interval '30 days', at, CASE WHEN status = 'completed' AND outcome <> 'blocked' THEN at END,
  CASE WHEN status = 'completed' THEN at + interval '2 seconds' END, '{}',
  CASE outcome WHEN 'blocked' THEN jsonb_build_object('blocked_by', 'queued_execution_legitimacy', 'reason_code',
    'missing_capability', 'execution_legitimacy', ${LEGITIMACY}, 'detail_code', 'not_held', 'detail_about', null, 'next_steps', '["Ask."]'::jsonb)
    WHEN 'cancelled' THEN '{"cancelled_by": {"kind": "human", "id": null}}' END,
  CASE WHEN outcome IN ('blocked', 'failed') THEN '[{"code": "x", "message": "It did not work."}]'::jsonb END
FROM (SELECT n, at, lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') AS time, status,
    CASE WHEN status = 'queued' THEN 'pending' WHEN n % 20 = 1 THEN 'blocked' WHEN n % 50 = 2 THEN 'failed'
      WHEN n % 10000 = 3 THEN 'cancelled' ELSE 'succeeded' END AS outcome
  FROM (SELECT n, to_timestamp(${nowMillis / 1000} - ${runs} + n) AS at,
    CASE WHEN n > ${runs - 10_000} THEN 'queued' ELSE 'completed' END AS status FROM generate_series(1, ${runs}) n) numbered) told`

const filters: Readonly<Record<string, BoardFilter>> = {
  "all runs": {},
  blocked: { outcome: "blocked" },
  "cancelled, one in ten thousand": { outcome: "cancelled" },
  "one tenant of a thousand": { tenantId: TenantId.make("tenant-7") },
  "one reason": { reason: "missing_capability" },
  "likely stale": { freshness: "likely_stale" },
  "an operation nobody dispatched": { operationType: OperationType.make("nobody's") }
}

const SAMPLES = 20

const timed = (what: Effect.Effect<unknown, unknown, RunBoard>) =>
  Effect.gen(function* () {
    const times: Array<number> = []
    for (let at = 0; at < SAMPLES; at++) {
      const began = performance.now()
      yield* what
      times.push(performance.now() - began)
    }
    return times
  })

/** Fills a database of its own with so many runs of one workspace. */
export const boardRow = Effect.fnUntraced(function* (serverUrl: string, runs: number) {
  const url = yield* freshDatabase(serverUrl)
  const sql = yield* clientOf(url, 1)
  const nowMillis = Date.now()
  yield* Effect.gen(function* () {
    yield* migrate()
    yield* sql.unsafe(seed(runs, nowMillis))
    yield* sql.unsafe("VACUUM ANALYZE")
  }).pipe(Effect.provide(PgClient.layerFrom(Effect.succeed(sql))))
  const ports = yield* Layer.build(
    layerPostgres().pipe(Layer.provide(layerPostgresClient({ url: Redacted.make(url), maxConnections: 1 })))
  )
  const board = Context.get(ports, RunBoard)
  const newest = (filter: BoardFilter) =>
    board.page({ scope, filter, nowMillis, at: { _tag: "Newest" }, limit: LIMIT, lookThrough: LOOK_THROUGH })
  const asked: Readonly<Record<string, Effect.Effect<unknown, unknown>>> = {
    ...Object.fromEntries(Object.entries(filters).map(([name, filter]) => [`page: ${name}`, newest(filter)])),
    "counts of active runs": board.active(scope, MOST),
    "ends of a day, by hour and reason": board.ends({
      scope,
      sinceMillis: nowMillis - 24 * HOUR_MILLIS,
      stretchMillis: HOUR_MILLIS,
      lookThrough: ENDS
    })
  }
  const cases = Object.entries(asked).map(
    ([line, what]): Case => ({
      name: line,
      measure: () =>
        Effect.map(timed(what), (times) => [
          { line, column: "p50", value: quantile(times, 0.5) },
          { line, column: "p95", value: quantile(times, 0.95) }
        ]).pipe(Effect.provide(ports))
    })
  )
  const row: Row = {
    key: "board",
    title: "A. Monitoring, what a page asks",
    unit: "milliseconds",
    remark: `PostgreSQL, 1 connection; one workspace with ${runs.toLocaleString("en")} runs of ${TENANTS.toLocaleString("en")} tenants, all of which the viewer may see. From the call of the port to its answer, ${SAMPLES} times a round. A list page asks for one page, the counts and the ends; a run's page for none of them.`,
    cases
  }
  return row
})
