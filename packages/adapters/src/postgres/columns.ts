/** The tables that steps are written to, as columns. */
import {
  blockedContextOf,
  blockedSummaryOf,
  type DecisionRecord,
  initiatorOf,
  modeOf,
  type Notice,
  type Run,
  type RunFailure,
  rankOf,
  type WorkspaceEvent,
  wireStateOf
} from "@countersign/domain"
import type { AuditEntry } from "./AuditEntry.ts"
import { type Column, cellsOf, column, instantOf, namesOf, shared } from "./Cells.ts"
import type { Names } from "./SchemaName.ts"
import type { StoredSnapshot } from "./StoredSnapshot.ts"

/** What a dispatch fixes once and for all. */
export const dispatchedColumns: ReadonlyArray<Column<Run>> = [
  column("workspace_id", "text", ({ dispatch }) => dispatch.subject.scope.workspaceId),
  column("tenant_id", "text", ({ dispatch }) => dispatch.subject.scope.tenantId),
  column("provider_connection_id", "text", ({ dispatch }) => dispatch.subject.scope.providerConnectionId),
  column("operation_type", "text", ({ dispatch }) => dispatch.subject.operationType),
  column("authority_mode", "text", ({ dispatch }) => modeOf(dispatch.subject.authority)),
  column("initiator_id", "text", ({ dispatch }) => initiatorOf(dispatch.subject.authority)),
  column("initiator_name", "text", ({ dispatch }) => dispatch.initiatorName),
  column("actor_kind", "text", ({ dispatch }) => dispatch.actorKind),
  column("payload", "jsonb", ({ dispatch }) => JSON.stringify(dispatch.payload)),
  column("identity", "text", ({ dispatch }) => dispatch.identity),
  column("max_attempts", "integer", ({ dispatch }) => dispatch.maxAttempts),
  column("priority", "smallint", ({ dispatch }) => rankOf[dispatch.priority]),
  column("dispatched_at", "timestamptz", ({ dispatch }) => instantOf(dispatch.dispatchedAtMillis)),
  column("expires_at", "timestamptz", ({ dispatch }) => instantOf(dispatch.expiresAtMillis)),
  column("retry_of", "uuid", ({ dispatch }) => dispatch.retryOf),
  column("schedule_id", "text", ({ dispatch }) => dispatch.slot?.scheduleId ?? null),
  column("slot_at", "timestamptz", ({ dispatch }) => instantOf(dispatch.slot?.slotMillis ?? null))
]

const availableAtOf = (run: Run): Date | null => (run._tag === "Queued" ? instantOf(run.availableAtMillis) : null)

const completedAtOf = (run: Run): Date | null => ("completedAtMillis" in run ? instantOf(run.completedAtMillis) : null)

const resultOf = (run: Run): string | null =>
  (run._tag === "Succeeded" || run._tag === "PartiallySucceeded") && run.result !== null
    ? JSON.stringify(run.result)
    : null

const contextOf = (run: Run): string | null => {
  if (run._tag === "Blocked") return JSON.stringify(blockedContextOf(run))
  return run._tag === "Cancelled" ? JSON.stringify({ cancelled_by: run.by }) : null
}

const failuresOf = (run: Run): ReadonlyArray<RunFailure> | null => {
  switch (run._tag) {
    case "Blocked":
      return blockedSummaryOf(run)
    case "Failed":
      return [run.failure]
    case "PartiallySucceeded":
      return run.failures
    default:
      return null
  }
}

const summaryOf = (run: Run): string | null => {
  const failures = failuresOf(run)
  return failures === null ? null : JSON.stringify(failures)
}

const heldOf = (run: Run): string | null =>
  run._tag === "Queued" && run.held !== null ? JSON.stringify(run.held) : null

const NO_COUNTS = "{}"

const countsOf = ({ counts }: Run): string => {
  for (const _ in counts) return JSON.stringify(counts)
  return NO_COUNTS
}

/** What a run's state says; `available_at` only where the run waits. */
export const stateColumns: ReadonlyArray<Column<Run>> = [
  shared("status", "text", (run) => wireStateOf[run._tag].status),
  shared("outcome", "text", (run) => wireStateOf[run._tag].outcome),
  shared("attempt", "integer", (run) => run.attempt),
  shared("admission", "integer", (run) => run.admission),
  column("available_at", "timestamptz", availableAtOf),
  column("started_at", "timestamptz", (run) => instantOf(run.startedAtMillis)),
  column("completed_at", "timestamptz", completedAtOf),
  column("counts", "jsonb", countsOf),
  column("result", "jsonb", resultOf),
  column("context", "jsonb", contextOf),
  column("failure_summary", "jsonb", summaryOf),
  column("held", "jsonb", heldOf)
]

