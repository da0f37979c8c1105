/**
 * Storing dispatched runs together with their entries in the host's own queue, where there is one: never a queued run that no queue
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
import { Array as Arrays, Cause, Data, Effect } from "effect"

/** How many entries the host's queue is given with one call. */
const ENTRIES_AT_ONCE = 1_000

/** How long the host's queue may take for one call, in milliseconds: whoever asks it holds a transaction open. */
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

/** The host's queue did not take what was dispatched just now. */
class NotTaken extends Data.TaggedError("NotTaken")<{
  readonly error: EnqueueFailed
  readonly dispatched: ReadonlyArray<Dispatched>
}> {}

/** Puts runs that were dispatched just now into the host's queue; those that were active already are in it. */
export const enqueueNew = (
  queue: OutsideQueue["Service"],
  dispatched: ReadonlyArray<Dispatched>
): Effect.Effect<void, NotTaken> =>
  Effect.forEach(Arrays.chunksOf(dispatched.flatMap(entryOf), ENTRIES_AT_ONCE), (entries) => enqueue(queue, entries), {
    discard: true
  }).pipe(Effect.mapError((error) => new NotTaken({ error, dispatched })))

const entryOf = ({ run, deduped }: Dispatched): ReadonlyArray<QueueEntry> =>
  deduped || run._tag !== "Queued" ? [] : [{ runId: run.dispatch.id, notBeforeMillis: run.availableAtMillis }]

/** Stores that the host's queue did not take the new ones among these runs; whoever was answered with one of them is told so. */
export const storeNotTaken = <R>(
  steps: ReadonlyArray<FirstStep>,
  { error, dispatched }: NotTaken,
  store: (failed: ReadonlyArray<FirstStep>) => Effect.Effect<ReadonlyArray<Dispatched>, StoreUnavailable, R>
): Effect.Effect<ReadonlyArray<Dispatched>, StoreUnavailable, R> =>
  Effect.gen(function* () {
    const isNew = new Set(dispatched.filter(({ deduped }) => !deduped).map(({ run }) => run.dispatch.id))
    const untaken = steps.filter(({ run }) => isNew.has(run.dispatch.id))
    yield* Effect.logWarning(`${runsInWords(untaken)}: ${error.message}`)
    const answers = yield* store(untaken.map(({ run }) => failDispatchStep(run.dispatch, NOT_ENQUEUED)))
    const failed = new Map(answers.map(({ run }) => [run.dispatch.id, run]))
    return dispatched.map(({ run, deduped }) => ({ run: failed.get(run.dispatch.id) ?? run, deduped }))
  })

const runsInWords = (steps: ReadonlyArray<FirstStep>): string => {
  const [first] = steps
  const others = steps.length > 1 ? ` and ${steps.length - 1} more` : ""
  return `run ${first?.run.dispatch.id}${others}`
}

/**
 * Stores runs and puts them into the host's queue, in one unit of work. Those that the queue does not take are stored as failed, all of
 * them. The queue is asked before the runs are committed: what goes wrong in between leaves ids without runs, which harms nobody.
 */
export const storeAllEnqueued = (
  steps: ReadonlyArray<FirstStep>,
  queue: OutsideQueue["Service"] | undefined
): Effect.Effect<ReadonlyArray<Dispatched>, StoreUnavailable, RunStore | UnitOfWork> =>
  queue === undefined
    ? store(steps)
    : Effect.flatMap(UnitOfWork, (unit) =>
        unit.transact(Effect.tap(store(steps), (dispatched) => enqueueNew(queue, dispatched)))
      ).pipe(Effect.catchTag("NotTaken", (notTaken) => storeNotTaken(steps, notTaken, store)))

/** The same for one run. */
export const storeEnqueued = (
  first: FirstStep,
  queue: OutsideQueue["Service"] | undefined
): Effect.Effect<Dispatched, StoreUnavailable, RunStore | UnitOfWork> =>
  Effect.flatMap(storeAllEnqueued([first], queue), only)

/** The answer to the one step that was given. */
export const only = ([answer]: ReadonlyArray<Dispatched>): Effect.Effect<Dispatched> =>
  answer === undefined ? Effect.die(new Error("a dispatch was not answered")) : Effect.succeed(answer)

const store = (steps: ReadonlyArray<FirstStep>): Effect.Effect<ReadonlyArray<Dispatched>, StoreUnavailable, RunStore> =>
  Effect.flatMap(RunStore, (runs) => runs.dispatch(steps))
