/**
 * What a run is, in words: who started it, on whose authority, where it acts, and what there is to say about how it ended. A part
 * of the one presenter; how it stands is in `Presentation`.
 *
 * Contract section 9.
 */
import { initiatorOf } from "./Authority.ts"
import { blockedSummaryOf } from "./BlockedContext.ts"
import { outcomeBadgeOf, statusBadgeOf, type Tone } from "./Presentation.ts"
import { isCompleted, type Run } from "./Run.ts"
import type { TargetScope } from "./Snapshot.ts"

/** The tone of how the run stands. */
export const toneOf = (run: Run): Tone => (isCompleted(run) ? outcomeBadgeOf(run) : statusBadgeOf(run)).tone

/** Who started it. */
export const starterOf = ({ dispatch }: Run): string => {
  const initiator = initiatorOf(dispatch.subject.authority)
  if (initiator === null && dispatch.slot !== null) return `the schedule ${dispatch.slot.scheduleId}`
  if (initiator === null) return dispatch.actorKind === "scheduled" ? "the schedule" : "the system"
  return dispatch.initiatorName === null ? initiator : `${dispatch.initiatorName} (${initiator})`
}

/** On whose authority it acts. */
export const authorityInWords = ({ dispatch: { subject } }: Run): string =>
  subject.authority._tag === "ActorBound"
    ? "That of the person who started it, as it is at the moment of each attempt"
    : "The system's: the operation declares that it may run without a person"

/** A target. */
export const scopeInWords = ({ tenantId, workspaceId }: TargetScope): string =>
  tenantId === null ? `workspace ${workspaceId}` : `tenant ${tenantId} in workspace ${workspaceId}`

/** Where it acts. */
export const targetOf = ({ dispatch: { subject } }: Run): string => scopeInWords(subject.scope)

/** What there is to say beyond the headline. */
export const whyOf = (run: Run): ReadonlyArray<string> => {
  switch (run._tag) {
    case "Blocked":
      return [blockedSummaryOf(run)[0].message]
    case "PartiallySucceeded":
      return run.failures.map(({ message }) => message)
    case "Cancelled":
      return [run.by.id === null ? "It was cancelled." : `It was cancelled by ${run.by.id}.`]
    default:
      return []
  }
}

/** How it stands, as a sentence, where the headline says no more than a badge does; null for every other run. */
export const sentenceOf = (run: Run): string | null => {
  switch (run._tag) {
    case "Queued":
      if (run.held !== null || run.startedAtMillis !== null) return null
      return "It waits for a worker. Whether it may start is asked when one takes it."
    case "Succeeded":
      return "Its work is done."
    default:
      return null
  }
}
