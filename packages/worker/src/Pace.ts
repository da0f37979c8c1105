/**
 * How much a worker takes at once, and what it passes over for the moment.
 *
 * If facts cannot be read, the next claim is of one run, and each success doubles it again: a run whose facts are the trouble is
 * soon alone in its claim and holds up nobody. A workspace whose authority is being changed is left out for a moment.
 */
import type { Claim, WorkspaceId } from "@countersign/domain"
import { Effect } from "effect"
import type { Admitted } from "./Admission.ts"
import { type BackoffPolicy, backoffAfter } from "./Backoff.ts"

/** For how long a workspace in change is passed over, in milliseconds. */
export const FENCED_MILLIS = 100

const FACTS_BACKOFF: BackoffPolicy = { backoffMillis: 1_000, backoffMaxMillis: 60_000 }

/** What to claim next, and how long to wait, learned from how admissions went. */
export interface Pace {
  /** What to claim with this many free hands. */
  readonly next: (free: number, nowMillis: number) => Pick<Claim, "limit" | "passOver">
  /** How long to leave runs alone whose facts cannot be read, in milliseconds. */
  readonly factsPause: Effect.Effect<number>
  /** Takes note of how an admission went. */
  readonly learn: (admitted: Admitted, nowMillis: number) => void
  /** True while a workspace is passed over, so that the next look is soon. */
  readonly isPassingOver: () => boolean
}

/** A pace that begins without a pause. */
export const makePace = (batch: number): Pace => {
  let ceiling = batch
  let failures = 0
  const passedOver = new Map<WorkspaceId, number>()

  const next: Pace["next"] = (free, nowMillis) => {
    for (const [workspace, untilMillis] of passedOver) if (untilMillis <= nowMillis) passedOver.delete(workspace)
    return { limit: Math.min(free, ceiling), passOver: [...passedOver.keys()] }
  }

  const learn: Pace["learn"] = ({ undecided, claimed, fenced }, nowMillis) => {
    for (const workspace of fenced) passedOver.set(workspace, nowMillis + FENCED_MILLIS)
    if (undecided.length > 0) {
      failures += 1
      ceiling = 1
    } else if (claimed > 0) {
      failures = 0
      ceiling = Math.min(ceiling * 2, batch)
    }
  }

  return {
    next,
    factsPause: Effect.suspend(() => backoffAfter(failures + 1, FACTS_BACKOFF)),
    learn,
    isPassingOver: () => passedOver.size > 0
  }
}
