/**
 * Settlement: what attempts came to is written in batches, each step whole (state, audit, notice), and tried again for as long
 * as the store is away. A report that comes too late is refused by the store and changes nothing.
 *
 * Contract section 3; laws `terminal_states_absorb`, `redelivery_changes_nothing`.
 */
import { type IllegalTransition, RunStore, type Step, StoreUnavailable } from "@countersign/domain"
import { Deferred, Effect, Queue, type Scope } from "effect"
import { untilDone } from "./Perpetual.ts"

/** What became of a step: written, refused because the run has moved on, or not acceptable to the store as it is. */
export type Settled = "written" | IllegalTransition | StoreUnavailable

/** Settles one step; answers when that is done, however long the store is away. */
export type Settle = (step: Step) => Effect.Effect<Settled>

interface Pending {
  readonly step: Step
  readonly settled: Deferred.Deferred<Settled>
}

/** How many steps are written at once. */
const BATCH = 500

/** Starts the settler in the scope at hand. What still waits when the scope closes is not written: leases tell of it. */
export const makeSettle: Effect.Effect<Settle, never, RunStore | Scope.Scope> = Effect.gen(function* () {
  const store = yield* RunStore
  const pending = yield* Queue.unbounded<Pending>()

  yield* Queue.takeBetween(pending, 1, BATCH).pipe(
    Effect.flatMap((batch) => settleAll(store, batch)),
    Effect.forever,
    Effect.forkScoped
  )

  return (step) =>
    Effect.suspend(() => {
      const settled = Deferred.makeUnsafe<Settled>()
      Queue.offerUnsafe(pending, { step, settled })
      return Deferred.await(settled)
    })
})

const settleAll = Effect.fnUntraced(function* (store: RunStore["Service"], batch: ReadonlyArray<Pending>) {
  const answer = yield* untilDone("settling runs", write(store, batch))
  if (answer instanceof StoreUnavailable) return yield* settleOneByOne(store, batch, answer)
  const refusals = new Map(answer.map((refusal) => [refusal.runId, refusal]))
  for (const { step, settled } of batch) {
    Deferred.doneUnsafe(settled, Effect.succeed(refusals.get(step.before.dispatch.id) ?? "written"))
  }
})

/** The store rejects something in the batch: what can be written must not suffer for what cannot. */
const settleOneByOne: (
  store: RunStore["Service"],
  batch: ReadonlyArray<Pending>,
  rejection: StoreUnavailable
) => Effect.Effect<void> = Effect.fnUntraced(function* (store, batch, rejection) {
  const [first, ...others] = batch
  if (first === undefined) return
  if (others.length === 0) yield* Deferred.succeed(first.settled, rejection)
  else yield* Effect.forEach(batch, (pending) => settleAll(store, [pending]))
})

/**
 * Only a rejection is final; any other trouble is worth another attempt. A store that breaks on what it is given has not been
 * away: it would break on it again, and rejects it in its own way.
 */
const write = (store: RunStore["Service"], batch: ReadonlyArray<Pending>) =>
  store
    .write(
      batch.map(({ step }) => step),
      null
    )
    .pipe(
      Effect.catchIf(
        (error) => error.trouble === "rejected",
        (error) => Effect.succeed(error)
      ),
      Effect.catchDefect((cause) =>
        Effect.succeed(
          new StoreUnavailable({
            trouble: "rejected",
            operation: "settle runs",
            advice: "the store broke on what it was given",
            cause
          })
        )
      )
    )
