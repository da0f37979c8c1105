/** The statements of the floor. */
import { becoming, inserted, type Learned, type LearnedRow } from "./learned.ts"
import { operation } from "./world.ts"

const Q = "countersign"

/** A run as the claim answers it. */
export interface Claimed {
  readonly id: string
  readonly workspace_id: string
  readonly tenant_id: string
  readonly provider_connection_id: string
  readonly initiator_id: string
  /** What its facts say. */
  readonly allowed: boolean | null
}

/** The next runs with their facts, each by a look-up of its own: joined, whole tables would be read. Parameter: now. */
export const claiming = (batch: number): string => `WITH c AS MATERIALIZED (
  SELECT id, workspace_id, tenant_id, provider_connection_id, initiator_id, operation_type, payload FROM ${Q}.runs
  WHERE status = 'queued' AND available_at <= $1 AND operation_type = '${operation.type}'
  ORDER BY priority, available_at, id LIMIT ${batch} FOR UPDATE SKIP LOCKED
) SELECT c.*,
  (SELECT w.open FROM ${Q}.workspaces w WHERE w.id = c.workspace_id)
  AND (SELECT NOT u.disabled FROM ${Q}.users u WHERE u.id = c.initiator_id)
  AND (SELECT t.state = 'active' AND t.workspace_id = c.workspace_id FROM ${Q}.tenants t WHERE t.id = c.tenant_id)
  AND (SELECT p.enabled AND p.connected FROM ${Q}.provider_connections p WHERE p.id = c.provider_connection_id)
  AND (SELECT g.health = 'ok' FROM ${Q}.write_gates g WHERE g.tenant_id = c.tenant_id)
  AND (SELECT true FROM ${Q}.tenant_entitlements e
    WHERE e.user_id = c.initiator_id AND e.tenant_id = c.tenant_id LIMIT 1)
  AND (SELECT (SELECT true FROM ${Q}.role_capabilities rc WHERE rc.workspace_id = m.workspace_id AND rc.role = m.role
      AND rc.capability = '${operation.type}' LIMIT 1)
    FROM ${Q}.memberships m WHERE m.workspace_id = c.workspace_id AND m.user_id = c.initiator_id) AS allowed
FROM c`

/** What differs from run to run, as columns of `m`, the runs just moved. */
const VARYING = {
  id: "m.new_decision",
  decision_id: "m.new_decision",
  facts: "m.facts",
  facts_hash: "m.facts_hash",
  run_id: "m.id",
  workspace_id: "m.workspace_id",
  tenant_id: "m.tenant_id",
  actor_id: "m.initiator_id",
  recipient: "m.initiator_id"
}

const inserting = (
  table: string,
  rows: ReadonlyArray<readonly [row: LearnedRow, when: string]>,
  now: string
): string => {
  const parts = rows.map(([row, when]) => ({ ...inserted(row, VARYING, now), when }))
  return `INSERT INTO ${Q}.${table} (${parts[0]?.columns})
  ${parts.map(({ values, when }) => `SELECT ${values} FROM m WHERE ${when}`).join("\n  UNION ALL ")}`
}

/** Starts or blocks runs and records it. Parameters: ids, decision ids, who is allowed, hashes and contents of facts, now. */
export const starting = ({ allowed, denied }: Learned): string => {
  const moves = becoming([allowed, denied], "u.allowed", { decision_id: "u.decision_id" }, "$6")
  const terms = inserted(allowed.snapshot, {}, "$6")
  const audit = [
    ...allowed.audit.map((row): readonly [LearnedRow, string] => [row, "m.allowed"]),
    ...denied.audit.map((row): readonly [LearnedRow, string] => [row, "NOT m.allowed"])
  ]
  return `WITH m AS (
  UPDATE ${Q}.runs r SET ${moves}
  FROM unnest($1::uuid[], $2::uuid[], $3::boolean[], $4::bytea[], $5::text[]) AS u(id, decision_id, allowed, facts_hash, facts)
  WHERE r.id = u.id AND r.status = 'queued'
  RETURNING r.id, r.workspace_id, r.tenant_id, r.initiator_id, u.allowed, u.decision_id AS new_decision,
    u.facts_hash, u.facts
), decided AS (
  ${inserting(
    "decisions",
    [
      [allowed.decision, "m.allowed"],
      [denied.decision, "NOT m.allowed"]
    ],
    "$6"
  )}
), known AS (
  INSERT INTO ${Q}.snapshots (${terms.columns}) SELECT ${terms.values}
  WHERE NOT EXISTS (SELECT FROM ${Q}.snapshots WHERE hash = '${allowed.snapshot.cells.hash}') ON CONFLICT DO NOTHING
), audited AS (
  ${inserting("audit_records", audit, "$6")}
)
${inserting("notices", [[denied.notice, "NOT m.allowed"]], "$6")}`
}

/** Completes runs and records it. Parameters: ids, now. */
export const completing = ({ succeeded }: Learned): string => `WITH m AS (
  UPDATE ${Q}.runs r SET ${becoming([succeeded, succeeded], "true", {}, "$2")}
  WHERE r.id = ANY ($1::uuid[]) AND r.status = 'running'
  RETURNING r.id, r.workspace_id, r.tenant_id, r.initiator_id
), audited AS (
  ${inserting("audit_records", [[succeeded.record, "true"]], "$2")}
)
${inserting("notices", [[succeeded.notice, "true"]], "$2")}`

/** The facts of a run, as long as the product's. */
export const factsLike =
  ({ allowed, denied }: Learned) =>
  (run: Claimed, isAllowed: boolean): string => {
    const { decision, before } = isAllowed ? allowed : denied
    return (decision.cells.facts ?? "")
      .replaceAll(`"${before.cells.workspace_id}"`, `"${run.workspace_id}"`)
      .replaceAll(`"${before.cells.tenant_id}"`, `"${run.tenant_id}"`)
      .replaceAll(`"${before.cells.initiator_id}"`, `"${run.initiator_id}"`)
      .replaceAll(`"${before.cells.provider_connection_id}"`, `"${run.provider_connection_id}"`)
  }
