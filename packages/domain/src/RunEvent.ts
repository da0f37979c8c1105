/**
 * What can happen to a run. Whatever a worker reports about an attempt names the admission it acted under, so that a late
 * report can be told from a true one.
 *
 * Contract section 3.
 */
import type { Schema } from "effect"
import type { Denial, Permit } from "./Permit.ts"
import type { Canceller, Counts, RunFailure } from "./Run.ts"

/** What the attempt of one admission reports. */
interface Report {
  readonly admission: number
  readonly atMillis: number
  /** What was counted so far. */
  readonly counts: Counts
}

/** One thing that happens to a run. Times are epoch milliseconds. */
export type RunEvent =
  | { readonly _tag: "Start"; readonly permit: Permit }
  | { readonly _tag: "Block"; readonly denial: Denial }
  /** Denied for a reason that may pass: the run waits, and is asked about again `retryAtMillis`. */
  | { readonly _tag: "Hold"; readonly denial: Denial; readonly retryAtMillis: number }
  | { readonly _tag: "Cancel"; readonly by: Canceller; readonly atMillis: number }
  | { readonly _tag: "Expire"; readonly atMillis: number }
  | (Report & { readonly _tag: "Succeed"; readonly result: Schema.Json | null })
  | (Report & {
      readonly _tag: "PartiallySucceed"
      readonly result: Schema.Json | null
      readonly failures: readonly [RunFailure, ...ReadonlyArray<RunFailure>]
    })
  | (Report & { readonly _tag: "Fail"; readonly failure: RunFailure })
  /** The attempt broke; another is made `retryAtMillis` if attempts are left. */
  | (Report & { readonly _tag: "FailAttempt"; readonly failure: RunFailure; readonly retryAtMillis: number })
  | { readonly _tag: "Revoke"; readonly denial: Denial; readonly counts: Counts }
  | (Report & { readonly _tag: "Release" })
  | {
      readonly _tag: "LoseLease"
      readonly admission: number
      readonly atMillis: number
      readonly retryAtMillis: number
    }
