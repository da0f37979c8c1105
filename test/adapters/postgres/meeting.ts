/** Two changes of authority facts at once, one of them open while the other is made. */
import { Deferred, Effect, Exit, Fiber, Schedule } from "effect"
import { SqlClient } from "effect/sql"

/** Whether anybody in this database waits for an advisory lock. */
const somebodyWaits = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const waiting = yield* sql`SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
  return waiting.length > 0
})

/** Makes the first change, and the second one before that is committed: the first is, once the second waits for it or is done. */
export const madeWhileOpen = <E1, E2>(first: Effect.Effect<unknown, E1>, second: Effect.Effect<unknown, E2>) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const isMade = yield* Deferred.make<void, E1>()
    const letGo = yield* Deferred.make<void>()
    const open = Effect.andThen(Effect.exit(first), (exit) =>
      Effect.andThen(Deferred.done(isMade, Exit.asVoid(exit)), Deferred.await(letGo))
    )
    const one = yield* Effect.forkChild(sql.withTransaction(open))
    yield* Deferred.await(isMade)
    const other = yield* Effect.forkChild(second)
    yield* Effect.raceFirst(
      Fiber.await(other),
      Effect.repeat(somebodyWaits, { schedule: Schedule.spaced("5 millis"), until: (waits) => waits })
    )
    yield* Deferred.succeed(letGo, undefined)
    yield* Fiber.join(one)
    yield* Fiber.join(other)
  })
