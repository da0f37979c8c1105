/**
 * The host that checks by hand: its own tables of facts, operations and audit, filled like ours (200 workspaces of 50 people and 25
 * tenants, 20 capabilities to a role, 2 tenants in 25 archived: 8 % of the runs are denied).
 */
import pg from "pg"

const WORKSPACES = 200
const ARCHIVED = "(9, 19)"

const TABLES = `
CREATE SCHEMA app;
CREATE TABLE app.role_capabilities (role_id integer, capability text, PRIMARY KEY (role_id, capability));
CREATE TABLE app.memberships (workspace_id integer, user_id integer, role_id integer NOT NULL, active boolean NOT NULL,
  PRIMARY KEY (workspace_id, user_id));
CREATE TABLE app.tenants (id integer PRIMARY KEY, workspace_id integer NOT NULL, state text NOT NULL);
CREATE TABLE app.connections (tenant_id integer PRIMARY KEY, connected boolean NOT NULL);
CREATE TABLE app.runs (id integer PRIMARY KEY, workspace_id integer NOT NULL, tenant_id integer NOT NULL,
  actor_id integer NOT NULL, operation_type text NOT NULL, status text NOT NULL, reason text, payload jsonb NOT NULL,
  started_at timestamptz, completed_at timestamptz);
CREATE TABLE app.audit_events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, run_id integer NOT NULL,
  at timestamptz NOT NULL DEFAULT now(), outcome text NOT NULL, reason text NOT NULL, checks jsonb NOT NULL);
INSERT INTO app.role_capabilities SELECT r, 'bench.other_' || c
  FROM generate_series(0, ${WORKSPACES * 3 - 1}) r, generate_series(1, 19) c;
INSERT INTO app.role_capabilities SELECT r, 'bench.sync' FROM generate_series(0, ${WORKSPACES * 3 - 1}) r;
INSERT INTO app.memberships SELECT u / 50, u, u / 50 * 3 + u % 3, true FROM generate_series(0, ${WORKSPACES * 50 - 1}) u;
INSERT INTO app.tenants SELECT t, t / 25, CASE WHEN t % 25 IN ${ARCHIVED} THEN 'archived' ELSE 'active' END
  FROM generate_series(0, ${WORKSPACES * 25 - 1}) t;
INSERT INTO app.connections SELECT id, true FROM app.tenants;
`

const FILL = `INSERT INTO app.runs (id, workspace_id, tenant_id, actor_id, operation_type, status, payload)
SELECT i, w, w * 25 + i / ${WORKSPACES} % 25, w * 50 + i / 7 % 50, 'bench.sync', 'queued', jsonb_build_object('n', i)
FROM (SELECT i, i * 31 % ${WORKSPACES} AS w FROM generate_series(0, $1::integer - 1) i) AS numbered`

/** What a job carries: enough to check it. */
export interface Job {
  readonly runId: number
  readonly workspaceId: number
  readonly tenantId: number
  readonly actorId: number
  readonly operationType: string
}

/** Pool for the checks; as many connections as handlers at once are of use to. */
export const openPool = async (url: string): Promise<pg.Pool> => {
  const pool = new pg.Pool({ connectionString: url, max: 10 })
  if ((await pool.query("SELECT FROM pg_namespace WHERE nspname = 'app'")).rowCount === 0) await pool.query(TABLES)
  return pool
}

/** Forgets every run, and makes so many queued ones. */
export const fillRuns = async (pool: pg.Pool, count: number): Promise<Array<Job>> => {
  await pool.query("TRUNCATE app.runs, app.audit_events RESTART IDENTITY")
  await pool.query(FILL, [count])
  await pool.query("VACUUM ANALYZE")
  const { rows } = await pool.query<Job>(
    `SELECT id AS "runId", workspace_id AS "workspaceId", tenant_id AS "tenantId", actor_id AS "actorId",
      operation_type AS "operationType" FROM app.runs ORDER BY id`
  )
  return rows
}

interface Found {
  readonly right: number
  readonly audited: number
}

/** Fails unless each of so many runs is in the state its facts demand, with one audit event. */
export const checkRuns = async (pool: pg.Pool, count: number): Promise<void> => {
  const { rows } = await pool.query<Found>(`SELECT
    (SELECT count(*)::integer FROM app.audit_events) AS audited,
    (SELECT count(*)::integer FROM app.runs r
      JOIN (SELECT run_id FROM app.audit_events GROUP BY run_id HAVING count(*) = 1) AS once ON once.run_id = r.id
      WHERE status = CASE WHEN tenant_id % 25 IN ${ARCHIVED} THEN 'blocked' ELSE 'completed' END) AS right`)
  if (rows[0]?.right !== count || rows[0].audited !== count) {
    throw new Error(`the drain is not right: ${JSON.stringify(rows[0])}, expected ${count}`)
  }
}

interface RunFacts {
  readonly workspaceId: number
  readonly memberActive: boolean | undefined
  readonly capable: boolean
  readonly tenantWorkspaceId: number | undefined
  readonly tenantState: string | undefined
  readonly connected: boolean | undefined
}

interface Ruling {
  readonly outcome: "allow" | "deny"
  readonly reason: string
  readonly checks: Readonly<Record<string, "passed" | "failed" | "skipped">>
}

const CHECKS = ["workspace_scope", "tenant_scope", "capability", "tenant_operability", "execution_prerequisites"]

const ruling = (reason: string, failedAt: number): Ruling => ({
  outcome: failedAt === CHECKS.length ? "allow" : "deny",
  reason,
  checks: Object.fromEntries(
    CHECKS.map((name, at) => [name, at < failedAt ? "passed" : at === failedAt ? "failed" : "skipped"])
  )
})

