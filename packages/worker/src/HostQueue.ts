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
import { enqueueNew, failedDispatch } from "./Enqueueing.ts"

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
          catch: (cause) => new EnqueueFailed({ problem: cause instanceof Error ? cause.message : String(cause) })
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
 * Stores a run through the host's transaction, and puts it into the host's queue, where there is one, with the same transaction. What
 * the queue does not take is stored as failed.
 */
export const dispatchIn = (
  transaction: Query,
  schema: SchemaName,
  queue: HostQueue | undefined
): ((first: FirstStep) => Effect.Effect<Dispatched, StoreUnavailable>) => {
  const dispatch = dispatchThrough(transaction, schema)
  const store = (first: FirstStep) => Effect.flatMap(dispatch([first]), only)
  if (queue === undefined) return store
  const outside = outsideQueue(queue, () => transaction)
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
  // The queue's own statement may have spoilt the transaction: all that belongs to this run is taken back with it.
  return (first) =>
    Effect.gen(function* () {
      yield* said(`SAVEPOINT ${SAVEPOINT}`)
      return yield* store(first).pipe(
        Effect.tap((dispatched) => enqueueNew(outside, dispatched)),
        Effect.tap(() => said(`RELEASE SAVEPOINT ${SAVEPOINT}`)),
        Effect.catchTag("EnqueueFailed", (error) =>
          said(`ROLLBACK TO SAVEPOINT ${SAVEPOINT}`).pipe(
            Effect.andThen(failedDispatch(first, error)),
            Effect.flatMap(store)
          )
        )
      )
    })
}

const SAVEPOINT = "countersign_dispatch"

/** The answer to the one step that was given. */
const only = ([answer]: ReadonlyArray<Dispatched>): Effect.Effect<Dispatched> =>
  answer === undefined ? Effect.die(new Error("a dispatch was not answered")) : Effect.succeed(answer)
