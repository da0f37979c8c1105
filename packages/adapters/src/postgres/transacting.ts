/** Transactions that fail as typed errors, whatever becomes of their connection. */
import type { StoreUnavailable } from "@countersign/domain"
import { Cause, Data, Effect } from "effect"
import { type SqlClient, SqlError } from "effect/sql"
import { storeUnavailable } from "./troubles.ts"

/** Tells the failure of what was done inside from a failure of the transaction itself. */
class Inside<E> extends Data.TaggedError("Inside")<{ readonly error: E }> {}

/**
 * One transaction, or a savepoint of the one that is open already. `operation` is what failed when the transaction itself did.
 *
 * A connection that is lost can take nothing back: then the client's rollback fails as well, and makes defects of all that failed. The server
 * has taken everything back by then, so that the caller is told what failed inside, or of the lost connection where nothing did.
 */
export const transacting =
  (sql: SqlClient.SqlClient, operation: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | StoreUnavailable, R> =>
    Effect.suspend(() => {
      let failed: Inside<E> | null = null
      const noted = Effect.mapError(effect, (error) => {
        failed = new Inside({ error })
        return failed
      })
      return sql.withTransaction(noted).pipe(
        Effect.catchCause((cause): Effect.Effect<never, Inside<E> | SqlError.SqlError> => {
          const defects = cause.reasons.flatMap((reason) => (Cause.isDieReason(reason) ? [reason.defect] : []))
          const lost = defects.find(isSqlError)
          if (lost === undefined) return Effect.failCause(cause)
          if (failed !== null && defects.includes(failed)) return Effect.fail(failed)
          const others = cause.reasons.filter((reason) => !(Cause.isDieReason(reason) && isSqlError(reason.defect)))
          return others.length === 0 ? Effect.fail(lost) : Effect.failCause(Cause.fromReasons(others))
        }),
        Effect.mapError((failure) => (failure._tag === "Inside" ? failure.error : storeUnavailable(operation, failure)))
      )
    })

const isSqlError = (defect: unknown): defect is SqlError.SqlError => defect instanceof SqlError.SqlError
