/** Runs for tests, brought into a store through its port. */
import {
  type Dispatch,
  dispatchStep,
  type Lease,
  type Queued,
  type Run,
  type Running,
  RunStore,
  type Step
} from "@countersign/domain"
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { startStep } from "./rulings.ts"

/** A lease that ends a minute after that. */
export const leaseAt = (atMillis: number, holder = "tests"): Lease => ({ holder, untilMillis: atMillis + 60_000 })

/** Dispatches runs that must all be new; answers with them as they are stored. */
export const enqueued = Effect.fn("enqueued")(function* (
  dispatches: ReadonlyArray<Dispatch>,
  availableAtMillis?: number
) {
  const store = yield* RunStore
  const answers = yield* store.dispatch(dispatches.map((dispatch) => dispatchStep(dispatch, availableAtMillis)))
  assert.deepStrictEqual(
    answers.map(({ deduped }) => deduped),
    dispatches.map(() => false)
  )
  return answers.map(({ run }) => asQueued(run))
})

/** One new run, queued. */
export const enqueuedOne = (dispatch: Dispatch, availableAtMillis?: number) =>
  Effect.map(enqueued([dispatch], availableAtMillis), ([queued]) => {
    assert.isDefined(queued)
    return queued
  })

/** Writes steps that must all be accepted. */
export const written = Effect.fn("written")(function* (steps: ReadonlyArray<Step>, lease: Lease | null = null) {
  const store = yield* RunStore
  assert.deepStrictEqual(yield* store.write(steps, lease), [])
})

/** Writes one step that must be accepted; answers with the run it leads to, as it was handed over. */
export const moved = (step: Step, lease: Lease | null = null) => Effect.as(written([step], lease), step.after)

/** One new run, running under its first admission and {@link leaseAt}. */
export const startedOne = Effect.fn("startedOne")(function* (dispatch: Dispatch, lease?: Lease) {
  const queued = yield* enqueuedOne(dispatch)
  const { dispatchedAtMillis } = dispatch
  return asRunning(yield* moved(startStep(queued, dispatchedAtMillis), lease ?? leaseAt(dispatchedAtMillis)))
})

/** The run, which must be queued. */
export const asQueued = (run: Run): Queued => {
  assert(run._tag === "Queued", `run ${run.dispatch.id} is ${run._tag}`)
  return run
}

/** The run, which must be running. */
export const asRunning = (run: Run): Running => {
  assert(run._tag === "Running", `run ${run.dispatch.id} is ${run._tag}`)
  return run
}
