/**
 * The audit record: one per decision and one per transition, append-only. Names are snapshots of their time.
 *
 * **Who is named.** The actor is the one on whose behalf it happened, who need not be there: for a dispatch, the decisions about
 * the run, and what follows from them and from its work (started, held, blocked, revoked, succeeded, failed, tried again), that is the initiator,
 * or the kind of system that dispatched it (`scheduled` for the run of a schedule). What is done *to* a run on nobody's behalf names whoever does it: a
 * cancellation the canceller; what waits too long, loses its lease, or is given back or set aside, the `system`. That a worker carried it out
 * goes without saying: no record names one.
 *
 * Contract section 10; law `every_decision_is_audited`.
 */
import { Schema } from "effect"
import { ActorKind, initiatorOf } from "./Authority.ts"
import type { DecisionRecord } from "./DecisionRecord.ts"
import { DecisionId, HostString, OperationType, RunId, TenantId, WorkspaceId } from "./Ids.ts"
import type { Failed, Run } from "./Run.ts"
import type { Birth, RunEventTag } from "./transitions.ts"

/** How what is recorded came out (contract, section 10). */
export const AuditOutcome = Schema.Literals(["success", "failed", "partial", "info", "blocked"])
export type AuditOutcome = typeof AuditOutcome.Type

/** What happened; wire values. */
export const AuditAction = Schema.Literals([
  "run.dispatched",
  "run.dispatch_failed",
  "run.decided",
  "run.started",
  "run.blocked",
  "run.held",
  "run.cancelled",
  "run.expired",
  "run.succeeded",
  "run.partially_succeeded",
  "run.failed",
  "run.attempt_failed",
  "run.revoked",
  "run.released",
  "run.lease_lost"
])
export type AuditAction = typeof AuditAction.Type

/** One entry of the audit record. `attempt` and `admission` are those the run was in when it happened. */
export const AuditRecord = Schema.Struct({
  occurredAtMillis: Schema.Int,
  action: AuditAction,
  outcome: AuditOutcome,
  runId: RunId,
  workspaceId: WorkspaceId,
  tenantId: Schema.NullOr(TenantId),
  operationType: OperationType,
  /** On whose behalf it happened, or who did it to the run; see above. */
  actorKind: ActorKind,
  actorId: Schema.NullOr(HostString),
  actorName: Schema.NullOr(HostString),
  attempt: Schema.Int,
  admission: Schema.Int,
  /** The decision this record is about or rests on. */
  decisionId: Schema.NullOr(DecisionId),
  /** A reason code of a denial, or a failure's code. */
  code: Schema.NullOr(Schema.String)
})
export type AuditRecord = typeof AuditRecord.Type

const actionOf: Readonly<Record<RunEventTag | Birth, AuditAction>> = {
  Dispatch: "run.dispatched",
  FailDispatch: "run.dispatch_failed",
  Start: "run.started",
  Block: "run.blocked",
  Hold: "run.held",
  Cancel: "run.cancelled",
  Expire: "run.expired",
  Succeed: "run.succeeded",
  PartiallySucceed: "run.partially_succeeded",
  Fail: "run.failed",
  FailAttempt: "run.attempt_failed",
  Revoke: "run.revoked",
  Release: "run.released",
  LoseLease: "run.lease_lost"
}

const outcomeOf: Readonly<Record<AuditAction, AuditOutcome>> = {
  "run.dispatched": "info",
  "run.dispatch_failed": "failed",
  "run.decided": "info",
  "run.started": "info",
  "run.blocked": "blocked",
  "run.held": "info",
  "run.cancelled": "info",
  "run.expired": "failed",
  "run.succeeded": "success",
  "run.partially_succeeded": "partial",
  "run.failed": "failed",
  "run.attempt_failed": "failed",
  "run.revoked": "blocked",
  "run.released": "info",
  "run.lease_lost": "failed"
}

type Actor = Pick<AuditRecord, "actorKind" | "actorId" | "actorName">

/** Who dispatched the run: the initiator, or the kind of system behind it. */
const dispatcherOf = ({ dispatch }: Run): Actor => ({
  actorKind: dispatch.actorKind,
  actorId: initiatorOf(dispatch.subject.authority),
  actorName: dispatch.initiatorName
})

/** Upkeep: nobody asked for it, and nobody's authority covers it. */
const nobody: Actor = { actorKind: "system", actorId: null, actorName: null }

const actorOf = (event: RunEventTag | Birth, before: Run, after: Run): Actor => {
  if (after._tag === "Cancelled") return { actorKind: after.by.kind, actorId: after.by.id, actorName: null }
  return event === "Expire" || event === "LoseLease" || event === "Release" ? nobody : dispatcherOf(before)
}

type Told = Pick<AuditRecord, "occurredAtMillis" | "action" | "outcome" | "decisionId" | "code">

/** Written out, not spread: every run makes three of them. */
const recordOf = (run: Run, actor: Actor, told: Told): AuditRecord => ({
  occurredAtMillis: told.occurredAtMillis,
  action: told.action,
  outcome: told.outcome,
  runId: run.dispatch.id,
  workspaceId: run.dispatch.subject.scope.workspaceId,
  tenantId: run.dispatch.subject.scope.tenantId,
  operationType: run.dispatch.subject.operationType,
  actorKind: actor.actorKind,
  actorId: actor.actorId,
  actorName: actor.actorName,
  attempt: run.attempt,
  admission: run.admission,
  decisionId: told.decisionId,
  code: told.code
})

/** Why the run is where it is now; null when nothing stands in its way. */
const codeOf = (run: Run): string | null => {
  if (run._tag === "Blocked" || run._tag === "Failed") return run.failure.code
  return run._tag === "Queued" && run.held !== null ? run.held.failure.code : null
}

/** The record of a decision: `info` when allowed, `blocked` when denied. */
export const auditOfDecision = (run: Run, { id, decidedAtMillis, decision }: DecisionRecord): AuditRecord =>
  recordOf(run, dispatcherOf(run), {
    occurredAtMillis: decidedAtMillis,
    action: "run.decided",
    outcome: decision._tag === "Allowed" ? "info" : "blocked",
    decisionId: id,
    code: decision._tag === "Allowed" ? null : decision.failure.code
  })

/**
 * The record of a transition. The attempt and admission are those the event ended, not those that follow. `code` is given where the
 * state that is reached does not tell it: an attempt broke, and another one is made.
 */
export const auditOfTransition = (
  event: RunEventTag | Birth,
  before: Run,
  after: Run,
  atMillis: number,
  decisionId: DecisionId | null,
  code: string | null = codeOf(after)
): AuditRecord => {
  const action = actionOf[event]
  return recordOf(before, actorOf(event, before, after), {
    occurredAtMillis: atMillis,
    action,
    outcome: outcomeOf[action],
    decisionId,
    code
  })
}

/** The record of setting aside a run whose stored row makes no sense. */
export const auditOfSettingAside = (before: Run, after: Failed): AuditRecord =>
  recordOf(before, nobody, {
    occurredAtMillis: after.completedAtMillis,
    action: "run.failed",
    outcome: outcomeOf["run.failed"],
    decisionId: null,
    code: after.failure.code
  })
