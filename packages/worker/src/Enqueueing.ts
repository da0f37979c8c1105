/**
 * Storing a dispatched run together with its entry in the host's own queue, where there is one: never a queued run that no queue
 * knows.
 *
 * Contract section 3 (`queue.dispatch_failed`).
 */
import {
  type Dispatched,
  EnqueueFailed,
  type FirstStep,
  failDispatchStep,
  type OutsideQueue,
  type QueueEntry,
  RunStore,
  type StoreUnavailable,
  UnitOfWork
} from "@countersign/domain"
import { Cause, Effect } from "effect"

/** How long the host's queue may take, in milliseconds: whoever asks it holds a transaction open. */
const ENQUEUE_DEADLINE_MILLIS = 10_000

/** What the initiator is told; why it was is in the log. */
const NOT_ENQUEUED = "The run could not be put into the queue and was not started."

/**
 * Puts entries into the host's queue, within a deadline. The queue is anybody's code: whatever goes wrong in it means that it did
 * not take them.
 */
export const enqueue = (
  queue: OutsideQueue["Service"],
  entries: ReadonlyArray<QueueEntry>
): Effect.Effect<void, EnqueueFailed> =>
  Effect.suspend(() => queue.enqueue(entries)).pipe(
    Effect.timeoutOrElse({
      duration: ENQUEUE_DEADLINE_MILLIS,
      orElse: () => Effect.fail(new EnqueueFailed({ problem: `it took longer than ${ENQUEUE_DEADLINE_MILLIS} ms` }))
    }),
    Effect.catchCause((cause) => {
      const problem = Cause.squash(cause)
      return Effect.fail(problem instanceof EnqueueFailed ? problem : new EnqueueFailed({ problem: String(problem) }))
    })
  )

/** Puts a run that was dispatched just now into the host's queue; one that was active already is in it. */
export const enqueueNew = (
  queue: OutsideQueue["Service"],
  { run, deduped }: Dispatched
): Effect.Effect<void, EnqueueFailed> =>
  deduped || run._tag !== "Queued"
    ? Effect.void
    : enqueue(queue, [{ runId: run.dispatch.id, notBeforeMillis: run.availableAtMillis }])

/** The first step of a run that the host's queue did not take. */
export const failedDispatch = Effect.fnUntraced(function* ({ run }: FirstStep, error: EnqueueFailed) {
  yield* Effect.logWarning(`run ${run.dispatch.id}: ${error.message}`)
  return failDispatchStep(run.dispatch, NOT_ENQUEUED)
})

/**
 * Stores a run and puts it into the host's queue, in one unit of work. A run that the queue does not take is stored as failed. The
 * queue is asked before the run is committed: what goes wrong in between leaves an id without a run, which harms nobody.
 */
export const storeEnqueued = (
  first: FirstStep,
  queue: OutsideQueue["Service"] | undefined
): Effect.Effect<Dispatched, StoreUnavailable, RunStore | UnitOfWork> =>
  queue === undefined
    ? store(first)
    : Effect.flatMap(UnitOfWork, (unit) =>
        unit.transact(Effect.tap(store(first), (dispatched) => enqueueNew(queue, dispatched)))
      ).pipe(Effect.catchTag("EnqueueFailed", (error) => Effect.flatMap(failedDispatch(first, error), store)))

const store = (first: FirstStep): Effect.Effect<Dispatched, StoreUnavailable, RunStore> =>
  Effect.gen(function* () {
    const [dispatched] = yield* Effect.flatMap(RunStore, (runs) => runs.dispatch([first]))
    return dispatched ?? { run: first.run, deduped: false }
  })
