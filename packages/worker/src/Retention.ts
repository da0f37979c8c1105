/**
 * Retention: completed runs are deleted when they are old enough, a few at a time. The audit record and the decisions stay.
 *
 * Contract section 8.
 */
import { type Pruned, type RunId, RunStore, type StoreUnavailable } from "@countersign/domain"
import { Clock, Effect } from "effect"
import { perpetually } from "./Perpetual.ts"

/** 90 days, in milliseconds: how long completed runs are kept unless the host says otherwise. */
export const RETENTION_MILLIS = 90 * 24 * 60 * 60 * 1000

/** 90 days, in milliseconds: a notice that nobody has taken for so long goes with its run, however short runs are kept otherwise. */
export const UNTOLD_MILLIS = 90 * 24 * 60 * 60 * 1000

/** How many runs are looked at and deleted at once, and the pause before the next ones. */
const BATCH = 500
const PAUSE_MILLIS = 100
/** A day. */
const INTERVAL_MILLIS = 24 * 60 * 60 * 1000

/**
 * Deletes all runs that completed longer ago than that, in small batches; answers how many runs those were. A run whose notice is not
 * delivered yet stays for {@link UNTOLD_MILLIS} at least.
 */
export const prune = (retentionMillis: number): Effect.Effect<number, StoreUnavailable, RunStore> =>
  Effect.gen(function* () {
    const store = yield* RunStore
    const nowMillis = yield* Clock.currentTimeMillis
    const completedBeforeMillis = nowMillis - retentionMillis
    const toldOrNotBeforeMillis = Math.min(completedBeforeMillis, nowMillis - UNTOLD_MILLIS)
    let runs = 0
    let after: RunId | null = null
    for (;;) {
      const pruned: Pruned = yield* store.prune({
        completedBeforeMillis,
        toldOrNotBeforeMillis,
        after,
        limit: BATCH
      })
      if (pruned.untold > 0) yield* Effect.logWarning(`${pruned.untold} old notices that nobody took are given up`)
      runs += pruned.runs
      if (pruned.next === null) return runs
      after = pruned.next
      yield* Effect.sleep(PAUSE_MILLIS)
    }
  })

/** Prunes daily, for ever. */
export const runRetention = (retentionMillis: number): Effect.Effect<never, never, RunStore> =>
  perpetually(
    "pruning old runs",
    Effect.gen(function* () {
      const pruned = yield* prune(retentionMillis)
      if (pruned > 0) yield* Effect.logInfo(`${pruned} runs were old enough to be deleted`)
      yield* Effect.sleep(INTERVAL_MILLIS)
    })
  )
