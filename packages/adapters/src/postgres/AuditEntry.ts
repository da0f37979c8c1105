/** The audit record as it is stored: a decision and the transition that rests on it say the same but for two words, and share a row. */
import type { AuditOutcome, AuditRecord } from "@countersign/domain"
import type { Names } from "./SchemaName.ts"

/** A row of `audit_records`: a record, and before it, where `decided` is not null, that of the decision it rests on. */
export interface AuditEntry {
  readonly record: AuditRecord
  /** How the decision came out, as its own record says. */
  readonly decided: AuditOutcome | null
}

/** Whether they differ in nothing but action and outcome. */
const isOneRow = (decided: AuditRecord, moved: AuditRecord): boolean =>
  decided.action === "run.decided" &&
  moved.action !== "run.decided" &&
  decided.occurredAtMillis === moved.occurredAtMillis &&
  decided.runId === moved.runId &&
  decided.workspaceId === moved.workspaceId &&
  decided.tenantId === moved.tenantId &&
  decided.operationType === moved.operationType &&
  decided.actorKind === moved.actorKind &&
  decided.actorId === moved.actorId &&
  decided.actorName === moved.actorName &&
  decided.attempt === moved.attempt &&
  decided.admission === moved.admission &&
  decided.decisionId === moved.decisionId &&
  decided.code === moved.code

/** The record of one step as its row; null where nothing is to be told. What says more than fits a row is no step of ours. */
export const auditEntryOf = (records: ReadonlyArray<AuditRecord>): AuditEntry | null => {
  const [first, second, third] = records
  if (first === undefined) return null
  if (second === undefined) return alone(first)
  if (third === undefined && isOneRow(first, second)) return { record: second, decided: first.outcome }
  throw new Error("the audit records of a step are those of a decision and of the transition that rests on it")
}

/** A record with a row of its own. */
export const alone = (record: AuditRecord): AuditEntry => ({ record, decided: null })

const COLUMNS = `run_id, occurred_at, workspace_id, tenant_id, operation_type, actor_kind, actor_id, actor_name, attempt, admission,
  decision_id, code`

/**
 * The record as a table `a`, a row for each of its records. `within` says which rows are looked at, given by how much the number of a
 * record is less than its row's: a decision that shares a row has the number before it.
 */
export const auditRecords = ({ q }: Names, within: (less: 0 | 1) => string): string => `(
  SELECT id, action, outcome, ${COLUMNS} FROM ${q}.audit_records WHERE ${within(0)}
  UNION ALL
  SELECT id - 1, 'run.decided', decided, ${COLUMNS} FROM ${q}.audit_records WHERE decided IS NOT NULL AND ${within(1)}
) AS a`
