/** Steps as SQL: one statement for a whole batch, each step written whole or not at all. */
import type { Lease, Run, Step } from "@countersign/domain"
import type { PgTypes } from "@effect/sql-pg"
import { auditEntriesOf } from "./AuditEntry.ts"
import { arrayOf, arraysOf, type Column, cellsOf, column, fromArrays, namesOf } from "./Cells.ts"
import { auditColumns, decisionColumns, eventColumns, noticeColumns, notingEvents, stateColumns } from "./columns.ts"
import type { Names } from "./SchemaName.ts"
import { type Stored, storedSnapshotOf } from "./StoredSnapshot.ts"

/** Where a step leaves its run: what must still be so when it is written. */
const beforeColumns: ReadonlyArray<Column<Step>> = [
  column("id", "uuid", ({ before }) => before.dispatch.id),
  column("was_status", "text", ({ before }) => (before._tag === "Queued" ? "queued" : "running")),
  column("was_attempt", "integer", ({ before }) => before.attempt),
  column("was_admission", "integer", ({ before }) => before.admission)
]

const ofAfter = ({ name, type, of }: Column<Run>): Column<Step> => column(name, type, ({ after }) => of(after))

/** The epoch by which a run is held, so that it is asked about again when that has moved. */
const heldEpochOf = ({ after, decision }: Step): bigint | null => {
  const epoch = after._tag === "Queued" && after.held !== null ? decision?.epoch : null
  return epoch == null ? null : BigInt(epoch)
}

const moveColumns: ReadonlyArray<Column<Step>> = [
  ...beforeColumns,
  ...stateColumns.map(ofAfter),
  column("held_epoch", "bigint", heldEpochOf),
  column("decision_id", "uuid", ({ decision }) => decision?.id ?? null)
]

const snapshotColumns: ReadonlyArray<Column<Stored>> = [
  column("hash", "bytea", ({ hash }) => hash),
  column("content", "json", ({ content }) => content)
]

const isStillThere = `r.id = s.id AND r.status = s.was_status AND r.attempt = s.was_attempt
    AND r.admission = s.was_admission`

/** Brings runs to their next state. What a step does not say (when the run waits, who decided) stays as it was. */
const moving = ({ q }: Names) => {
  const taken = stateColumns
    .filter(({ name }) => name !== "available_at")
    .map((spec) => `${spec.name} = ${cellsOf([spec], "s")}`)
  return `UPDATE ${q}.runs AS r SET ${taken.join(", ")},
    available_at = coalesce(s.available_at, r.available_at), held_epoch = s.held_epoch,
    decision_id = CASE s.status WHEN 'queued' THEN NULL ELSE coalesce(s.decision_id, r.decision_id) END,
    lease_holder = CASE s.status WHEN 'running' THEN $2::text END,
    lease_until = CASE s.status WHEN 'running' THEN $3::timestamptz END
  FROM ${fromArrays(moveColumns, 4, "s")}
  WHERE ${isStillThere}
  RETURNING r.id`
}

/** Leaves runs as they are, and holds them until what was decided again is recorded. */
const confirming = ({ q }: Names) => `SELECT r.id FROM ${fromArrays(beforeColumns, 2, "s")}
  JOIN ${q}.runs r ON ${isStillThere} FOR NO KEY UPDATE OF r`

/**
 * `IN (…) IS TRUE` is not turned into a join: a join of two sets whose sizes the planner cannot know becomes a nested loop,
 * which is quadratic in the batch. For the same reason snapshots are looked for by a scalar sub-select, never by `NOT EXISTS`.
 */
