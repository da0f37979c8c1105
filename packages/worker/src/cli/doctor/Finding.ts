/** What the doctor finds: a line each, with what to do about it. */
import { Effect } from "effect"
import type { CliFailure } from "../CliFailure.ts"
import { inWords, type KnownFailure, unforeseen } from "../failures.ts"

/** One line of the doctor's. */
export interface Finding {
  readonly check: string
  readonly verdict: "ok" | "warn" | "fail"
  readonly found: string
  /** What to do; null when nothing is to be done. */
  readonly advice: string | null
}

/** All is well. */
export const ok = (check: string, found: string): Finding => ({ check, verdict: "ok", found, advice: null })
/** Something deserves attention; the exit code stays 0. */
export const warn = (check: string, found: string, advice: string): Finding => ({
  check,
  verdict: "warn",
  found,
  advice
})
/** Something is wrong; the exit code is 1. */
export const fail = (check: string, found: string, advice: string): Finding => ({
  check,
  verdict: "fail",
  found,
  advice
})

/** A check that could not be made is a finding as well, whatever is in the way: the others are made all the same. */
export const examined = <R>(
  check: string,
  examination: Effect.Effect<Finding, KnownFailure, R>
): Effect.Effect<Finding, never, R> =>
  examination.pipe(
    Effect.catch((error) => Effect.succeed(notMade(check, inWords(error)))),
    Effect.catchDefect((defect) => Effect.succeed(notMade(check, unforeseen(defect))))
  )

const notMade = (check: string, { problem, advice }: CliFailure): Finding =>
  fail(check, problem, advice ?? "see the database's log")
