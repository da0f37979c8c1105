/**
 * How long to wait before trying again: doubled each time, bounded, and spread out so that many do not return at once.
 */
import { Effect, Random } from "effect"

/** The part of an operation's attempt policy that says how long to wait, in milliseconds. */
export interface BackoffPolicy {
  readonly backoffMillis: number
  readonly backoffMaxMillis: number
}

/** The wait after the `failures`th failure in a row (counted from 1), in milliseconds: between half of it and all of it. */
export const backoffAfter = (failures: number, policy: BackoffPolicy): Effect.Effect<number> => {
  // Past 2^30 the doubling has long met the bound of any sane policy, and stays within exact integers.
  const doubled = policy.backoffMillis * 2 ** Math.min(failures - 1, 30)
  const longest = Math.min(doubled, policy.backoffMaxMillis)
  return Effect.map(Random.next, (random) => Math.round(longest / 2 + (longest / 2) * random))
}