const recording = (names: Names, stepping: string, first: number) => {
  const { q, channel } = names
  const decisionsAt = first
  const snapshotsAt = decisionsAt + decisionColumns.length
  const auditAt = snapshotsAt + snapshotColumns.length
  const noticesAt = auditAt + auditColumns.length
  const eventsAt = noticesAt + noticeColumns.length
  return `WITH written AS (
  ${stepping}
), decided AS (
  INSERT INTO ${q}.decisions (${namesOf(decisionColumns)})
  SELECT ${cellsOf(decisionColumns, "d")} FROM ${fromArrays(decisionColumns, decisionsAt, "d")}
  WHERE (d.run_id IN (SELECT id FROM written)) IS TRUE
), known AS (
  INSERT INTO ${q}.snapshots (${namesOf(snapshotColumns)})
  SELECT ${cellsOf(snapshotColumns, "k")} FROM ${fromArrays(snapshotColumns, snapshotsAt, "k")}
  WHERE (SELECT true FROM ${q}.snapshots o WHERE o.hash = k.hash) IS NULL
  ON CONFLICT DO NOTHING
), audited AS (
  INSERT INTO ${q}.audit_records (${namesOf(auditColumns)})
  SELECT ${cellsOf(auditColumns, "a")} FROM ${fromArrays(auditColumns, auditAt, "a")}
  WHERE (a.run_id IN (SELECT id FROM written)) IS TRUE
), announced AS (
  INSERT INTO ${q}.notices (${namesOf(noticeColumns)}, due_at)
  SELECT ${cellsOf(noticeColumns, "n")}, n.completed_at FROM ${fromArrays(noticeColumns, noticesAt, "n")}
  WHERE (n.run_id IN (SELECT id FROM written)) IS TRUE
), told AS (
  ${notingEvents(names, fromArrays(eventColumns, eventsAt, "e"), "SELECT id FROM written")}
), woken AS (
  SELECT pg_catalog.pg_notify('${channel}', '') WHERE $1::boolean AND EXISTS (SELECT FROM written)
)
SELECT id FROM written WHERE (SELECT count(*) FROM woken) >= 0`
}

/** For steps that move their runs; answers the ids written. */
export const movingStatement = (names: Names): string => recording(names, moving(names), 4 + moveColumns.length)

/** For steps that only record; answers the ids written. */
export const confirmingStatement = (names: Names): string =>
  recording(names, confirming(names), 2 + beforeColumns.length)

/** Whether somebody should look at the queue: a run that went back to it may be taken at once. */
const queuesAtOnce = ({ after, audit }: Step): boolean =>
  after._tag === "Queued" && after.availableAtMillis <= (audit.at(-1)?.occurredAtMillis ?? after.availableAtMillis)

const byBytes = (a: Stored, b: Stored) => Buffer.compare(a.hash, b.hash)

/**
 * The records of the steps as arrays. What decisions share comes once, and sorted, so that two writers never wait for each other in a
 * circle.
 */
const recordsOf = (steps: ReadonlyArray<Step>): ReadonlyArray<PgTypes.Parameter> => {
  const decisions = steps.flatMap(({ decision }) => {
    if (decision === null) return []
    return [{ record: decision, snapshot: storedSnapshotOf(decision) }]
  })
  const snapshots = [...new Set(decisions.map(({ snapshot }) => snapshot.terms))].sort(byBytes)
  return [
    ...arraysOf(decisionColumns, decisions),
    ...arraysOf(snapshotColumns, snapshots),
    ...arraysOf(
      auditColumns,
      steps.flatMap(({ audit }) => auditEntriesOf(audit))
    ),
    ...arraysOf(
      noticeColumns,
      steps.flatMap(({ notice }) => notice ?? [])
    ),
    ...arraysOf(
      eventColumns,
      steps.flatMap(({ events }) => events)
    )
  ]
}

/** The parameters of the statement that moves runs; the lease is for those that come to running. */
export const movingParameters = (steps: ReadonlyArray<Step>, lease: Lease | null): ReadonlyArray<unknown> => [
  steps.some(queuesAtOnce),
  lease?.holder ?? null,
  lease === null ? null : new Date(lease.untilMillis),
  ...arraysOf(moveColumns, steps),
  ...recordsOf(steps)
]

/** The parameters of the statement that only records. */
export const confirmingParameters = (steps: ReadonlyArray<Step>): ReadonlyArray<unknown> => [
  steps.some(queuesAtOnce),
  ...arraysOf(beforeColumns, steps),
  ...recordsOf(steps)
]

/** Ids as a parameter. */
export const idsOf = (ids: ReadonlyArray<string>): PgTypes.Parameter => arrayOf("uuid", ids)
