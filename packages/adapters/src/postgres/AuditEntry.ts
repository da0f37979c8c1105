/** The audit record as it is stored: a decision and the transition that rests on it say the same but for two words, and share a row. */
import type { AuditOutcome, AuditRecord } from "@countersign/domain"
import type { Names } from "./SchemaName.ts"

/** A row of `audit_records`: a record, and before it, where `decided` is not null, that of the decision it rests on. */
export interface AuditEntry {
  readonly record: AuditRecord
  /** How the decision came out, as its own record says. */
  readonly decided: AuditOutcome | null
}

const SHARED = [
  "occurredAtMillis",
  "runId",
  "workspaceId",
  "tenantId",
  "operationType",
  "actorKind",
  "actorId",
  "actorName",
  "attempt",
  "admission",
  "decisionId",
  "code"
] satisfies ReadonlyArray<Exclude<keyof AuditRecord, "action" | "outcome">>

const isOneRow = (decided: AuditRecord, moved: AuditRecord): boolean =>
  decided.action === "run.decided" &&
  moved.action !== "run.decided" &&
  SHARED.every((name) => decided[name] === moved[name])

/** Records of one step, in their order, as rows. */
export const auditEntriesOf = (records: ReadonlyArray<AuditRecord>): ReadonlyArray<AuditEntry> => {
  const [decided, moved] = records
  return records.length === 2 && decided !== undefined && moved !== undefined && isOneRow(decided, moved)
    ? [{ record: moved, decided: decided.outcome }]
    : records.map(alone)
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
