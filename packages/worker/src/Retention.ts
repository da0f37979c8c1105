/**
 * Retention: completed runs are deleted when they are old enough, a few at a time. The audit record and the decisions stay.
 *
 * Contract section 8.
 */
import { RunStore, type StoreUnavailable } from "@countersign/domain"
import { Clock, Effect } from "effect"
import { perpetually } from "./Perpetual.ts"

/** 90 days, in milliseconds: how long completed runs are kept unless the host says otherwise. */
export const RETENTION_MILLIS = 90 * 24 * 60 * 60 * 1000

/** How many runs are deleted at once, and the pause between two such deletions while there are more. */
const BATCH = 500
const PAUSE_MILLIS = 100
/** A day. */
const INTERVAL_MILLIS = 24 * 60 * 60 * 1000

/** Deletes all runs that completed longer ago than that, in small batches; answers how many runs those were. */
export const prune = (retentionMillis: number): Effect.Effect<number, StoreUnavailable, RunStore> =>
  Effect.gen(function* () {
    const store = yield* RunStore
    const before = (yield* Clock.currentTimeMillis) - retentionMillis
    let pruned = 0
    for (;;) {
      const deleted = yield* store.prune(before, BATCH)
      pruned += deleted
      if (deleted < BATCH) return pruned
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
