/**
 * Background work that nothing stops but its scope: a failure or a defect is logged, waited out, and tried again.
 */
import { Cause, Effect, Exit } from "effect"
import { type BackoffPolicy, backoffAfter } from "./Backoff.ts"
import { messageOf } from "./messageOf.ts"

const AFTER_FAILURE: BackoffPolicy = { backoffMillis: 100, backoffMaxMillis: 10_000 }

/**
 * Makes an attempt until one succeeds, waiting longer after each failure. An attempt that interrupts itself has failed, too;
 * only an interruption from outside ends it.
 */
export const untilDone = <A, E, R>(name: string, attempt: Effect.Effect<A, E, R>): Effect.Effect<A, never, R> =>
  Effect.gen(function* () {
    for (let failures = 1; ; failures += 1) {
      const exit = yield* Effect.exit(attempt)
      if (Exit.isSuccess(exit)) return exit.value
      const waitMillis = yield* backoffAfter(failures, AFTER_FAILURE)
      yield* Effect.logWarning(`${name}: ${messageOf(Cause.squash(exit.cause))}; trying again in ${waitMillis} ms`)
      yield* Effect.sleep(waitMillis)
    }
  })

/** Repeats `turn` for ever; a turn that fails is made again, after a growing wait. */
export const perpetually = <E, R>(name: string, turn: Effect.Effect<unknown, E, R>): Effect.Effect<never, never, R> =>
  Effect.forever(untilDone(name, turn))
