import { Effect, Logger } from "effect"

/** Without log lines on the console. */
export const silent = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provide(effect, Logger.layer([]))
