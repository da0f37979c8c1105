/**
 * What queued runs wait for, as of now: the rule is the domain's, what is paused is read here.
 *
 * Contract section 9.
 */
import { Pauses, type Run, type StoreUnavailable, type WaitingFor, waitingOf } from "@countersign/domain"
import { Clock, Effect } from "effect"

/** Says what a run waits for; null of one that is not queued. */
export type WaitingOf = (run: Run) => WaitingFor | null

/** Reads once what is paused, for as many runs as are asked about. */
export const readWaiting: Effect.Effect<WaitingOf, StoreUnavailable, Pauses> = Effect.gen(function* () {
  const pauses = yield* (yield* Pauses).list
  const nowMillis = yield* Clock.currentTimeMillis
  return (run) => waitingOf(run, pauses, nowMillis)
})
