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

/** Settles steps and answers for each, in their order, when that is done, however long the store is away. */
export type Settle = (steps: ReadonlyArray<Step>) => Effect.Effect<ReadonlyArray<Settled>>

interface Pending {
  readonly steps: ReadonlyArray<Step>
  readonly settled: Deferred.Deferred<ReadonlyArray<Settled>>
}

/** How many steps are written at once. */
const BATCH = 500

/** Starts the settler in the scope at hand. What still waits when the scope closes is not written: leases tell of it. */
export const makeSettle: Effect.Effect<Settle, never, RunStore | Scope.Scope> = Effect.gen(function* () {
  const store = yield* RunStore
  const pending = yield* Queue.unbounded<Pending>()

  yield* Queue.takeBetween(pending, 1, BATCH).pipe(
    Effect.flatMap((waiting) => settleWaiting(store, waiting)),
    Effect.forever,
    Effect.forkScoped
  )

  return (steps) =>
    Effect.suspend(() => {
      if (steps.length === 0) return Effect.succeed([])
      const settled = Deferred.makeUnsafe<ReadonlyArray<Settled>>()
      Queue.offerUnsafe(pending, { steps, settled })
      return Deferred.await(settled)
    })
})

const settleWaiting = Effect.fnUntraced(function* (store: RunStore["Service"], waiting: ReadonlyArray<Pending>) {
  const steps = waiting.flatMap((pending) => pending.steps)
  const answers: Array<Settled> = []
  for (let at = 0; at < steps.length; at += BATCH) {
    answers.push(...(yield* settleAll(store, steps.slice(at, at + BATCH))))
  }
  let at = 0
  for (const pending of waiting) {
    const { length } = pending.steps
    Deferred.doneUnsafe(pending.settled, Effect.succeed(answers.slice(at, at + length)))
    at += length
  }
})

const settleAll: (store: RunStore["Service"], steps: ReadonlyArray<Step>) => Effect.Effect<ReadonlyArray<Settled>> =
  Effect.fnUntraced(function* (store, steps) {
    const answer = yield* untilDone("settling runs", write(store, steps))
    if (answer instanceof StoreUnavailable) {
      // Something in the batch is rejected: what can be written must not suffer for what cannot.
      return steps.length === 1 ? [answer] : (yield* Effect.forEach(steps, (step) => settleAll(store, [step]))).flat()
    }
    const refusals = new Map(answer.map((refusal) => [refusal.runId, refusal]))
    return steps.map((step): Settled => refusals.get(step.before.dispatch.id) ?? "written")
  })

/**
 * Only a rejection is final; any other trouble is worth another attempt. A store that breaks on what it is given has not been
 * away: it would break on it again, and rejects it in its own way.
 */
const write = (store: RunStore["Service"], steps: ReadonlyArray<Step>) =>
  store.write(steps, null).pipe(
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
