/**
 * What operators may be told of a workspace, over a webhook they subscribed: that a run ended, was held, or that a schedule's run was
 * blocked. Not a notice to a person; system runs are told of like all others, so that nothing stops silently.
 *
 * Contract section 10.
 */
import { Schema } from "effect"
import { AuthorityMode, modeOf } from "./Authority.ts"
import { HostString, OperationType, RunId, ScheduleId, TenantId, WorkspaceId } from "./Ids.ts"
import { headlineOf, nextStepsFor } from "./Presentation.ts"
import { isCompleted, type Run, type RunFailure, RunOutcome, type Standing, wireStateOf } from "./Run.ts"

/** What can be subscribed to; wire values. A schedule's blocked run is both `run.blocked` and `schedule.blocked`. */
export const WorkspaceEventType = Schema.Literals([
  "run.held",
  "run.blocked",
  "run.failed",
  "run.cancelled",
  "run.partially_succeeded",
  "run.succeeded",
  "schedule.blocked"
])
export type WorkspaceEventType = typeof WorkspaceEventType.Type

/** What an event says: ids, codes, and the presenter's words. No payload, no result, no counts. */
export const WorkspaceEventData = Schema.Struct({
  run_id: RunId,
  workspace_id: WorkspaceId,
  tenant_id: Schema.NullOr(TenantId),
  operation_type: OperationType,
  authority_mode: AuthorityMode,
  schedule_id: Schema.NullOr(ScheduleId),
  outcome: RunOutcome,
  /** A denial's reason code, or a failure's code. */
  code: Schema.NullOr(HostString),
  title: Schema.String,
  next_steps: Schema.Array(Schema.String)
})
export type WorkspaceEventData = typeof WorkspaceEventData.Type

/** The body of a message about an event. */
export const WorkspaceEventMessage = Schema.Struct({
  type: WorkspaceEventType,
  /** When it happened, ISO 8601 in UTC. */
  timestamp: Schema.String,
  data: WorkspaceEventData
})

/** Something that happened. The id follows from run, admission and type: told again, it is the same. */
export const WorkspaceEvent = Schema.Struct({
  id: Schema.NonEmptyString,
  type: WorkspaceEventType,
  occurredAtMillis: Schema.Int,
  data: WorkspaceEventData
})
export type WorkspaceEvent = typeof WorkspaceEvent.Type

/** Which run an event is about. All of it stands in plain columns: a run of which nothing else can be read is told of as well. */
export type EventSubject = Omit<WorkspaceEventData, "outcome" | "code" | "title" | "next_steps">

const codeOf = (run: Standing): string | null => {
  if (run._tag === "Blocked" || run._tag === "Failed") return run.failure.code
  return run._tag === "Queued" && run.held !== null ? run.held.failure.code : null
}

const subjectOf = ({ dispatch: { id, subject, slot } }: Run): EventSubject => ({
  run_id: id,
  workspace_id: subject.scope.workspaceId,
  tenant_id: subject.scope.tenantId,
  operation_type: subject.operationType,
  authority_mode: modeOf(subject.authority),
  schedule_id: slot?.scheduleId ?? null
})

const dataOf = (subject: EventSubject, run: Standing): WorkspaceEventData => ({
  ...subject,
  outcome: wireStateOf[run._tag].outcome,
  code: codeOf(run),
  title: `${subject.operation_type}: ${headlineOf(run)}`,
  next_steps: nextStepsFor(run)
})

const idOf = (type: WorkspaceEventType, runId: RunId, admission: number): string =>
  `${type.replace(".", "_")}_${runId}_${admission}`

const typesOf = (before: Run | null, after: Run): ReadonlyArray<WorkspaceEventType> => {
  switch (after._tag) {
    case "Succeeded":
      return ["run.succeeded"]
    case "PartiallySucceeded":
      return ["run.partially_succeeded"]
    case "Failed":
      return ["run.failed"]
    case "Cancelled":
      return ["run.cancelled"]
    case "Blocked":
      return after.dispatch.slot === null ? ["run.blocked"] : ["run.blocked", "schedule.blocked"]
    case "Queued":
      // Once, however often it is asked about while it is held.
      return after.held !== null && (before?._tag !== "Queued" || before.held === null) ? ["run.held"] : []
    case "Running":
      return []
  }
}

/** What a step makes known; `before` is null for a run that ends with its dispatch. */
export const eventsOf = (before: Run | null, after: Run): ReadonlyArray<WorkspaceEvent> => {
  const types = typesOf(before, after)
  if (types.length === 0) return []
  const data = dataOf(subjectOf(after), after)
  const occurredAtMillis = happenedAtMillis(after)
  return types.map((type) => ({ id: idOf(type, data.run_id, after.admission), type, occurredAtMillis, data }))
}

/**
 * What the end of a run as failed makes known, where its row gives nothing but this to be read: the same as {@link eventsOf} says of
 * one that can be read. The instant is in epoch milliseconds.
 */
export const eventOfFailure = (
  subject: EventSubject,
  admission: number,
  failure: RunFailure,
  atMillis: number
): WorkspaceEvent => ({
  id: idOf("run.failed", subject.run_id, admission),
  type: "run.failed",
  occurredAtMillis: atMillis,
  data: dataOf(subject, { _tag: "Failed", failure })
})

const happenedAtMillis = (run: Run): number => {
  if (isCompleted(run)) return run.completedAtMillis
  return run._tag === "Queued" && run.held !== null ? run.held.sinceMillis : run.dispatch.dispatchedAtMillis
}
