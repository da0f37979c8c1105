/** Steps as SQL: one statement for a whole batch, each step written whole or not at all. */
import type { Lease, Step } from "@countersign/domain"
import type { PgTypes } from "@effect/sql-pg"
import { arrayOf, arraysOf, type Column, cellsOf, column, fromArrays, namesOf, shared } from "./Cells.ts"
import { eventColumns, notingEvents, stateColumns } from "./columns.ts"
import type { Names } from "./SchemaName.ts"
import { type Sending, sendingOf } from "./Sending.ts"
import { auditPart, COPIED, decisionPart, noticePart, type Part, type WrittenStep, writtenStepOf } from "./StepParts.ts"
import type { Stored } from "./StoredSnapshot.ts"

/**
 * Whether the statement tells subscribers. One that does not writes nothing if there is something to tell and anybody subscribed:
 * then the steps are written by the other one. Each answers a row without an id when the other would have been the right one.
 */
export type Telling = "tells" | "nobody"

/** Where a step leaves its run: what must still be so when it is written. */
const beforeColumns: ReadonlyArray<Column<WrittenStep>> = [
  column("id", "uuid", ({ step }) => step.before.dispatch.id),
  shared("was_status", "text", ({ step }) => (step.before._tag === "Queued" ? "queued" : "running")),
  shared("was_attempt", "integer", ({ step }) => step.before.attempt),
  shared("was_admission", "integer", ({ step }) => step.before.admission),
  column("decision_id", "uuid", ({ step }) => step.decision?.id ?? null)
]

/** The epoch by which a run is held, so that it is asked about again when that has moved. */
const heldEpochOf = ({ step: { after, decision } }: WrittenStep): bigint | null => {
  const epoch = after._tag === "Queued" && after.held !== null ? decision?.epoch : null
  return epoch == null ? null : BigInt(epoch)
}

const afterColumns: ReadonlyArray<Column<WrittenStep>> = [
  ...stateColumns.map((spec) => ({ ...spec, of: ({ step }: WrittenStep) => spec.of(step.after) })),
  column("held_epoch", "bigint", heldEpochOf)
]

const snapshotColumns: ReadonlyArray<Column<Stored>> = [
  column("hash", "bytea", ({ hash }) => hash),
  column("content", "json", ({ content }) => content)
]

const sentFor = (parts: ReadonlyArray<Part>) => parts.flatMap(({ sent }) => sent)

/** What the steps of one statement send, and which tables they write to beside that of the runs. */
interface Sort {
  readonly parts: ReadonlyArray<Part>
  readonly sending: Sending<WrittenStep>
}

const sortOf = (columns: ReadonlyArray<Column<WrittenStep>>, parts: ReadonlyArray<Part>, first: number): Sort => ({
  parts,
  sending: sendingOf([...columns, ...sentFor(parts)], first)
})

/** Behind whether to wake, whether there is anything to tell, and the lease. */
const moved = (parts: ReadonlyArray<Part>) => sortOf([...beforeColumns, ...afterColumns], parts, 5)

/**
 * Whether steps that move runs rest on decisions, as those of an admission do. A statement for those that do not leaves out the tables of
 * decisions: to open a table and its indexes takes the server as long as to write some rows.
 */
export type Basis = "decided" | "reported"

const sorts: Readonly<Record<Basis, Sort>> = {
  decided: moved([decisionPart, auditPart, noticePart]),
  reported: moved([auditPart, noticePart])
}

const confirmed = sortOf(beforeColumns, [decisionPart, auditPart], 3)

const isStillThere = ({ cell }: Sending<WrittenStep>) => `r.id = s.id AND r.status = ${cell("was_status", "s")}
    AND r.attempt = ${cell("was_attempt", "s")} AND r.admission = ${cell("was_admission", "s")}`

/** What the other parts of the statement take from the runs that are written. */
const returned = ({ sending, parts }: Sort): string =>
  [
    ...COPIED.run.map((name) => `r.${name}`),
    ...sending.own([...COPIED.step, ...sentFor(parts).map(({ name }) => name)], "s")
  ].join(", ")

/** Brings runs to their next state. What a step does not say (when the run waits, who decided) stays as it was. */
const moving = ({ q }: Names, sort: Sort, hindrance: string) => {
  const { sending } = sort
  const cell = (name: string) => sending.cell(name, "s")
  const state = [...stateColumns.map(({ name }) => name).filter((name) => name !== "available_at"), "held_epoch"]
  return `UPDATE ${q}.runs AS r SET ${state.map((name) => `${name} = ${cell(name)}`).join(", ")},
    available_at = coalesce(s.available_at, r.available_at),
    decision_id = CASE ${cell("status")} WHEN 'queued' THEN NULL ELSE coalesce(s.decision_id, r.decision_id) END,
    lease_holder = CASE ${cell("status")} WHEN 'running' THEN $3::text END,
    lease_until = CASE ${cell("status")} WHEN 'running' THEN $4::timestamptz END
  FROM ${sending.table("s")}
  WHERE ${isStillThere(sending)} AND NOT (${hindrance})
  RETURNING ${returned(sort)}`
}