/** Five checks, as somebody writes them who has read what they are. */
const rule = (facts: RunFacts): Ruling => {
  if (facts.memberActive !== true) return ruling("not_a_member", 0)
  if (facts.tenantWorkspaceId !== facts.workspaceId) return ruling("tenant_out_of_scope", 1)
  if (!facts.capable) return ruling("missing_capability", 2)
  if (facts.tenantState !== "active") return ruling("tenant_not_operable", 3)
  if (facts.connected !== true) return ruling("provider_not_connected", 4)
  return ruling("allowed", CHECKS.length)
}

interface Member {
  readonly role_id: number
  readonly active: boolean
}

interface Tenant {
  readonly workspace_id: number
  readonly state: string
}

/** The usual check: four look-ups, an audit event, running, completed, each a statement of its own through the pool. */
export const checkByHand = async (pool: pg.Pool, job: Job): Promise<void> => {
  const [member] = (
    await pool.query<Member>("SELECT role_id, active FROM app.memberships WHERE workspace_id = $1 AND user_id = $2", [
      job.workspaceId,
      job.actorId
    ])
  ).rows
  const capable = await pool.query("SELECT FROM app.role_capabilities WHERE role_id = $1 AND capability = $2", [
    member?.role_id,
    job.operationType
  ])
  const [tenant] = (
    await pool.query<Tenant>("SELECT workspace_id, state FROM app.tenants WHERE id = $1", [job.tenantId])
  ).rows
  const [connection] = (
    await pool.query<{ connected: boolean }>("SELECT connected FROM app.connections WHERE tenant_id = $1", [
      job.tenantId
    ])
  ).rows
  const { outcome, reason, checks } = rule({
    workspaceId: job.workspaceId,
    memberActive: member?.active,
    capable: capable.rowCount === 1,
    tenantWorkspaceId: tenant?.workspace_id,
    tenantState: tenant?.state,
    connected: connection?.connected
  })
  await pool.query("INSERT INTO app.audit_events (run_id, outcome, reason, checks) VALUES ($1, $2, $3, $4)", [
    job.runId,
    outcome,
    reason,
    JSON.stringify(checks)
  ])
  if (outcome === "deny") {
    await pool.query("UPDATE app.runs SET status = 'blocked', reason = $2 WHERE id = $1", [job.runId, reason])
    return
  }
  await pool.query("UPDATE app.runs SET status = 'running', started_at = now() WHERE id = $1", [job.runId])
  // The work would be here.
  await pool.query("UPDATE app.runs SET status = 'completed', completed_at = now() WHERE id = $1", [job.runId])
}

// Each look-up stays one by index: joined, the planner would read whole tables.
const HOLD_WITH_FACTS = `WITH held AS MATERIALIZED (
  SELECT id, workspace_id, tenant_id, actor_id, operation_type FROM app.runs
  WHERE id = ANY ($1::integer[]) AND status = 'queued' ORDER BY id FOR UPDATE
)
SELECT h.id, h.workspace_id AS "workspaceId", m.active AS "memberActive",
  coalesce((SELECT true FROM app.role_capabilities c WHERE c.role_id = m.role_id AND c.capability = h.operation_type
    LIMIT 1), false) AS capable,
  t.workspace_id AS "tenantWorkspaceId", t.state AS "tenantState",
  (SELECT c.connected FROM app.connections c WHERE c.tenant_id = h.tenant_id) AS connected
FROM held h
LEFT JOIN LATERAL (SELECT role_id, active FROM app.memberships m
  WHERE m.workspace_id = h.workspace_id AND m.user_id = h.actor_id OFFSET 0) AS m ON true
LEFT JOIN LATERAL (SELECT workspace_id, state FROM app.tenants t WHERE t.id = h.tenant_id OFFSET 0) AS t ON true`

const MOVE_AND_AUDIT = `WITH moved AS (
  UPDATE app.runs r SET status = u.status, reason = u.reason, started_at = now()
  FROM unnest($1::integer[], $2::text[], $3::text[]) AS u(id, status, reason) WHERE r.id = u.id
)
INSERT INTO app.audit_events (run_id, outcome, reason, checks)
SELECT * FROM unnest($1::integer[], $4::text[], $3::text[], $5::jsonb[])`

const COMPLETE = `UPDATE app.runs SET status = 'completed', completed_at = now()
WHERE id = ANY ($1::integer[]) AND status = 'running'`

/** The expert's check of a whole batch: one read, one write, one transaction; then one completion. */
export const checkAsExpert = async (pool: pg.Pool, jobs: ReadonlyArray<Job>): Promise<void> => {
  const client = await pool.connect()
  try {
    await client.query("BEGIN")
    const { rows } = await client.query<RunFacts & { id: number }>({
      name: "hold",
      text: HOLD_WITH_FACTS,
      values: [jobs.map(({ runId }) => runId)]
    })
    const rulings = rows.map(rule)
    const ids = rows.map(({ id }) => id)
    const allowed = ids.filter((_, at) => rulings[at]?.outcome === "allow")
    await client.query({
      name: "move",
      text: MOVE_AND_AUDIT,
      values: [
        ids,
        rulings.map(({ outcome }) => (outcome === "allow" ? "running" : "blocked")),
        rulings.map(({ reason }) => reason),
        rulings.map(({ outcome }) => outcome),
        rulings.map(({ checks }) => JSON.stringify(checks))
      ]
    })
    await client.query("COMMIT")
    // The work would be here.
    await client.query({ name: "complete", text: COMPLETE, values: [allowed] })
  } catch (error) {
    await client.query("ROLLBACK")
    throw error
  } finally {
    client.release()
  }
}
