/**
 * A run as a row. The database vouches for the types of its columns; what they say together is checked here, by hand because
 * every claimed run passes: a row edited into nonsense is told, never believed.
 */
import {
  ActorKind,
  BlockedContext,
  Canceller,
  type Counts,
  type Dispatch,
  Held,
  Priority,
  type Queued,
  type Run,
  RunFailure,
  type Running,
  rankOf,
  ScheduleId,
  type Slot
} from "@countersign/domain"
import { Schema } from "effect"
import { calledOf, type Instant, isRunId, millisOf, unreadable } from "./readCells.ts"
import { reading } from "./readRows.ts"
import { subjectOf } from "./SubjectRow.ts"

/** The columns of `runs`, as a driver gives them. Instants come as `Date`, or as text where the row came as JSON. */
export interface RunRow {
  readonly id: string
  readonly workspace_id: string
  readonly tenant_id: string | null
  readonly provider_connection_id: string | null
  readonly operation_type: string
  readonly authority_mode: string
  readonly initiator_id: string | null
  readonly initiator_name: string | null
  readonly actor_kind: string
  readonly payload: Schema.Json
  readonly identity: string
  readonly max_attempts: number
  readonly priority: number
  readonly status: string
  readonly outcome: string
  readonly attempt: number
  readonly admission: number
  readonly dispatched_at: Instant
  readonly expires_at: Instant
  readonly retry_of: string | null
  readonly schedule_id: string | null
  readonly slot_at: Instant | null
  readonly available_at: Instant
  readonly started_at: Instant | null
  readonly completed_at: Instant | null
  readonly counts: Schema.Json
  readonly result: Schema.Json | null
  readonly context: Schema.Json | null
  readonly failure_summary: Schema.Json | null
  readonly held: Schema.Json | null
}

/** What is told of a run that waits. */
const QUEUED = [
  "id",
  "workspace_id",
  "tenant_id",
  "provider_connection_id",
  "operation_type",
  "authority_mode",
  "initiator_id",
  "initiator_name",
  "actor_kind",
  "payload",
  "identity",
  "max_attempts",
  "priority",
  "attempt",
  "admission",
  "dispatched_at",
  "expires_at",
  "retry_of",
  "schedule_id",
  "slot_at",
  "available_at",
  "started_at",
  "counts",
  "held"
] as const satisfies ReadonlyArray<keyof RunRow>

const COLUMNS = [
  ...QUEUED,
  "status",
  "outcome",
  "completed_at",
  "result",
  "context",
  "failure_summary"
] satisfies ReadonlyArray<keyof RunRow>

/** The columns of a run that is known to be queued: every claimed run is read, and each column has its price. */
export type QueuedRow = Pick<RunRow, (typeof QUEUED)[number]>

const selected = (columns: ReadonlyArray<string>) => columns.map((column) => `r.${column}`).join(", ")

/** What to select of a run; `r` is the table's alias. */
export const RUN_COLUMNS = selected(COLUMNS)

/** What to select of a {@link QueuedRow}; `r` is the table's alias. */
export const QUEUED_COLUMNS = selected(QUEUED)

/** In place of {@link QUEUED_COLUMNS}, in a row beside those of runs that is none: these cells, and nothing in the others. */
export const noQueuedColumns = (cells: Readonly<Partial<Record<keyof QueuedRow, string>>> = {}): string =>
  QUEUED.map((column) => cells[column] ?? "NULL").join(", ")

const isActorKind = Schema.is(ActorKind)
const isScheduleId = Schema.is(ScheduleId)
const isBlockedContext = Schema.is(BlockedContext)
const isCancelledContext = Schema.is(Schema.Struct({ cancelled_by: Canceller }))
const isHeld = Schema.is(Held)
const isFailures = Schema.is(Schema.NonEmptyArray(RunFailure))

const slotOf = ({ schedule_id, slot_at }: QueuedRow): Slot | null => {
  if (schedule_id === null && slot_at === null) return null
  if (slot_at === null || !isScheduleId(schedule_id)) return unreadable("schedule_id and slot_at do not fit together")
  return { scheduleId: schedule_id, slotMillis: millisOf(slot_at, "slot_at") }
}

/** The name of a person as the row has it. Throws where it is none. */
export const initiatorNameOf = (name: string | null): string | null =>
  name === null ? null : (calledOf(name) ?? unreadable("initiator_name is not a name"))

