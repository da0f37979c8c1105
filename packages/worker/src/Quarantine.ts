/**
 * Quarantine: stored runs that make no sense are set aside by whoever comes across them, so that they stop nobody else.
 *
 * Contract section 8 (`run.unreadable`).
 */
import { RunQueue, type RunUnreadable, type StoreUnavailable } from "@countersign/domain"
import { Effect } from "effect"

/** Ends these runs as failed, and says in the log what is wrong with each. */
export const setAside = (
  unreadable: ReadonlyArray<RunUnreadable>,
  nowMillis: number
): Effect.Effect<void, StoreUnavailable, RunQueue> =>
  Effect.gen(function* () {
    if (unreadable.length === 0) return
    yield* Effect.logError("unreadable runs are set aside", ...unreadable.map(({ message }) => message))
    yield* Effect.flatMap(RunQueue, (queue) => queue.quarantine(unreadable, nowMillis))
  })
