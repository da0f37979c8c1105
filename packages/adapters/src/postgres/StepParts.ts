/**
 * What is written with a step beside its run, as columns: what the row of the run says already is copied from there, the rest is sent.
 */
import { type AuditRecord, type Dispatch, initiatorOf, isCompleted, type Step, wireStateOf } from "@countersign/domain"
import { type AuditEntry, auditEntryOf } from "./AuditEntry.ts"
import { type Column, shared } from "./Cells.ts"
import { auditColumns, decisionColumns, noticeColumns, type StoredDecision } from "./columns.ts"
import { storedSnapshotOf } from "./StoredSnapshot.ts"

/** A step with the rows it makes. */
export interface WrittenStep {
  readonly step: Step
  readonly decision: StoredDecision | null
  readonly entry: AuditEntry | null
  /** The entry again where it names another actor than the one the run names as its dispatcher. */
  readonly stranger: AuditRecord | null
}

/** The rows of a step. Throws where they do not say of the run what the run says itself: then nothing could be copied. */
export const writtenStepOf = (step: Step): WrittenStep => {
  const { decision } = step
  const entry = auditEntryOf(step.audit)
  if (!isOfItsRun(step, entry))
    throw new Error("the records of a step are about another run than the step, or another decision")
  return {
    step,
    decision: decision === null ? null : { record: decision, snapshot: storedSnapshotOf(decision) },
    entry,
    stranger: entry === null || isDispatcher(entry.record, step.before.dispatch) ? null : entry.record
  }
}

const isDispatcher = ({ actorKind, actorId, actorName }: AuditRecord, dispatch: Dispatch): boolean =>
  actorKind === dispatch.actorKind &&
  actorId === initiatorOf(dispatch.subject.authority) &&
  actorName === dispatch.initiatorName

const isOfItsRun = ({ before, after, decision, notice }: Step, entry: AuditEntry | null): boolean => {
  const { id, subject } = before.dispatch
  const isAbout = (record: Pick<AuditRecord, "runId" | "workspaceId" | "tenantId" | "operationType">) =>
    record.runId === id &&
    record.workspaceId === subject.scope.workspaceId &&
    record.tenantId === subject.scope.tenantId &&
    record.operationType === subject.operationType
  return (
    (decision === null || decision.runId === id) &&
    (entry === null || (isAbout(entry.record) && entry.record.decisionId === (decision?.id ?? null))) &&
    (notice === null ||
      (isAbout(notice) &&
        notice.recipient === initiatorOf(subject.authority) &&
        notice.outcome === wireStateOf[after._tag].outcome &&
        isCompleted(after) &&
        notice.completedAtMillis === after.completedAtMillis))
  )
}

/** What parts copy from a row `w`: columns of the run as it is now, and of its step. */
export const COPIED = {
  run: [
    "id",
    "workspace_id",
    "tenant_id",
    "operation_type",
    "outcome",
    "actor_kind",
    "initiator_id",
    "initiator_name",
    "completed_at"
  ],
  step: ["decision_id"]
}

/** SQL of a cell that was sent, by its name. */
type CellOf = (name: string) => string

/** One table's share of a step. */
export interface Part {
  /** What has to be sent for it. */
  readonly sent: ReadonlyArray<Column<WrittenStep>>
  /** Inserts it for each row `w` of a table that has it. */
  readonly insertion: (q: string, from: string, cell: CellOf) => string
}

interface PartTerms<A> {
  readonly table: string
  readonly columns: ReadonlyArray<Column<A>>
  readonly of: (written: WrittenStep) => A | null
  /** The columns that are copied, of those above and beyond them. */
  readonly copied: Readonly<Record<string, (cell: CellOf) => string>>
  readonly isThere: (cell: CellOf) => string
}

const partOf = <A>({ table, columns, of, copied, isThere }: PartTerms<A>): Part => {
  const names = [...new Set([...columns.map(({ name }) => name), ...Object.keys(copied)])]
  const cellOf = (name: string, cell: CellOf) => copied[name]?.(cell) ?? cell(`${table}_${name}`)
  return {
    sent: columns
      .filter(({ name }) => copied[name] === undefined)
      .map((column) => ({
        ...column,
        name: `${table}_${column.name}`,
        of: (written) => {
          const value = of(written)
          return value === null ? null : column.of(value)
        }
      })),
    insertion: (q, from, cell) => `INSERT INTO ${q}.${table} (${names.join(", ")})
  SELECT ${names.map((name) => cellOf(name, cell)).join(", ")} FROM ${from} w WHERE ${isThere(cell)}`
  }
}

const copy = (name: string) => () => `w.${name}`

const strangerColumns: ReadonlyArray<Column<WrittenStep>> = [
  shared("stranger_kind", "text", ({ stranger }) => stranger?.actorKind ?? null),
  shared("stranger_id", "text", ({ stranger }) => stranger?.actorId ?? null),
  shared("stranger_name", "text", ({ stranger }) => stranger?.actorName ?? null)
]

const actor = (stranger: string, dispatcher: string) => (cell: CellOf) =>
  `CASE WHEN ${cell("stranger_kind")} IS NULL THEN w.${dispatcher} ELSE ${cell(stranger)} END`

/** The decision a step rests on. */
export const decisionPart: Part = partOf({
  table: "decisions",
  columns: decisionColumns,
  of: ({ decision }) => decision,
  copied: {
    id: copy("decision_id"),
    run_id: copy("id"),
    facts_hash: (cell) => `sha256(convert_to(${cell("decisions_facts")}, 'UTF8'))`
  },
  isThere: () => "w.decision_id IS NOT NULL"
})

const auditRow: Part = partOf({
  table: "audit_records",
  columns: auditColumns,
  of: ({ entry }) => entry,
  copied: {
    run_id: copy("id"),
    workspace_id: copy("workspace_id"),
    tenant_id: copy("tenant_id"),
    operation_type: copy("operation_type"),
    actor_kind: actor("stranger_kind", "actor_kind"),
    actor_id: actor("stranger_id", "initiator_id"),
    actor_name: actor("stranger_name", "initiator_name"),
    decision_id: copy("decision_id")
  },
  isThere: (cell) => `${cell("audit_records_action")} IS NOT NULL`
})

/** What a step leaves in the audit record. */
export const auditPart: Part = { ...auditRow, sent: [...auditRow.sent, ...strangerColumns] }

/** A notice is due from the moment the run completed. */
export const noticePart: Part = partOf({
  table: "notices",
  columns: noticeColumns,
  of: ({ step }) => step.notice,
  copied: {
    run_id: copy("id"),
    recipient: copy("initiator_id"),
    workspace_id: copy("workspace_id"),
    tenant_id: copy("tenant_id"),
    operation_type: copy("operation_type"),
    outcome: copy("outcome"),
    completed_at: copy("completed_at"),
    due_at: copy("completed_at")
  },
  isThere: (cell) => `${cell("notices_title")} IS NOT NULL`
})
