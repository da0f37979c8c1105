/** `AuditLog` over `audit_records`, `decisions` and `snapshots`. */
import { AuditLog, AuditRecord, type Decision, DecisionRecord, type RunId } from "@countersign/domain"
import { Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { Names } from "./SchemaName.ts"
import { SnapshotContent } from "./StoredSnapshot.ts"
import { during } from "./troubles.ts"

interface AuditRow {
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

const recordOf = (row: AuditRow) => ({
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

interface DecisionRow {
  readonly id: string
  readonly run_id: string
  readonly attempt: number
  readonly admission: number
  readonly decided_at: Date
  readonly epoch: bigint | null
  readonly allowed: boolean
  readonly reason_code: string | null
  readonly denial_class: string | null
  readonly retryable: boolean
  readonly detail_code: string | null
  readonly detail_about: string | null
  readonly workspace_scope: string
  readonly tenant_scope: string
  readonly capability: string
  readonly tenant_operability: string
  readonly execution_prerequisites: string
  readonly content: unknown
}

const decisionOf = (row: DecisionRow) => {
  const checks = {
    workspace_scope: row.workspace_scope,
    tenant_scope: row.tenant_scope,
    capability: row.capability,
    tenant_operability: row.tenant_operability,
    execution_prerequisites: row.execution_prerequisites
  }
  const tag: Decision["_tag"] = row.allowed ? "Allowed" : "Denied"
  if (row.allowed) return { _tag: tag, checks }
  const failure = { code: row.reason_code, detail: row.detail_code, about: row.detail_about }
  return { _tag: tag, failure, denialClass: row.denial_class, retryable: row.retryable, checks }
}

const decisionRecordOf = (row: DecisionRow, { sources, ...known }: typeof SnapshotContent.Type) => ({
  id: row.id,
  runId: row.run_id,
  attempt: row.attempt,
  admission: row.admission,
  decidedAtMillis: row.decided_at.getTime(),
  epoch: row.epoch === null ? null : Number(row.epoch),
  sources,
  decision: decisionOf(row),
  snapshot: { takenAtMillis: row.decided_at.getTime(), ...known }
})

const decodeRecord = Schema.decodeUnknownEffect(AuditRecord)
const decodeContent = Schema.decodeUnknownEffect(SnapshotContent)
const decodeDecision = Schema.decodeUnknownEffect(DecisionRecord)

/** A record that cannot be read was altered past its triggers: a defect, not an answer. */
export const layerAuditLog = (names: Names): Layer.Layer<AuditLog, never, SqlClient.SqlClient> =>
  Layer.effect(
    AuditLog,
    Effect.map(SqlClient.SqlClient, (sql) => {
      const { q } = names
      const records = `SELECT * FROM ${q}.audit_records WHERE run_id = $1 ORDER BY id`
      const decisions = `SELECT d.*, s.content FROM ${q}.decisions d
JOIN ${q}.snapshots s ON s.hash = d.snapshot_hash WHERE d.run_id = $1 ORDER BY d.number`
      return AuditLog.of({
        recordsOf: Effect.fnUntraced(function* (id: RunId) {
          const rows = yield* during("read the audit record")(sql.unsafe<AuditRow>(records, [id]))
          return yield* Effect.orDie(Effect.forEach(rows, (row) => decodeRecord(recordOf(row))))
        }),
        decisionsOf: Effect.fnUntraced(function* (id: RunId) {
          const rows = yield* during("read decisions")(sql.unsafe<DecisionRow>(decisions, [id]))
          return yield* Effect.forEach(rows, (row) =>
            Effect.flatMap(decodeContent(row.content), (content) => decodeDecision(decisionRecordOf(row, content)))
          ).pipe(Effect.orDie)
        })
      })
    })
  )
