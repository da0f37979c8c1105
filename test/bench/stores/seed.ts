/** Fills a database in bulk: the facts of the world, and runs as they are after their dispatch or after their end. */
import { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import {
  ARCHIVED,
  ENTITLED_PER_TENANT,
  OTHER_CAPABILITIES,
  operation,
  ROLES,
  runsInSql,
  TENANTS_PER_WORKSPACE,
  USERS_PER_WORKSPACE
} from "./world.ts"

const Q = "countersign"
const roles = `(ARRAY[${ROLES.map((role) => `'${role}'`).join(", ")}])`
const series = (count: number, name: string) => `generate_series(0, ${count - 1}) AS ${name}`

const factStatements = (workspaces: number): ReadonlyArray<string> => {
  const users = workspaces * USERS_PER_WORKSPACE
  const tenants = workspaces * TENANTS_PER_WORKSPACE
  return [
    `INSERT INTO ${Q}.workspaces (id, open) SELECT 'workspace-' || w, true FROM ${series(workspaces, "w")}`,
    `INSERT INTO ${Q}.users (id, name) SELECT 'user-' || u, 'Ada' FROM ${series(users, "u")}`,
    `INSERT INTO ${Q}.roles (workspace_id, role) SELECT 'workspace-' || w, r FROM ${series(workspaces, "w")}, unnest(${roles}) AS r`,
    `INSERT INTO ${Q}.role_capabilities (workspace_id, role, capability)
      SELECT 'workspace-' || w, r, CASE c WHEN 0 THEN '${operation.type}' ELSE 'bench.other_' || c END
      FROM ${series(workspaces, "w")}, unnest(${roles}) AS r, ${series(OTHER_CAPABILITIES + 1, "c")}`,
    `INSERT INTO ${Q}.memberships (workspace_id, user_id, role)
      SELECT 'workspace-' || u / ${USERS_PER_WORKSPACE}, 'user-' || u, ${roles}[1 + u % ${ROLES.length}] FROM ${series(users, "u")}`,
    `INSERT INTO ${Q}.tenants (id, workspace_id, state) SELECT 'tenant-' || t, 'workspace-' || t / ${TENANTS_PER_WORKSPACE},
      CASE WHEN t % ${TENANTS_PER_WORKSPACE} IN (${ARCHIVED.join(", ")}) THEN 'archived' ELSE 'active' END
      FROM ${series(tenants, "t")}`,
    `INSERT INTO ${Q}.tenant_entitlements (user_id, tenant_id)
      SELECT 'user-' || (t / ${TENANTS_PER_WORKSPACE} * ${USERS_PER_WORKSPACE} + (t * 2 + e) % ${USERS_PER_WORKSPACE}), 'tenant-' || t
      FROM ${series(tenants, "t")}, ${series(ENTITLED_PER_TENANT, "e")}`,
    `INSERT INTO ${Q}.provider_connections (id, workspace_id, tenant_id, enabled, connected)
      SELECT 'connection-' || t, 'workspace-' || t / ${TENANTS_PER_WORKSPACE}, 'tenant-' || t, true, true FROM ${series(tenants, "t")}`,
    `INSERT INTO ${Q}.write_gates (tenant_id, health, checked_at) SELECT 'tenant-' || t, 'ok', now() FROM ${series(tenants, "t")}`
  ]
}

/** The facts of so many workspaces. */
export const seedFacts = Effect.fnUntraced(function* (workspaces: number) {
  const sql = yield* PgClient.PgClient
  for (const statement of factStatements(workspaces)) yield* sql.unsafe(statement)
  yield* sql.unsafe("ANALYZE")
})

interface Numbers {
  readonly from: number
  /** Not included. */
  readonly to: number
  readonly workspaces: number
  readonly atMillis: number
}

const runValues = (
  kind: string
) => `r.id, 'workspace-' || r.workspace, 'tenant-' || r.tenant, 'connection-' || r.tenant,
  '${operation.type}', 'actor_bound', 'user-' || r.person, 'Ada', 'human', jsonb_build_object('n', r.number),
  '${kind}/' || r.number, ${operation.attempts.maxAttempts}`

const expiry = `r.at + interval '${operation.queuedLimitMillis} milliseconds'`

const RUN_COLUMNS = `id, workspace_id, tenant_id, provider_connection_id, operation_type, authority_mode, initiator_id,
  initiator_name, actor_kind, payload, identity, max_attempts`

const auditOf = (
  action: string,
  outcome: string
) => `INSERT INTO ${Q}.audit_records (run_id, occurred_at, action, outcome,
  workspace_id, tenant_id, operation_type, actor_kind, actor_id, actor_name, attempt, admission)
  SELECT r.id, r.at, '${action}', '${outcome}', 'workspace-' || r.workspace, 'tenant-' || r.tenant, '${operation.type}',
    'human', 'user-' || r.person, 'Ada', 1, 1 FROM made r`

/** Runs as their dispatch leaves them, with its audit record. */
export const seedQueued = Effect.fnUntraced(function* ({ from, to, workspaces, atMillis }: Numbers) {
  const sql = yield* PgClient.PgClient
  yield* sql.unsafe(`WITH made AS MATERIALIZED (${runsInSql(from, to, workspaces, atMillis)}), audited AS (
  ${auditOf("run.dispatched", "info")}
) INSERT INTO ${Q}.runs (${RUN_COLUMNS}, status, outcome, attempt, admission, dispatched_at, expires_at, available_at,
  counts)
SELECT ${runValues("queued")}, 'queued', 'pending', 1, 1, r.at, ${expiry}, r.at, '{}' FROM made r`)
})

/** Runs that succeeded, with a decision, its snapshot, four audit records and a delivered notice each. */
export const seedFinished = Effect.fnUntraced(function* ({ from, to, workspaces, atMillis }: Numbers) {
  const sql = yield* PgClient.PgClient
  yield* sql.unsafe(`WITH made AS MATERIALIZED (${runsInSql(from, to, workspaces, atMillis)}),
  a AS (${auditOf("run.dispatched", "info")}), b AS (${auditOf("run.decided", "info")}),
  c AS (${auditOf("run.started", "info")}), d AS (${auditOf("run.succeeded", "success")}),
  e AS (INSERT INTO ${Q}.decisions (id, run_id, attempt, admission, decided_at, epoch, allowed, retryable, workspace_scope,
      tenant_scope, capability, tenant_operability, execution_prerequisites, snapshot_hash)
    SELECT r.id, r.id, 1, 1, r.at, 1, true, false, 'passed', 'passed', 'passed', 'passed', 'passed', sha256(r.number::text::bytea)
    FROM made r),
  s AS (INSERT INTO ${Q}.snapshots (hash, content) SELECT sha256(r.number::text::bytea), '{}' FROM made r ON CONFLICT DO NOTHING),
  f AS (INSERT INTO ${Q}.notices (run_id, recipient, workspace_id, tenant_id, operation_type, outcome, title, message,
      next_steps, completed_at, due_at, deliveries, delivered_at)
    SELECT r.id, 'user-' || r.person, 'workspace-' || r.workspace, 'tenant-' || r.tenant, '${operation.type}', 'succeeded',
      'bench.sync: Succeeded', 'The run has finished.', '[]', r.at, r.at, 1, r.at FROM made r)
INSERT INTO ${Q}.runs (${RUN_COLUMNS}, status, outcome, attempt, admission, dispatched_at, expires_at, available_at,
  started_at, completed_at, counts, decision_id)
SELECT ${runValues("finished")}, 'completed', 'succeeded', 1, 1, r.at, ${expiry}, r.at, r.at, r.at, '{}', r.id FROM made r`)
})

const RECORDS = ["runs", "decisions", "audit_records", "notices"]

/**
 * Forgets every run. The tables refuse that, as they should: their guards are asleep for this one transaction. `snapshots` are
 * kept where a store is to be measured that has met these facts before.
 */
export const forgetRuns = Effect.fnUntraced(function* (snapshots: "kept" | "forgotten") {
  const sql = yield* PgClient.PgClient
  const tables = [...RECORDS, ...(snapshots === "kept" ? [] : ["snapshots"])].map((table) => `${Q}.${table}`)
  yield* sql.withTransaction(
    Effect.gen(function* () {
      for (const table of tables) yield* sql.unsafe(`ALTER TABLE ${table} DISABLE TRIGGER USER`)
      yield* sql.unsafe(`TRUNCATE ${tables.join(", ")}`)
      const guards = yield* sql.unsafe<{
        readonly statement: string
      }>(`SELECT format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I',
        tgrelid::regclass, tgname) AS statement FROM pg_trigger WHERE NOT tgisinternal
        AND tgrelid = ANY (ARRAY[${tables.map((table) => `'${table}'`).join(", ")}]::regclass[])`)
      for (const { statement } of guards) yield* sql.unsafe(statement)
    })
  )
})

/** So that no plan and no vacuum differs between two measurements. */
export const settleDown = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  for (const table of [...RECORDS, "snapshots"]) yield* sql.unsafe(`VACUUM (ANALYZE) ${Q}.${table}`)
})
