/**
 * A step: one transition of one run together with everything that must be written with it. Stores write steps whole or not
 * at all, so no decision goes unrecorded and no completion unannounced.
 *
 * Contract sections 3 and 10; laws `every_decision_is_audited`, `blocked_is_final`.
 */
import { Result } from "effect"
import { type AuditRecord, auditOfDecision, auditOfTransition } from "./Audit.ts"
import type { DecisionRecord, FactSources } from "./DecisionRecord.ts"
import { askAgainAtMillis } from "./Hold.ts"
import type { DecisionId } from "./Ids.ts"
import type { IllegalTransition } from "./IllegalTransition.ts"
import { dispatch, failDispatch, transition } from "./lifecycle.ts"
import { type Notice, noticeOf } from "./Notice.ts"
import type { HoldPolicy } from "./Operation.ts"
import { authorize, type Denial, type Permit } from "./Permit.ts"
import { type Counts, type Dispatch, isCompleted, type Queued, type Run, type Running } from "./Run.ts"
import type { RunEvent } from "./RunEvent.ts"
import type { Snapshot } from "./Snapshot.ts"
import { eventsOf, type WorkspaceEvent } from "./WorkspaceEvent.ts"

/** A transition and all that is written with it, in one piece. */
export interface Step {
  /** The state the run must still be in when the step is written (compare-and-set). */
  readonly before: Run
  readonly after: Run
  /** The decision the step rests on, for admissions and re-checks. */
  readonly decision: DecisionRecord | null
  readonly audit: ReadonlyArray<AuditRecord>
  /** Written when the step completes a person's run. */
  readonly notice: Notice | null
  /** Written for each subscription that wants them. */
  readonly events: ReadonlyArray<WorkspaceEvent>
}

/** How a run comes into being, with its audit record. */
export interface FirstStep {
  readonly run: Run
  readonly audit: AuditRecord
  readonly notice: Notice | null
  readonly events: ReadonlyArray<WorkspaceEvent>
}

/** A queued run, dispatched. */
export const dispatchStep = (dispatched: Dispatch, availableAtMillis?: number): FirstStep => {
  const run = dispatch(dispatched, availableAtMillis)
  return {
    run,
    audit: auditOfTransition("Dispatch", run, run, dispatched.dispatchedAtMillis, null),
    notice: null,
    events: []
  }
}

/** A run that could not be enqueued, ended at once. */
export const failDispatchStep = (dispatched: Dispatch, message: string): FirstStep => {
  const run = failDispatch(dispatched, message)
  return {
    run,
    audit: auditOfTransition("FailDispatch", run, run, dispatched.dispatchedAtMillis, null),
    notice: noticeOf(run),
    events: eventsOf(null, run)
  }
}

/** What surrounds a decision when it is recorded. */
export interface Circumstances {
  readonly decisionId: DecisionId
  readonly epoch: number | null
  readonly sources: FactSources
}

/**
 * Decides about a queued run and moves it: to running with the permit, or to blocked. With a policy, a denial for a reason that
 * may pass holds the run instead, until it has been held for the policy's deadline.
 */
export const admissionStep = (
  queued: Queued,
  snapshot: Snapshot,
  circumstances: Circumstances,
  policy: HoldPolicy | null = null
): Result.Result<Step, IllegalTransition> =>
  Result.match(authorize(queued, snapshot), {
    onSuccess: (permit) => ruled(queued, { _tag: "Start", permit }, permit, circumstances),
    onFailure: (denial) => ruled(queued, afterDenial(queued, denial, policy), denial, circumstances)
  })

const afterDenial = (queued: Queued, denial: Denial, policy: HoldPolicy | null): RulingEvent => {
  const holding = { policy, sinceMillis: queued.held?.sinceMillis ?? null }
  const retryAtMillis = askAgainAtMillis(denial, holding)
  return retryAtMillis === null ? { _tag: "Block", denial } : { _tag: "Hold", denial, retryAtMillis }
}

/**
 * Decides again about a running run: a step that revokes it, or one that leaves it as it is and records the decision.
 */
export const recheckStep = (
  running: Running,
  snapshot: Snapshot,
  counts: Counts,
  circumstances: Circumstances
): Result.Result<Step, IllegalTransition> =>
  Result.match(authorize(running, snapshot), {
    onSuccess: (permit) => Result.succeed(confirmed(running, permit, circumstances)),
    onFailure: (denial) => ruled(running, { _tag: "Revoke", denial, counts }, denial, circumstances)
  })

/** Any other step: the transition, its audit record, and the notice when it completes the run. */
export const step = (before: Run, event: Exclude<RunEvent, RulingEvent>): Result.Result<Step, IllegalTransition> =>
  Result.map(transition(before, event), (after) => ({
    before,
    after,
    decision: null,
    audit: [auditOfTransition(event._tag, before, after, event.atMillis, null, brokenBy(event))],
    notice: noticeFor(after),
    events: eventsOf(before, after)
  }))

/** The code of what broke an attempt, also where the run goes on; undefined for any other event. */
const brokenBy = (event: RunEvent): string | undefined =>
  event._tag === "FailAttempt" ? event.failure.code : undefined

/** What happens to a run because of a decision. */
type RulingEvent = Extract<RunEvent, { readonly _tag: "Start" | "Block" | "Hold" | "Revoke" }>

const confirmed = (running: Running, permit: Permit, circumstances: Circumstances): Step => {
  const decision = recordOf(running, permit, circumstances)
  return {
    before: running,
    after: running,
    decision,
    audit: [auditOfDecision(running, decision)],
    notice: null,
    events: []
  }
}

const ruled = (
  before: Queued | Running,
  event: RulingEvent,
  ruling: Permit | Denial,
  circumstances: Circumstances
): Result.Result<Step, IllegalTransition> =>
  Result.map(transition(before, event), (after) => {
    const decision = recordOf(before, ruling, circumstances)
    return {
      before,
      after,
      decision,
      audit: [
        auditOfDecision(before, decision),
        auditOfTransition(event._tag, before, after, decision.decidedAtMillis, decision.id)
      ],
      notice: noticeFor(after),
      events: eventsOf(before, after)
    }
  })

const recordOf = (
  run: Queued | Running,
  { decision, snapshot }: Permit | Denial,
  { decisionId, epoch, sources }: Circumstances
): DecisionRecord => ({
  id: decisionId,
  runId: run.dispatch.id,
  attempt: run.attempt,
  admission: run.admission,
  decidedAtMillis: snapshot.takenAtMillis,
  epoch,
  sources,
  decision,
  snapshot
})

const noticeFor = (run: Run): Notice | null => (isCompleted(run) ? noticeOf(run) : null)
