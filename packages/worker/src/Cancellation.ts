/**
 * Calling a run off: while it waits it ends at once; while it is worked on it ends at once too, and its worker, told by the next
 * heartbeat, interrupts the handler.
 *
 * Contract section 3.
 */
import {
  type Canceller,
  type IllegalTransition,
  type Run,
  type RunId,
  type RunNotFound,
  RunStore,
  type RunUnreadable,
  type StoreUnavailable,
  step,
  UnitOfWork
} from "@countersign/domain"
import { Clock, Effect } from "effect"

type Troubles = IllegalTransition | RunNotFound | RunUnreadable | StoreUnavailable

/** Cancels a queued or running run. A completed one refuses with an IllegalTransition, unharmed. */
export const cancelRun = (id: RunId, by: Canceller): Effect.Effect<Run, Troubles, RunStore | UnitOfWork> =>
  Effect.flatMap(UnitOfWork, (unit) => unit.transact(cancelHeld(id, by)))

const cancelHeld = Effect.fnUntraced(function* (id: RunId, by: Canceller) {
  const store = yield* RunStore
  const run = yield* store.hold(id)
  const cancelled = yield* Effect.fromResult(
    step(run, { _tag: "Cancel", by, atMillis: yield* Clock.currentTimeMillis })
  )
  const [refused] = yield* store.write([cancelled], null)
  return refused === undefined ? cancelled.after : yield* refused
})
