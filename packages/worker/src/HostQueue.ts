/**
 * A queue of the host's own, for hosts that do not use Effect: told through a promise, with a function that runs SQL in the transaction
 * that stores the runs.
 *
 * Contract section 3; architecture section 3.
 */
import { dispatchThrough, type Query, type SchemaName } from "@countersign/adapters"
import {
  type Dispatched,
  EnqueueFailed,
  type FirstStep,
  OutsideQueue,
  type QueueEntry,
  StoreUnavailable
} from "@countersign/domain"
import { type Context, Effect } from "effect"
import { SqlClient } from "effect/sql"
import { enqueueNew, storeNotTaken } from "./Enqueueing.ts"
import { messageOf } from "./messageOf.ts"

/** How runs get into the host's queue. */
export interface HostQueue {
  /**
   * Takes these ids, each to be delivered no sooner than `notBeforeMillis`; a rejection means that it did not. With a queue in the
   * same database, use `query`: then runs and entries come into being together. Use the id as the queue's own key, since one may be
   * given again.
   */
  readonly enqueue: (entries: ReadonlyArray<QueueEntry>, query: Query) => Promise<unknown>
}

/** The port over such a queue, given how to run SQL. */
const outsideQueue = ({ enqueue }: HostQueue, queryIn: (context: Context.Context<never>) => Query) =>
  OutsideQueue.of({
    enqueue: (entries) =>
      Effect.contextWith((context: Context.Context<never>) =>
        Effect.tryPromise({
          try: () => enqueue(entries, queryIn(context)),
          catch: (cause) => new EnqueueFailed({ problem: messageOf(cause) })
        })
      )
  })

/** The port over a host's queue; its SQL runs in the transaction at hand, of our own client. */
export const queueOnOurClient = (
  queue: HostQueue
): Effect.Effect<OutsideQueue["Service"], never, SqlClient.SqlClient> =>
  Effect.map(SqlClient.SqlClient, (sql) =>
    outsideQueue(
      queue,
      (context) => (text, values) =>
        Effect.runPromiseWith(context)(Effect.map(sql.unsafe<object>(text, values), (rows) => ({ rows })))
    )
  )

/**
 * Stores runs through the host's transaction, and puts them into the host's queue, where there is one, with the same transaction. What
 * the queue does not take is stored as failed. All are stored or none.
 */
export const dispatchIn = (
  transaction: Query,
  schema: SchemaName,
  queue: HostQueue | undefined
): ((steps: ReadonlyArray<FirstStep>) => Effect.Effect<ReadonlyArray<Dispatched>, StoreUnavailable>) => {
  const store = dispatchThrough(transaction, schema)
  const whole = wholeIn(transaction)
  // One run is stored by one statement.
  if (queue === undefined) return (steps) => (steps.length < 2 ? store(steps) : whole(store(steps)))
  const outside = outsideQueue(queue, () => transaction)
  return (steps) =>
    whole(Effect.tap(store(steps), (dispatched) => enqueueNew(outside, dispatched))).pipe(
      Effect.catchTag("NotTaken", (notTaken) => storeNotTaken(steps, notTaken, store))
    )
}

const SAVEPOINT = "countersign_dispatch"

/** Takes back what an effect did within a transaction when it fails, such as after a statement that would have spoilt the rest. */
const wholeIn =
  (transaction: Query) =>
  <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | StoreUnavailable> => {
    const said = (command: string) =>
      Effect.tryPromise({
        try: () => transaction(command, []),
        catch: (cause) =>
          new StoreUnavailable({
            trouble: "rejected",
            operation: "dispatch in the host's transaction",
            advice: "the transaction cannot go on: roll it back and dispatch again",
            cause
          })
      })
    return said(`SAVEPOINT ${SAVEPOINT}`).pipe(
      // Where even this fails, the transaction is over, and what happened first says why.
      Effect.andThen(Effect.tapError(effect, () => Effect.ignore(said(`ROLLBACK TO SAVEPOINT ${SAVEPOINT}`)))),
      Effect.tap(() => said(`RELEASE SAVEPOINT ${SAVEPOINT}`))
    )
  }
