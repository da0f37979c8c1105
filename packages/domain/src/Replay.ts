/**
 * Making a stored decision again, from the snapshot it was made from: the same snapshot gives the same decision, always.
 *
 * Contract sections 4 and 10; law `same_snapshot_same_decision`.
 */
import { CheckKey, type Decision } from "./Decision.ts"
import type { DecisionRecord } from "./DecisionRecord.ts"
import { decide } from "./Legitimacy.ts"

/** One part of a decision that does not come out the same; as wire values, null where there is none. */
export interface ReplayDifference {
  readonly part: string
  readonly stored: string | null
  readonly again: string | null
}

/** Everything a decision says, part by part. */
const partsOf = (decision: Decision): ReadonlyArray<readonly [part: string, value: string | null]> => {
  const denied = decision._tag === "Denied" ? decision : null
  return [
    ["allowed", String(denied === null)],
    ["reason_code", denied?.failure.code ?? null],
    ["detail_code", denied?.failure.detail ?? null],
    ["detail_about", denied?.failure.about ?? null],
    ["denial_class", denied?.denialClass ?? null],
    ["retryable", String(denied?.retryable ?? false)],
    ...CheckKey.literals.map((key) => [`checks.${key}`, decision.checks[key]] as const)
  ]
}

/** What does not come out the same when the decision is made again; empty when all does. */
export const replay = ({ decision, snapshot }: DecisionRecord): ReadonlyArray<ReplayDifference> => {
  const again = partsOf(decide(snapshot))
  return partsOf(decision).flatMap(([part, stored], index) => {
    const value = again[index]?.[1] ?? null
    return stored === value ? [] : [{ part, stored, again: value }]
  })
}
