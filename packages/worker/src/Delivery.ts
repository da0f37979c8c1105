/**
 * Deliveries: what a worker of the host's own queue does with the ids it is given. Each is admitted like any other run, carried out
 * here if it is allowed, and answered with where it stands then. An id that is delivered again, too early or too late changes nothing.
 *
 * Architecture section 3; law `redelivery_changes_nothing`.
 */
import {
  type Completed,
  isCompleted,
  type OutsideQueue,
  type Queued,
  RunId,
  type Running,
  RunStore,
  type StoreUnavailable
} from "@countersign/domain"
import { Cause, Clock, Effect, Exit, Fiber, FiberSet, Schema, Scope, Semaphore } from "effect"
import { type AdmissionPorts, admitThese } from "./Admission.ts"
import { enqueue } from "./Enqueueing.ts"
import { handOutAll } from "./HandingOut.ts"
import { makePace } from "./Pace.ts"
import type { WorkerTerms } from "./WorkerTerms.ts"

/** Where a delivered run stands when the delivery has been dealt with. `id` is what was delivered. */
export type Delivered =
  /** It is over: carried out here, denied, or over before. */
  | { readonly _tag: "Completed"; readonly id: string; readonly run: Completed }
  /** Somebody else works on it. */
  | { readonly _tag: "Running"; readonly id: string; readonly run: Running }
  /** It waits: for its next attempt, held, paused, or for a worker that has a handler for it. */
  | { readonly _tag: "Waiting"; readonly id: string; readonly run: Queued; readonly againAtMillis: number }
  /** There is no such run. It may be about to be stored; with null it was never stored, or was deleted. */
  | { readonly _tag: "Unknown"; readonly id: string; readonly againAtMillis: number | null }

/** Works on delivered ids; see {@link makeDeliveries}. */
export type Deliver = (ids: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Delivered>, StoreUnavailable>

/** The deliveries of one worker. */
export interface Deliveries {
  readonly deliver: Deliver
  /** Waits for the admission in flight; from then on nothing is started, and what is delivered waits. */
  readonly stop: Effect.Effect<void>
}

/** A run that could be taken and was not, such as one without a handler here, is to be delivered again after this long. */
const AGAIN_MILLIS = 10_000

/** An id may be delivered before its run is committed; one made no longer than this before or after now is believed to come. */
const COMING_MILLIS = 60_000

const isRunId = Schema.is(RunId)

/**
 * Deliveries that share this worker's hands: as many runs at once as its `concurrency`, the others wait. What has to be delivered
 * again is put back into the host's queue, if there is one.
 */
export const makeDeliveries = <R>(
  terms: WorkerTerms<R>,
  queue: OutsideQueue["Service"] | undefined
): Effect.Effect<Deliveries, never, AdmissionPorts | R | Scope.Scope> =>
  Effect.gen(function* () {
    const ports = yield* Effect.context<AdmissionPorts | R>()
    const { concurrency, batch } = terms.limits
    const hands = yield* Semaphore.make(concurrency)
    // Whoever is next waits alone: several hands at once would never be free where others take each as it comes.
    const line = yield* Semaphore.make(1)
    const turn = yield* Semaphore.make(1)
    // They outlive whoever delivered: a queue that gives up waiting must not have its run worked on twice.
    const deliveries = yield* Scope.provide(FiberSet.make<void, StoreUnavailable>(), yield* scopeLeftBehind)
    const pace = makePace({ ...terms.limits, operationTypes: [...terms.handlers.keys()] })
    let isStopped = false

    const admitted = Effect.fnUntraced(function* (ids: ReadonlyArray<RunId>) {
      if (isStopped) return []
      const nowMillis = yield* Clock.currentTimeMillis
      const leaseUntilMillis = nowMillis + terms.limits.leaseMillis
      const admitted = yield* admitThese(
        ids,
        {
          catalogue: terms.catalogue,
          lease: { holder: terms.name, untilMillis: leaseUntilMillis },
          nowMillis,
          retryFactsAtMillis: nowMillis + (yield* pace.factsPause)
        },
        ({ availableAtMillis, dispatch }) =>
          availableAtMillis <= nowMillis && terms.handlers.has(dispatch.subject.operationType)
      )
      pace.learn(admitted, { limit: ids.length, order: "oldest" }, nowMillis)
      return yield* handOutAll(terms, admitted, leaseUntilMillis, pace.ended)
    }, Effect.uninterruptible)

    const carriedOut = (ids: ReadonlyArray<RunId>) =>
      line.withPermit(hands.takeScoped(ids.length)).pipe(
        Effect.andThen(turn.withPermit(admitted(ids))),
        Effect.flatMap((works) => Effect.forEach(works, (work) => Fiber.await(work), { discard: true })),
        Effect.scoped
      )

    const deliver = Effect.fnUntraced(function* (ids: ReadonlyArray<string>) {
      const distinct = [...new Set(ids)]
      // Where facts cannot be read, runs are admitted one by one for a while, so that none holds up the others.
      const { limit } = pace.next(Math.min(concurrency, batch), yield* Clock.currentTimeMillis)
      const slices = slicesOf(distinct.filter(isRunId), limit)
      const fibers = yield* Effect.forEach(slices, (slice) => FiberSet.run(deliveries, carriedOut(slice)))
      for (const fiber of fibers) {
        const exit = yield* Fiber.await(fiber)
        // A worker that has stopped interrupts what it did not begin.
        if (Exit.isFailure(exit) && !Cause.hasInterrupts(exit.cause)) yield* exit
      }
      const answers = yield* Effect.forEach(distinct, standing)
      if (queue !== undefined) yield* putBack(queue, answers)
      return answers
    })

    return {
      deliver: (ids) => Effect.provide(deliver(ids), ports),
      stop: turn.withPermit(
        Effect.sync(() => {
          isStopped = true
        })
      )
    }
  })

/** A scope that closes with the one at hand, which does not wait for it: an admission that hangs would keep a worker from stopping. */
const scopeLeftBehind = Effect.acquireRelease(Scope.make(), (scope) => Effect.forkDetach(Scope.close(scope, Exit.void)))

const slicesOf = <A>(all: ReadonlyArray<A>, size: number): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, index) => all.slice(index * size, (index + 1) * size))