const dispatchOf = (row: QueuedRow): Dispatch => {
  const { id, initiator_name, actor_kind, retry_of } = row
  if (!isRunId(id)) return unreadable("id is not a UUID of version 7")
  if (!isActorKind(actor_kind)) return unreadable("actor_kind is none that is known")
  if (retry_of !== null && !isRunId(retry_of)) return unreadable("retry_of is not a UUID of version 7")
  return {
    id,
    subject: subjectOf(row),
    actorKind: actor_kind,
    initiatorName: initiatorNameOf(initiator_name),
    payload: row.payload,
    identity: row.identity,
    maxAttempts: row.max_attempts,
    priority: Priority.literals.find((priority) => rankOf[priority] === row.priority) ?? unreadable("priority is none"),
    dispatchedAtMillis: millisOf(row.dispatched_at, "dispatched_at"),
    expiresAtMillis: millisOf(row.expires_at, "expires_at"),
    retryOf: retry_of,
    slot: slotOf(row)
  }
}

const NO_COUNTS: Counts = Object.freeze({})

const countsOf = ({ counts }: QueuedRow): Counts => {
  if (counts === null || typeof counts !== "object" || Array.isArray(counts)) return unreadable("counts is no object")
  const entries = Object.entries(counts)
  if (entries.length === 0) return NO_COUNTS
  const read: Record<string, number> = {}
  for (const [name, count] of entries) {
    if (!Number.isSafeInteger(count) || typeof count !== "number") return unreadable("counts holds no whole number")
    read[name] = count
  }
  return read
}

const attemptsOf = ({ attempt, admission, max_attempts }: QueuedRow) =>
  attempt >= 1 && attempt <= max_attempts && admission >= attempt
    ? { attempt, admission }
    : unreadable("attempt and admission do not fit together")

const startedOf = ({ started_at }: QueuedRow): number | null =>
  started_at === null ? null : millisOf(started_at, "started_at")

const certainlyStartedOf = (row: QueuedRow): number => startedOf(row) ?? unreadable("started_at is missing")

/** Why a queued run is held. Throws where the row does not say it. */
export const heldOf = ({ held }: Pick<RunRow, "held">): Held | null => {
  if (held === null || isHeld(held)) return held
  return unreadable("held does not say why and since when")
}

const queuedOf = (row: QueuedRow): Queued => ({
  _tag: "Queued",
  dispatch: dispatchOf(row),
  ...attemptsOf(row),
  startedAtMillis: startedOf(row),
  availableAtMillis: millisOf(row.available_at, "available_at"),
  counts: countsOf(row),
  held: heldOf(row)
})

const runningOf = (row: RunRow): Running => ({
  _tag: "Running",
  dispatch: dispatchOf(row),
  ...attemptsOf(row),
  startedAtMillis: certainlyStartedOf(row),
  counts: countsOf(row)
})

const completedOf = (row: RunRow): Run => {
  const completed = {
    dispatch: dispatchOf(row),
    ...attemptsOf(row),
    startedAtMillis: startedOf(row),
    completedAtMillis: millisOf(row.completed_at ?? unreadable("completed_at is missing"), "completed_at"),
    counts: countsOf(row)
  }
  const { context, failure_summary, result } = row
  switch (row.outcome) {
    case "succeeded":
      return { ...completed, _tag: "Succeeded", startedAtMillis: certainlyStartedOf(row), result }
    case "partially_succeeded":
      if (!isFailures(failure_summary)) return unreadable("failure_summary is no list of failures")
      return {
        ...completed,
        _tag: "PartiallySucceeded",
        startedAtMillis: certainlyStartedOf(row),
        result,
        failures: failure_summary
      }
    case "blocked": {
      if (!isBlockedContext(context)) return unreadable("context does not say what blocked the run")
      const { execution_legitimacy: legitimacy, reason_code: code, detail_code: detail, detail_about: about } = context
      return { ...completed, _tag: "Blocked", legitimacy, failure: { code, detail, about } }
    }
    case "failed":
      if (!isFailures(failure_summary)) return unreadable("failure_summary is no list of failures")
      return { ...completed, _tag: "Failed", failure: failure_summary[0] }
    case "cancelled":
      if (!isCancelledContext(context)) return unreadable("context does not say who cancelled the run")
      return { ...completed, _tag: "Cancelled", by: context.cancelled_by }
    default:
      return unreadable("outcome is none that is known")
  }
}

/** The queued run that a row is. */
export const readQueued = reading(queuedOf)

/** The running run that a row is. */
export const readRunning = reading(runningOf)

/** The run that a row is, whatever its state. */
export const readRun = reading((row: RunRow): Run => {
  switch (row.status) {
    case "queued":
      return queuedOf(row)
    case "running":
      return runningOf(row)
    case "completed":
      return completedOf(row)
    default:
      return unreadable("status is none that is known")
  }
})
