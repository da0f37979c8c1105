/**
 * The loop: admit as many runs as there are free hands, put each into its handler, and look again when a run arrives, when a hand
 * becomes free, or when the poll is due. Nothing but its scope stops it.
 *
 * Architecture section 3.
 */
import { type OperationType, RunQueue } from "@countersign/domain"
import { Clock, Effect, Queue, type Scope, Stream } from "effect"
import { type AdmissionPorts, admitNext } from "./Admission.ts"
import { handOutAll } from "./HandingOut.ts"
import { FENCED_MILLIS, makePace, type Pace } from "./Pace.ts"
import { perpetually } from "./Perpetual.ts"
import type { WorkerTerms } from "./WorkerTerms.ts"

/**
 * Claims and hands out work for ever. Interrupting it stops the claiming, not the handlers.
 *
 * Under a backlog a second claimer helps: one batch is being claimed while another is decided about and written. The two are like
 * workers of their own, but for the hands they share.
 */
export const runLoop = <R>(terms: WorkerTerms<R>): Effect.Effect<never, never, AdmissionPorts | R | Scope.Scope> =>
  Effect.gen(function* () {
    // One waiting wake-up is as good as many.
    const wake = yield* Queue.sliding<void>(1)
    const backlog = yield* Queue.sliding<void>(1)
    yield* Effect.forkScoped(listen(wake))
    const hands = makeFreeHands(terms)
    const paceTerms = { ...terms.limits, operationTypes: [...terms.handlers.keys()] }
    const paces = [makePace(paceTerms), makePace(paceTerms)] as const
    const whenEnded = (operationType: OperationType) => {
      for (const pace of paces) pace.ended(operationType)
      Queue.offerUnsafe(wake, undefined)
    }
    const [first, second] = paces
    return yield* Effect.raceFirst(
      perpetually(`worker ${terms.name}`, turn({ terms, pace: first, hands, wake, backlog, whenEnded })),
      perpetually(`worker ${terms.name}, helping`, help({ terms, pace: second, hands, wake, backlog, whenEnded }))
    )
  })

/** What a claimer goes by. */
interface Claimer<R> {
  readonly terms: WorkerTerms<R>
  readonly pace: Pace
  readonly hands: FreeHands
  /** Told when there may be something to do: a run has arrived, or a hand has become free. */
  readonly wake: Queue.Queue<void>
  /** Told when a claim was filled. */
  readonly backlog: Queue.Queue<void>
  readonly whenEnded: (operationType: OperationType) => void
}

/** The hands that nothing is in, nor promised to an admission that is under way. */
interface FreeHands {
  readonly count: () => number
  /** Promises so many, until the promise is ended. */
  readonly promise: (hands: number) => { readonly end: Effect.Effect<void> }
}

const makeFreeHands = <R>({ limits, inHand }: WorkerTerms<R>): FreeHands => {
  let promised = 0
  return {
    count: () => limits.concurrency - inHand.size() - promised,
    promise: (hands) => {
      promised += hands
      return {
        end: Effect.sync(() => {
          promised -= hands
        })
      }
    }
  }
}

/** One look at the queue: admit, hand out, and wait unless there is likely more. */
const turn = Effect.fnUntraced(function* <R>(claimer: Claimer<R>) {
  const { terms, pace, hands, wake, backlog } = claimer
  const { limits } = terms
  if (hands.count() <= 0) {
    // Nobody tells of hands that a delivery let go, or an admission that failed: the poll finds them.
    yield* Effect.timeoutOption(Queue.take(wake), limits.pollMillis)
    return
  }
  if (yield* takeOn(claimer)) {
    yield* Queue.offer(backlog, undefined)
    return
  }
  // Behind the claim, so that a run that has just arrived does not wait for it.
  if ((yield* offerHeldAgain) > 0) return
  const pauseMillis = pace.isPassingOver() ? Math.min(FENCED_MILLIS, limits.pollMillis) : limits.pollMillis
  yield* Effect.timeoutOption(Queue.take(wake), pauseMillis)
})

/** Takes on whole batches for as long as there is likely more, where there are hands for them beside those of the other claimer. */
const help = Effect.fnUntraced(function* <R>(claimer: Claimer<R>) {
  const { hands, wake, backlog, terms } = claimer
  yield* Queue.take(backlog)
  while (hands.count() >= terms.limits.batch && (yield* takeOn(claimer))) {
    // The other claimer may have found no hand free that was promised here.
    yield* Queue.offer(wake, undefined)
  }
  yield* Queue.offer(wake, undefined)
})

/** Held runs whose facts may have become others are asked about now, not when their wait is over; answers how many. */
const offerHeldAgain = Effect.gen(function* () {
  const queue = yield* RunQueue
  return yield* queue.offerHeldAgain(yield* Clock.currentTimeMillis)
})

/**
 * Admits and hands out as one: interrupted in between, runs would have started that nobody carries out, and would spend an
 * attempt for it. True when there is likely more.
 */
const takeOn = Effect.fnUntraced(function* <R>({ terms, pace, hands, whenEnded }: Claimer<R>) {
  const { limits } = terms
  const nowMillis = yield* Clock.currentTimeMillis
  const leaseUntilMillis = nowMillis + limits.leaseMillis
  const retryFactsAtMillis = nowMillis + (yield* pace.factsPause)
  // Counted and promised in one breath: between two effects the other claimer may have its turn.
  const claim = pace.next(hands.count(), nowMillis)
  if (claim.limit <= 0 || claim.operationTypes.length === 0) return false
  const promise = hands.promise(claim.limit)
  const lease = { holder: terms.name, untilMillis: leaseUntilMillis }
  const admission = Effect.tap(
    admitNext({ ...claim, nowMillis }, { catalogue: terms.catalogue, lease, nowMillis, retryFactsAtMillis }),
    (admitted) => handOutAll(terms, admitted, leaseUntilMillis, whenEnded)
  )
  return pace.learn(yield* Effect.ensuring(admission, promise.end), claim, nowMillis)
}, Effect.uninterruptible)

/** Passes on the queue's wake-ups. Where there are none, or they break off, the poll does it alone for a while. */
const listen = (wake: Queue.Queue<void>) =>
  Effect.flatMap(RunQueue, (queue) =>
    perpetually(
      "listening for new runs",
      Effect.andThen(
        Stream.runForEach(queue.wakes, () => Queue.offer(wake, undefined)),
        Effect.never
      )
    )
  )
