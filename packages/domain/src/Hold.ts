/**
 * Whether a denial holds a queued run or ends it. Held means: the run stays queued with its reason, needs a new admission, and is
 * asked about again. Only a denial for a reason that may pass holds, only where a change of facts could ever allow the run, only where the
 * operation says so, and never for longer in a row than it says.
 *
 * Contract sections 3 and 8; laws `only_retryable_denials_hold`, `a_hold_ends_at_its_deadline`.
 */
import type { Denied } from "./Decision.ts"
import { canFactsAllow } from "./Explanation.ts"
import type { HoldPolicy } from "./Operation.ts"
import type { Snapshot } from "./Snapshot.ts"

/** What of a waiting run matters for holding it. */
export interface Holding {
  /** Null: a denial blocks at once. */
  readonly policy: HoldPolicy | null
  /** Since when the run has been held in a row; null when it is not held. */
  readonly sinceMillis: number | null
}

/** What was denied, and from which facts. */
export interface DeniedFrom {
  readonly decision: Denied
  readonly snapshot: Snapshot
}

/**
 * When to ask again about a run that is denied now, in epoch milliseconds; null when the denial blocks it. Never later than the
 * deadline, so that the decision that ends the hold is made when it is due. A run that lacks what it must name, such as a connection,
 * is not held: no change of facts would let it start.
 */
export const askAgainAtMillis = (
  { decision, snapshot }: DeniedFrom,
  { policy, sinceMillis }: Holding
): number | null => {
  if (policy === null || !decision.retryable || !canFactsAllow(snapshot)) return null
  const nowMillis = snapshot.takenAtMillis
  const deadlineMillis = (sinceMillis ?? nowMillis) + policy.deadlineMillis
  return nowMillis >= deadlineMillis ? null : Math.min(nowMillis + policy.retryMillis, deadlineMillis)
}
