import { Effect, type Exit, Fiber, type Option } from "effect"

/**
 * What a host's part came to (a value, a failure, a defect or an interruption of its own), or none when that took longer than
 * `limitMillis`. It runs beside the caller; when it is late, or the caller is interrupted, it is told to stop and not waited for:
 * what ignores interruption would otherwise hold up everything that waits for the caller. It begins at once: its time is not spent in a queue.
 */
export const exitWithin = <A, E, R>(
  limitMillis: number,
  asked: Effect.Effect<A, E, R>
): Effect.Effect<Option.Option<Exit.Exit<A, E>>, never, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.forkDetach(restore(asked), { startImmediately: true }), (asking) =>
      Effect.ensuring(
        restore(Effect.timeoutOption(Fiber.await(asking), limitMillis)),
        Effect.sync(() => asking.interruptUnsafe())
      )
    )
  )
