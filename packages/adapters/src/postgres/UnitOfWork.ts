/** `UnitOfWork` as a database transaction. */
import { StoreUnavailable, UnitOfWork } from "@countersign/domain"
import { Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { transacting } from "./transacting.ts"
import { isLostRace } from "./troubles.ts"

/** How often a transaction that lost a race (deadlock, serialization) is made again before its caller is told. */
const RETRIES = 4

/**
 * One transaction, READ COMMITTED; a unit inside another is a savepoint of it. The outermost one is made again as a whole when
 * it loses against another transaction: what is done inside may therefore be done more than once, but is written once.
 */
export const layerUnitOfWork: Layer.Layer<UnitOfWork, never, SqlClient.SqlClient> = Layer.effect(
  UnitOfWork,
  Effect.map(SqlClient.SqlClient, (sql) => {
    const transact = transacting(sql, "commit a unit of work")
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
