/**
 * What a blocked run stores beside its state, for whoever reads the row.
 *
 * Contract section 6.
 */
import { Schema } from "effect"
import { DetailCode, ReasonCode } from "./Decision.ts"
import { DeniedOnTheWire } from "./ExecutionLegitimacy.ts"
import { HostString } from "./Ids.ts"
import { reasonOfRun } from "./ReasonInWords.ts"
import type { Blocked, RunFailure } from "./Run.ts"

/** What blocks a run: always this, so that a reader can tell it from any other `blocked_by` of the host. */
export const BLOCKED_BY = "queued_execution_legitimacy"

/** The context of a blocked run, as it is stored: no secrets, no payload, no facts. */
export const BlockedContext = Schema.Struct({
  blocked_by: Schema.Literal(BLOCKED_BY),
  reason_code: ReasonCode,
  execution_legitimacy: DeniedOnTheWire,
  next_steps: Schema.NonEmptyArray(Schema.String),
  detail_code: DetailCode,
  detail_about: Schema.NullOr(HostString)
})
export type BlockedContext = typeof BlockedContext.Type

/** The stored context of a blocked run. */
export const blockedContextOf = (run: Blocked): BlockedContext => ({
  blocked_by: BLOCKED_BY,
  reason_code: run.failure.code,
  execution_legitimacy: run.legitimacy,
  next_steps: reasonOfRun(run.failure, run.dispatch.subject.scope).nextSteps,
  detail_code: run.failure.detail,
  detail_about: run.failure.about
})

/** The failure summary of a blocked run: one entry, fit for the initiator. Of work that had begun it is not said that none was done. */
export const blockedSummaryOf = (run: Blocked): readonly [RunFailure] => [
  {
    code: run.failure.code,
    message: `${reasonOfRun(run.failure, run.dispatch.subject.scope).toInitiator}, so the run was ${
      run.startedAtMillis === null ? "not carried out" : "stopped before its work was done"
    }.`
  }
]
