/**
 * Background work that nothing stops but its scope: a failure or a defect is logged, waited out, and tried again.
 */
import { Cause, Effect, Ref } from "effect"
import { type BackoffPolicy, backoffAfter } from "./Backoff.ts"

const AFTER_FAILURE: BackoffPolicy = { backoffMillis: 100, backoffMaxMillis: 10_000 }

/** Makes an attempt until one succeeds, waiting longer after each failure. */
export const untilDone = <A, E, R>(name: string, attempt: Effect.Effect<A, E, R>): Effect.Effect<A, never, R> =>
  Effect.gen(function* () {
    const failures = yield* Ref.make(0)
    const persistent: Effect.Effect<A, never, R> = Effect.catchCause(attempt, (cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.interrupt
        : Effect.gen(function* () {
            const count = yield* Ref.updateAndGet(failures, (n) => n + 1)
            const waitMillis = yield* backoffAfter(count, AFTER_FAILURE)
            yield* Effect.logWarning(`${name}: ${inWords(cause)}; trying again in ${waitMillis} ms`)
            yield* Effect.sleep(waitMillis)
            return yield* persistent
          })
    )
    return yield* persistent
  })

/** Repeats `turn` for ever; a turn that fails is made again, after a growing wait. */
export const perpetually = <E, R>(name: string, turn: Effect.Effect<unknown, E, R>): Effect.Effect<never, never, R> =>
  Effect.forever(untilDone(name, turn))

const inWords = (cause: Cause.Cause<unknown>): string => {
  const failure = Cause.squash(cause)
  return failure instanceof Error ? failure.message : String(failure)
}
