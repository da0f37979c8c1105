/** `UnitOfWork` as a database transaction. */
import { StoreUnavailable, UnitOfWork } from "@countersign/domain"
import { Data, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { isLostRace, storeUnavailable } from "./troubles.ts"

/** How often a transaction that lost a race (deadlock, serialization) is made again before its caller is told. */
const RETRIES = 4

/** Tells the failure of what was done inside from a failure of the transaction itself. */
class Inside<E> extends Data.TaggedError("Inside")<{ readonly error: E }> {}

/**
 * One transaction, READ COMMITTED; a unit inside another is a savepoint of it. The outermost one is made again as a whole when
 * it loses against another transaction: what is done inside may therefore be done more than once, but is written once.
 */
export const layerUnitOfWork: Layer.Layer<UnitOfWork, never, SqlClient.SqlClient> = Layer.effect(
  UnitOfWork,
  Effect.map(SqlClient.SqlClient, (sql) => {
    const transact = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | StoreUnavailable, R> =>
      effect.pipe(
        Effect.mapError((error) => new Inside({ error })),
        sql.withTransaction,
        Effect.mapError((failure) =>
          failure._tag === "Inside" ? failure.error : storeUnavailable("commit a unit of work", failure)
        )
      )
    return UnitOfWork.of({
      transact: (effect) =>
        Effect.flatMap(Effect.serviceOption(sql.transactionService), (transaction) =>
          Option.isSome(transaction)
            ? transact(effect)
            : Effect.retry(transact(effect), {
                times: RETRIES,
                while: (error) => error instanceof StoreUnavailable && isLostRace(error)
              })
        )
    })
  })
)
