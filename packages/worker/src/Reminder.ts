/**
 * The reminder: a queue of the host's own may lose what it was given, and nobody may have been there to give it the next attempt of
 * a run. What could have been taken for a while and was not is put into it again; delivered twice it does no harm.
 *
 * Contract section 3: never a queued run that no queue knows.
 */
import {
  type EnqueueFailed,
  type OperationType,
  type OutsideQueue,
  RunQueue,
  type StoreUnavailable
} from "@countersign/domain"
import { Clock, Effect } from "effect"
import { enqueue } from "./Enqueueing.ts"
import { perpetually } from "./Perpetual.ts"

/** A run that could have been taken for this long may have been forgotten, in milliseconds. */
const FORGOTTEN_MILLIS = 30_000

/** How many the queue is reminded of at once: those that wait for longest. */
const BATCH = 500

/**
 * Puts forgotten runs into the queue again, and held ones whose facts may have become others; answers how many. A queue that is
 * behind is reminded of what it has: at most a few hundred ids each time.
 */
export const remind = (
  queue: OutsideQueue["Service"],
  operationTypes: ReadonlyArray<OperationType>
): Effect.Effect<number, StoreUnavailable | EnqueueFailed, RunQueue> =>
  Effect.gen(function* () {
    const runs = yield* RunQueue
    const nowMillis = yield* Clock.currentTimeMillis
    const offered = yield* runs.offerHeldAgain(nowMillis)
    const sinceMillis = offered > 0 ? nowMillis : nowMillis - FORGOTTEN_MILLIS
    const forgotten = yield* runs.waitingSince(sinceMillis, operationTypes, BATCH)
    if (forgotten.length === 0) return 0
    yield* enqueue(
      queue,
      forgotten.map((runId) => ({ runId, notBeforeMillis: nowMillis }))
    )
    return forgotten.length
  })

/** Looks for forgotten runs for ever: often where held runs may be offered again, and reminds of the others once in a while. */
export const runReminder = (
  queue: OutsideQueue["Service"],
  operationTypes: ReadonlyArray<OperationType>
): Effect.Effect<never, never, RunQueue> =>
  perpetually(
    "reminding the host's queue",
    Effect.andThen(remind(queue, operationTypes), Effect.sleep(FORGOTTEN_MILLIS / 3))
  )
