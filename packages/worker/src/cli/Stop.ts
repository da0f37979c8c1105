/** The wish to stop: SIGINT or SIGTERM, told to whoever can end gracefully. */
import { Context, Deferred, Effect } from "effect"

/** What was asked for, as the number that is added to 128 in exit codes (2 for SIGINT, 15 for SIGTERM). */
export type SignalNumber = number

/** Tells of the wish to stop, and whether the command ends by itself. */
export class Stop extends Context.Service<
  Stop,
  {
    /** Answers once somebody wishes that the program stops. */
    readonly requested: Effect.Effect<SignalNumber>
    /** From now on a stop is ours to answer with a graceful end; nobody interrupts us for it. */
    readonly takeCharge: Effect.Effect<void>
    /** Whether somebody has taken charge. */
    readonly isInCharge: Effect.Effect<boolean>
    readonly request: (signal: SignalNumber) => void
  }
>()("@countersign/worker/cli/Stop") {}

/** A stop that nobody has wished for yet. */
export const makeStop: Effect.Effect<Stop["Service"]> = Effect.sync(() => {
  const wish = Deferred.makeUnsafe<SignalNumber>()
  let inCharge = false
  return Stop.of({
    requested: Deferred.await(wish),
    takeCharge: Effect.sync(() => {
      inCharge = true
    }),
    isInCharge: Effect.sync(() => inCharge),
    request: (signal) => {
      Deferred.doneUnsafe(wish, Effect.succeed(signal))
    }
  })
})
