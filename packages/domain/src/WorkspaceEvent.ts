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
import { isCompleted, type Run, RunOutcome, wireStateOf } from "./Run.ts"

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

const codeOf = (run: Run): string | null => {
  if (run._tag === "Blocked" || run._tag === "Failed") return run.failure.code
  return run._tag === "Queued" && run.held !== null ? run.held.failure.code : null
}

const dataOf = (run: Run): WorkspaceEventData => {
  const { id, subject, slot } = run.dispatch
  return {
    run_id: id,
    workspace_id: subject.scope.workspaceId,
    tenant_id: subject.scope.tenantId,
    operation_type: subject.operationType,
    authority_mode: modeOf(subject.authority),
    schedule_id: slot?.scheduleId ?? null,
    outcome: wireStateOf[run._tag].outcome,
    code: codeOf(run),
    title: `${subject.operationType}: ${headlineOf(run)}`,
    next_steps: nextStepsFor(run)
  }
}

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
  const data = dataOf(after)
  const occurredAtMillis = happenedAtMillis(after)
  return types.map((type) => ({
    id: `${type.replace(".", "_")}_${after.dispatch.id}_${after.admission}`,
    type,
    occurredAtMillis,
    data
  }))
}

const happenedAtMillis = (run: Run): number => {
  if (isCompleted(run)) return run.completedAtMillis
  return run._tag === "Queued" && run.held !== null ? run.held.sinceMillis : run.dispatch.dispatchedAtMillis
}
