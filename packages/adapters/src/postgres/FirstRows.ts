/**
 * The rows a dispatch writes: that of the run, and that of its audit record, which repeats the run's and says only in a few columns how
 * the dispatch came out.
 */
import type { FirstStep, Run } from "@countersign/domain"
import { type AuditEntry, alone } from "./AuditEntry.ts"
import { type Column, column, definitionsOf, isSameCell, objectsOf } from "./Cells.ts"
import { auditColumns, dispatchedColumns, stateColumns } from "./columns.ts"

/** The row of a new run. */
export const runColumns: ReadonlyArray<Column<Run>> = [
  column("id", "uuid", ({ dispatch }) => dispatch.id),
  ...dispatchedColumns,
  ...stateColumns.filter(({ name }) => name !== "available_at"),
  column(
    "available_at",
    "timestamptz",
    (run) => new Date(run._tag === "Queued" ? run.availableAtMillis : run.dispatch.dispatchedAtMillis)
  )
]

/** Columns of the audit record, by name, and those of the run that say the same. */
const repeated = new Map([
  ["run_id", "id"],
  ["occurred_at", "dispatched_at"],
  ["workspace_id", "workspace_id"],
  ["tenant_id", "tenant_id"],
  ["operation_type", "operation_type"],
  ["actor_kind", "actor_kind"],
  ["actor_id", "initiator_id"],
  ["actor_name", "initiator_name"],
  ["attempt", "attempt"],
  ["admission", "admission"]
])

interface Repetition {
  readonly ofAudit: Column<AuditEntry>
  readonly ofRun: Column<Run>
}

const repetitions: ReadonlyArray<Repetition> = auditColumns.flatMap((ofAudit) => {
  const ofRun = runColumns.find(({ name }) => name === repeated.get(ofAudit.name))
  return ofRun === undefined ? [] : [{ ofAudit, ofRun }]
})

const outcomeColumns = auditColumns.filter(({ name }) => !repeated.has(name))

const runNames = (alias: string) => repetitions.map(({ ofRun }) => `${alias}${ofRun.name}`).join(", ")

/** What the audit records are made from, of the rows of runs that were stored. */
export const REPEATED = runNames("")

/** Writes the audit records of the runs in the table `stored`, which came out as that parameter says. */
export const recordingFirst = (q: string, stored: string, parameter: number): string => {
  const names = [...repetitions.map(({ ofAudit }) => ofAudit), ...outcomeColumns].map(({ name }) => name)
  const outcome = outcomeColumns.map(({ name }) => `o.${name}`).join(", ")
  return `INSERT INTO ${q}.audit_records (${names.join(", ")})
  SELECT ${runNames("r.")}, ${outcome}
  FROM ${stored} r CROSS JOIN json_to_record($${parameter}::text::json) AS o(${definitionsOf(outcomeColumns)})`
}

/** Equal for dispatches that came out alike. Throws when an audit record is about anything but its run. */
export const outcomeKeyOf = ({ run, audit }: FirstStep): string => {
  const entry = alone(audit)
  const isRepeated = ({ ofAudit, ofRun }: Repetition) => isSameCell(ofAudit.of(entry), ofRun.of(run))
  if (!repetitions.every(isRepeated)) throw new Error(`the audit record of run ${run.dispatch.id} is about another run`)
  return outcomeColumns.map(({ of }) => of(entry)).join(" ")
}

/** How a dispatch came out, as {@link recordingFirst} takes it. */
export const outcomeText = ({ audit }: FirstStep): string =>
  JSON.stringify(objectsOf(outcomeColumns, [alone(audit)])[0])