/** Leaves runs as they are, and holds them until what was decided again is recorded. */
const confirming = ({ q }: Names, sort: Sort, hindrance: string) => `SELECT ${returned(sort)}
  FROM ${sort.sending.table("s")} JOIN ${q}.runs r ON ${isStillThere(sort.sending)}
  WHERE NOT (${hindrance}) FOR NO KEY UPDATE OF r`

const hasDecisions = ({ parts }: Sort): boolean => parts.includes(decisionPart)

/**
 * `IN (…) IS TRUE` is not turned into a join: a join of two sets whose sizes the planner cannot know becomes a nested loop,
 * which is quadratic in the batch. For the same reason snapshots are looked for by a scalar sub-select, never by `NOT EXISTS`.
 */
const recording = (names: Names, telling: Telling, stepping: typeof moving, sort: Sort) => {
  const { q, channel } = names
  const { sending, parts } = sort
  const subscribed = `EXISTS (SELECT FROM ${q}.event_subscriptions WHERE ended_at IS NULL)`
  const isMistaken = `$2::boolean AND ${telling === "tells" ? "NOT " : ""}${subscribed}`
  const eventsAt = sending.next + (hasDecisions(sort) ? snapshotColumns.length : 0)
  const known = `known AS (
  INSERT INTO ${q}.snapshots (${namesOf(snapshotColumns)})
  SELECT ${cellsOf(snapshotColumns, "k")} FROM ${fromArrays(snapshotColumns, sending.next, "k")}
  WHERE (SELECT true FROM ${q}.snapshots o WHERE o.hash = k.hash) IS NULL
  ON CONFLICT DO NOTHING
), `
  const told = `told AS (
  ${notingEvents(names, fromArrays(eventColumns, eventsAt, "e"), "SELECT id FROM written")}
), `
  return `WITH written AS (
  ${stepping(names, sort, telling === "tells" ? "false" : isMistaken)}
), ${hasDecisions(sort) ? known : ""}${parts
    .map(
      ({ insertion }, at) => `part_${at} AS (
  ${insertion(q, "written", (name) => sending.cell(name, "w"))}
), `
    )
    .join("")}${telling === "tells" ? told : ""}woken AS (
  SELECT pg_catalog.pg_notify('${channel}', '') WHERE $1::boolean AND EXISTS (SELECT FROM written)
)
SELECT s.id FROM ${sending.table("s")}
WHERE (SELECT count(*) FROM woken) >= 0 AND (s.id IN (SELECT id FROM written)) IS NOT TRUE
UNION ALL SELECT NULL WHERE ${isMistaken}`
}

/** For steps that move their runs; answers the ids that were refused. */
export const movingStatement = (names: Names, telling: Telling, basis: Basis): string =>
  recording(names, telling, moving, sorts[basis])

/** For steps that only record; answers the ids that were refused. */
export const confirmingStatement = (names: Names, telling: Telling): string =>
  recording(names, telling, confirming, confirmed)

/** What these steps rest on. */
export const basisOf = (steps: ReadonlyArray<Step>): Basis =>
  steps.some(({ decision }) => decision !== null) ? "decided" : "reported"

/** Whether somebody should look at the queue: a run that went back to it may be taken at once. */
const queuesAtOnce = ({ after, audit }: Step): boolean =>
  after._tag === "Queued" && after.availableAtMillis <= (audit.at(-1)?.occurredAtMillis ?? after.availableAtMillis)

const byBytes = (a: Stored, b: Stored) => Buffer.compare(a.hash, b.hash)

/** What decisions share comes once, and sorted, so that two writers never wait for each other in a circle. */
const snapshotsOf = (steps: ReadonlyArray<WrittenStep>) =>
  [...new Set(steps.flatMap(({ decision }) => decision?.snapshot.terms ?? []))].sort(byBytes)

const parametersOf = (
  steps: ReadonlyArray<Step>,
  telling: Telling,
  sort: Sort,
  lease: ReadonlyArray<unknown>
): ReadonlyArray<unknown> => {
  const written = steps.map(writtenStepOf)
  const events = steps.flatMap((step) => step.events)
  return [
    steps.some(queuesAtOnce),
    events.length > 0,
    ...lease,
    ...sort.sending.parameters(written),
    ...(hasDecisions(sort) ? arraysOf(snapshotColumns, snapshotsOf(written)) : []),
    ...(telling === "tells" ? arraysOf(eventColumns, events) : [])
  ]
}

/** The parameters of the statement that moves runs, on their basis; the lease is for those that come to running. */
export const movingParameters = (
  steps: ReadonlyArray<Step>,
  telling: Telling,
  basis: Basis,
  lease: Lease | null
): ReadonlyArray<unknown> =>
  parametersOf(steps, telling, sorts[basis], [
    lease?.holder ?? null,
    lease === null ? null : new Date(lease.untilMillis)
  ])

/** The parameters of the statement that only records. */
export const confirmingParameters = (steps: ReadonlyArray<Step>, telling: Telling): ReadonlyArray<unknown> =>
  parametersOf(steps, telling, confirmed, [])

/** Ids as a parameter. */
export const idsOf = (ids: ReadonlyArray<string>): PgTypes.Parameter => arrayOf("uuid", ids)
