/**
 * Expiry: queued runs that have waited past their limit are given up, whether a worker comes across them or nobody ever does.
 *
 * Contract sections 3 and 8 (`run.stale_queued`).
 */
import {
  type Queued,
  type RunQueue,
  RunStore,
  type Step,
  type StoreUnavailable,
  step,
  UnitOfWork
} from "@countersign/domain"
import { Clock, Effect } from "effect"
import { setAside } from "./Quarantine.ts"

/** How many runs are given up at once. */
const BATCH = 100

/** The steps that give up these runs. */
export const expireAll = (runs: ReadonlyArray<Queued>, nowMillis: number): Effect.Effect<ReadonlyArray<Step>> =>
  // Any queued run may expire: a refusal would be a bug of ours.
  Effect.forEach(runs, (run) => Effect.orDie(Effect.fromResult(step(run, { _tag: "Expire", atMillis: nowMillis }))))

/** Gives up what has waited too long by now, or sets it aside; answers how many runs that were, at most a hundred. */
export const expireOverdue: Effect.Effect<number, StoreUnavailable, RunStore | RunQueue | UnitOfWork> = Effect.flatMap(
  UnitOfWork,
  (unit) => unit.transact(Effect.suspend(() => giveUpOverdue))
)

const giveUpOverdue = Effect.gen(function* () {
  const store = yield* RunStore
  const nowMillis = yield* Clock.currentTimeMillis
  const { runs, unreadable } = yield* store.holdExpired(nowMillis, BATCH)
  // No admission may ever come across them, and each of them takes a place from one that can be given up.
  yield* setAside(unreadable, nowMillis)
  const steps = yield* expireAll(runs, nowMillis)
  const refused = yield* store.write(steps, null)
  const expired = steps.length - refused.length
  if (expired > 0) yield* Effect.logWarning(`${expired} runs had waited past their limit and were given up`)
  return expired + unreadable.length
})
