/**
 * What the initiator is told, once, when their run completes. Nobody is told of a system run.
 *
 * Contract section 10.
 */
import { Schema } from "effect"
import { initiatorOf } from "./Authority.ts"
import { blockedSummaryOf } from "./BlockedContext.ts"
import { OperationType, RunId, TenantId, UserId, WorkspaceId } from "./Ids.ts"
import { headlineOf, nextStepsFor } from "./Presentation.ts"
import { type Completed, RunOutcome, wireStateOf } from "./Run.ts"

/** A notice is known by its run: there is exactly one for each. */
export const Notice = Schema.Struct({
  runId: RunId,
  recipient: UserId,
  workspaceId: WorkspaceId,
  tenantId: Schema.NullOr(TenantId),
  operationType: OperationType,
  outcome: RunOutcome,
  title: Schema.String,
  message: Schema.String,
  nextSteps: Schema.Array(Schema.String),
  completedAtMillis: Schema.Int
})
export type Notice = typeof Notice.Type

/** The notice of a completed run, or null for a run that no person started. */
export const noticeOf = (run: Completed): Notice | null => {
  const { subject, id } = run.dispatch
  const recipient = initiatorOf(subject.authority)
  if (recipient === null) return null
  return {
    runId: id,
    recipient,
    workspaceId: subject.scope.workspaceId,
    tenantId: subject.scope.tenantId,
    operationType: subject.operationType,
    outcome: wireStateOf[run._tag].outcome,
    title: `${subject.operationType}: ${headlineOf(run)}`,
    message: messageOf(run),
    nextSteps: nextStepsFor(run),
    completedAtMillis: run.completedAtMillis
  }
}

const messageOf = (run: Completed): string => {
  switch (run._tag) {
    case "Succeeded":
      return "The run has finished."
    case "PartiallySucceeded":
      return "The run has finished, but not everything went well."
    case "Blocked":
      return blockedSummaryOf(run)[0].message
    case "Failed":
      return run.failure.message
    case "Cancelled":
      return "The run was cancelled."
  }
}
