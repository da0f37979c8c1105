/**
 * The reconciler: runs whose worker fell silent are taken back, for the next attempt or, when none is left, to their end; queued
 * runs that waited past their limit are given up.
 * Idempotent; many may run at once; it never touches a completed run.
 *
 * Contract sections 3 and 8.
 */
import {
  type Catalogue,
  DEFAULT_ATTEMPTS,
  type Running,
  type RunQueue,
  RunStore,
  type StoreUnavailable,
  step,
  UnitOfWork
} from "@countersign/domain"
import { Clock, Effect } from "effect"
import { backoffAfter } from "./Backoff.ts"
import { expireOverdue } from "./Expiry.ts"
import { perpetually } from "./Perpetual.ts"
import { setAside } from "./Quarantine.ts"

/** How many orphans are taken back at once. */
const BATCH = 100

/** The ports taking back orphaned runs needs. */
export type ReconcilerPorts = RunStore | RunQueue | UnitOfWork

/** Takes back orphans and gives up what waited too long, as of now, or sets it aside; answers how many runs that were. */
export const reconcile = (catalogue: Catalogue): Effect.Effect<number, StoreUnavailable, ReconcilerPorts> =>
  Effect.gen(function* () {
    const takenBack = yield* Effect.flatMap(UnitOfWork, (unit) => unit.transact(takeBackOrphans(catalogue)))
    return takenBack + (yield* expireOverdue)
  })

/** Reconciles for ever, at this interval, and at once again while there is more. */
export const runReconciler = (
  catalogue: Catalogue,
  intervalMillis: number
): Effect.Effect<never, never, ReconcilerPorts> =>
  perpetually(
    "reconciling",
    Effect.flatMap(reconcile(catalogue), (reconciled) =>
      reconciled >= BATCH ? Effect.void : Effect.sleep(intervalMillis)
    )
  )

const takeBackOrphans = Effect.fnUntraced(function* (catalogue: Catalogue) {
  const store = yield* RunStore
  const nowMillis = yield* Clock.currentTimeMillis
  const { runs, unreadable } = yield* store.holdOrphans(nowMillis, BATCH)
  yield* setAside(unreadable, nowMillis)
  const steps = yield* Effect.forEach(runs, (run) => lostLease(run, catalogue, nowMillis))
  const refused = yield* store.write(steps, null)
  const takenBack = steps.length - refused.length
  if (takenBack > 0) yield* Effect.logWarning(`${takenBack} runs taken back from a silent worker`)
  return takenBack + unreadable.length
})

const lostLease = Effect.fnUntraced(function* (run: Running, catalogue: Catalogue, nowMillis: number) {
  const policy = catalogue.operations.get(run.dispatch.subject.operationType)?.attempts ?? DEFAULT_ATTEMPTS
  const retryAtMillis = nowMillis + (yield* backoffAfter(run.attempt, policy))
  // A run just held as running may lose its lease under its own admission: anything else would be a bug of ours.
  return yield* Effect.orDie(
    Effect.fromResult(step(run, { _tag: "LoseLease", admission: run.admission, atMillis: nowMillis, retryAtMillis }))
  )
})
