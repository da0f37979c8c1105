/**
 * Calling a run off: while it waits it ends at once; while it is worked on it ends at once too, and its worker, told by the next
 * heartbeat, interrupts the handler.
 *
 * Contract section 3.
 */
import {
  Canceller,
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
import { Clock, Effect, Schema } from "effect"

/** Who is said to cancel cannot be recorded; nothing was changed. `advice` says what is wrong. */
export class CancelRefused extends Schema.TaggedError<CancelRefused>()("CancelRefused", {
  reason: Schema.Literal("canceller_invalid"),
  /** What is wrong and what to do about it, for a person. */
  advice: Schema.String
}) {
  override get message() {
    return `refused (${this.reason}): ${this.advice}`
  }
}

type Troubles = CancelRefused | IllegalTransition | RunNotFound | RunUnreadable | StoreUnavailable

/** Cancels a queued or running run. A completed one refuses with an IllegalTransition, unharmed. */
export const cancelRun = (id: RunId, by: Canceller): Effect.Effect<Run, Troubles, RunStore | UnitOfWork> =>
  Effect.gen(function* () {
    // A caller without types may say anything; it would be in the audit record for ever.
    const canceller = yield* Effect.mapError(readCanceller(by), ({ message }) => refused(message))
    const unit = yield* UnitOfWork
    return yield* unit.transact(cancelHeld(id, canceller))
  })

const readCanceller = Schema.decodeUnknownEffect(Canceller)

const refused = (problem: string) =>
  new CancelRefused({
    reason: "canceller_invalid",
    advice: `say who cancels, as in { kind: "human", id: "ada" }: ${problem.split("\n").join(" ")}`
  })

const cancelHeld = Effect.fnUntraced(function* (id: RunId, by: Canceller) {
  const store = yield* RunStore
  const run = yield* store.hold(id)
  const cancelled = yield* Effect.fromResult(
    step(run, { _tag: "Cancel", by, atMillis: yield* Clock.currentTimeMillis })
  )
  const [refused] = yield* store.write([cancelled], null)
  return refused === undefined ? cancelled.after : yield* refused
})