/** Where the run stands now, and when to deliver it again. */
const standing = Effect.fnUntraced(function* (id: string) {
  const nowMillis = yield* Clock.currentTimeMillis
  if (!isRunId(id)) return unknown(id, null)
  const store = yield* RunStore
  return yield* store.find(id).pipe(
    Effect.map((run): Delivered => {
      if (isCompleted(run)) return { _tag: "Completed", id, run }
      if (run._tag === "Running") return { _tag: "Running", id, run }
      const { availableAtMillis } = run
      return {
        _tag: "Waiting",
        id,
        run,
        againAtMillis: availableAtMillis > nowMillis ? availableAtMillis : nowMillis + AGAIN_MILLIS
      }
    }),
    Effect.catchTag(["RunNotFound", "RunUnreadable"], () =>
      Effect.succeed(
        unknown(id, Math.abs(nowMillis - madeAtMillis(id)) < COMING_MILLIS ? nowMillis + AGAIN_MILLIS : null)
      )
    )
  )
})

const unknown = (id: string, againAtMillis: number | null): Delivered => ({ _tag: "Unknown", id, againAtMillis })

/** When a UUIDv7 was made: its first 48 bits, in epoch milliseconds. */
const madeAtMillis = (id: RunId): number => Number.parseInt(id.replace("-", "").slice(0, 12), 16)

/** What the queue does not take now is told to it again when it seems forgotten. */
const putBack = (queue: OutsideQueue["Service"], answers: ReadonlyArray<Delivered>) => {
  const entries = answers.flatMap((answer) =>
    (answer._tag === "Waiting" || answer._tag === "Unknown") && answer.againAtMillis !== null && isRunId(answer.id)
      ? [{ runId: answer.id, notBeforeMillis: answer.againAtMillis }]
      : []
  )
  return entries.length === 0
    ? Effect.void
    : Effect.catch(enqueue(queue, entries), ({ message }) => Effect.logWarning(message))
}
