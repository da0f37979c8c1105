/** An audit record as a row of `audit_records`. */
import { AuditRecord } from "@countersign/domain"
import { Schema } from "effect"

/** The columns of an audit record, as the driver gives them. */
export interface AuditRow {
  readonly id: bigint | number | string
  readonly run_id: string
  readonly occurred_at: Date
  readonly action: string
  readonly outcome: string
  readonly workspace_id: string
  readonly tenant_id: string | null
  readonly operation_type: string
  readonly actor_kind: string
  readonly actor_id: string | null
  readonly actor_name: string | null
  readonly attempt: number
  readonly admission: number
  readonly decision_id: string | null
  readonly code: string | null
}

const decode = Schema.decodeUnknownEffect(AuditRecord)

/** Reads a row; fails on one that was altered into nonsense. */
export const readAuditRow = (row: AuditRow) =>
  decode({
    occurredAtMillis: row.occurred_at.getTime(),
    action: row.action,
    outcome: row.outcome,
    runId: row.run_id,
    workspaceId: row.workspace_id,
    tenantId: row.tenant_id,
    operationType: row.operation_type,
    actorKind: row.actor_kind,
    actorId: row.actor_id,
    actorName: row.actor_name,
    attempt: row.attempt,
    admission: row.admission,
    decisionId: row.decision_id,
    code: row.code
  })