/** The columns of a row of the audit record. */
export const auditColumns: ReadonlyArray<Column<AuditEntry>> = [
  column("run_id", "uuid", ({ record }) => record.runId),
  column("occurred_at", "timestamptz", ({ record }) => instantOf(record.occurredAtMillis)),
  shared("action", "text", ({ record }) => record.action),
  shared("outcome", "text", ({ record }) => record.outcome),
  column("workspace_id", "text", ({ record }) => record.workspaceId),
  column("tenant_id", "text", ({ record }) => record.tenantId),
  column("operation_type", "text", ({ record }) => record.operationType),
  column("actor_kind", "text", ({ record }) => record.actorKind),
  column("actor_id", "text", ({ record }) => record.actorId),
  column("actor_name", "text", ({ record }) => record.actorName),
  shared("attempt", "integer", ({ record }) => record.attempt),
  shared("admission", "integer", ({ record }) => record.admission),
  column("decision_id", "uuid", ({ record }) => record.decisionId),
  shared("code", "text", ({ record }) => record.code),
  shared("decided", "text", ({ decided }) => decided)
]

/** A decision with what it was made from. */
export interface StoredDecision {
  readonly record: DecisionRecord
  readonly snapshot: StoredSnapshot
}

/** The columns of a decision. */
export const decisionColumns: ReadonlyArray<Column<StoredDecision>> = [
  column("id", "uuid", ({ record }) => record.id),
  column("run_id", "uuid", ({ record }) => record.runId),
  shared("attempt", "integer", ({ record }) => record.attempt),
  shared("admission", "integer", ({ record }) => record.admission),
  shared("decided_at", "timestamptz", ({ record }) => instantOf(record.decidedAtMillis)),
  column("epoch", "bigint", ({ record }) => (record.epoch === null ? null : BigInt(record.epoch))),
  shared("allowed", "boolean", ({ record: { decision } }) => decision._tag === "Allowed"),
  shared("reason_code", "text", ({ record: { decision } }) =>
    decision._tag === "Denied" ? decision.failure.code : null
  ),
  shared("denial_class", "text", ({ record: { decision } }) =>
    decision._tag === "Denied" ? decision.denialClass : null
  ),
  shared("retryable", "boolean", ({ record: { decision } }) => decision._tag === "Denied" && decision.retryable),
  shared("detail_code", "text", ({ record: { decision } }) =>
    decision._tag === "Denied" ? decision.failure.detail : null
  ),
  shared("detail_about", "text", ({ record: { decision } }) =>
    decision._tag === "Denied" ? decision.failure.about : null
  ),
  shared("workspace_scope", "text", ({ record }) => record.decision.checks.workspace_scope),
  shared("tenant_scope", "text", ({ record }) => record.decision.checks.tenant_scope),
  shared("capability", "text", ({ record }) => record.decision.checks.capability),
  shared("tenant_operability", "text", ({ record }) => record.decision.checks.tenant_operability),
  shared("execution_prerequisites", "text", ({ record }) => record.decision.checks.execution_prerequisites),
  shared("snapshot_hash", "bytea", ({ snapshot }) => snapshot.terms.hash),
  column("facts", "text", ({ snapshot }) => snapshot.facts)
]

/** What is told to subscribers, from the moment it happened. */
export const eventColumns: ReadonlyArray<Column<WorkspaceEvent>> = [
  column("event_id", "text", ({ id }) => id),
  column("event_type", "text", ({ type }) => type),
  column("run_id", "uuid", ({ data }) => data.run_id),
  column("workspace_id", "text", ({ data }) => data.workspace_id),
  column("occurred_at", "timestamptz", ({ occurredAtMillis }) => instantOf(occurredAtMillis)),
  column("content", "jsonb", ({ data }) => JSON.stringify(data))
]

/** Notes the events of a table `e` for the subscriptions that want them. */
export const notingAll = ({ q }: Names, events: string): string =>
  `INSERT INTO ${q}.event_deliveries (subscription_id, ${namesOf(eventColumns)}, due_at)
  SELECT s.id, ${cellsOf(eventColumns, "e")}, e.occurred_at FROM ${events}
  JOIN ${q}.event_subscriptions s ON s.ended_at IS NULL AND jsonb_exists(s.event_types, e.event_type)
    AND (s.workspace_id IS NULL OR s.workspace_id = e.workspace_id)`

/** The same, of those runs alone that were written; `stored` gives their ids. */
export const notingEvents = (names: Names, events: string, stored: string): string =>
  `${notingAll(names, events)}
  WHERE (e.run_id IN (${stored})) IS TRUE`

const NO_STEPS = "[]"

/** A notice is due from the moment the run completed. */
export const noticeColumns: ReadonlyArray<Column<Notice>> = [
  column("run_id", "uuid", (notice) => notice.runId),
  column("recipient", "text", (notice) => notice.recipient),
  column("workspace_id", "text", (notice) => notice.workspaceId),
  column("tenant_id", "text", (notice) => notice.tenantId),
  column("operation_type", "text", (notice) => notice.operationType),
  column("outcome", "text", (notice) => notice.outcome),
  shared("title", "text", (notice) => notice.title),
  column("message", "text", (notice) => notice.message),
  shared("next_steps", "jsonb", ({ nextSteps }) => (nextSteps.length === 0 ? NO_STEPS : JSON.stringify(nextSteps))),
  column("completed_at", "timestamptz", (notice) => instantOf(notice.completedAtMillis))
]
