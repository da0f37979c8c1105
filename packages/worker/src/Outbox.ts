/**
 * The outbox: notices are delivered after the unit of work that wrote them, at least once, until the channel takes them. A
 * delivery that fails never changes the run.
 *
 * Contract section 10.
 */
import { exitWithin } from "@countersign/adapters"
import { type DueNotice, NoticeChannel, Notices, type StoreUnavailable } from "@countersign/domain"
import { Clock, Effect, Option, Semaphore } from "effect"
import { type BackoffPolicy, backoffAfter } from "./Backoff.ts"
import { oneLine } from "./oneLine.ts"
import { perpetually } from "./Perpetual.ts"

/** How many notices are taken at once, and how many are delivered side by side. */
const BATCH = 25
const SIDE_BY_SIDE = 5

/** A channel that takes longer for one notice has not delivered it. */
const DELIVERY_MILLIS = 10_000

/** A deliverer that dies leaves its notices to others after this long; alive, it is done with all of them by then. */
const HIDDEN_MILLIS = (BATCH / SIDE_BY_SIDE) * DELIVERY_MILLIS + 10_000

/** The longest reason that is kept. */
const PROBLEM_MAX_LENGTH = 500

const AFTER_FAILURE: BackoffPolicy = { backoffMillis: 1_000, backoffMaxMillis: 3_600_000 }

/** A receiver that asks for a longer rest is asked again all the same. */
const REST_MAX_MILLIS = 86_400_000

/** What delivering notices needs. */
export type OutboxPorts = Notices | NoticeChannel

/** Delivers what is due now; answers how many notices were taken, delivered or not. */
export const deliverDue: Effect.Effect<number, StoreUnavailable, OutboxPorts> = Effect.gen(function* () {
  const notices = yield* Notices
  const nowMillis = yield* Clock.currentTimeMillis
  const due = yield* notices.takeDue(nowMillis, nowMillis + HIDDEN_MILLIS, BATCH)
  const results = yield* Effect.forEach(due, (one) => Effect.map(troubleOf(one), (trouble) => ({ one, trouble })), {
    concurrency: SIDE_BY_SIDE
  })
  const delivered = results.filter(({ trouble }) => trouble === null).map(({ one }) => one.notice.runId)
  // Noted first, and together: what goes wrong with one must not have the others delivered again.
  if (delivered.length > 0) yield* notices.markDelivered(delivered, yield* Clock.currentTimeMillis)
  yield* Effect.forEach(results, ({ one, trouble }) => (trouble === null ? Effect.void : defer(one, trouble)), {
    discard: true
  })
  return due.length
})

/** The deliveries of one worker, one batch after the other. */
export interface Outbox {
  /** Delivers for ever, looking at this interval, and at once again while there is more. */
  readonly run: (intervalMillis: number) => Effect.Effect<never, never, OutboxPorts>
  /** Delivers until nothing is due. Waits for what this worker is delivering just now, which nobody else sees as due. */
  readonly deliverAll: Effect.Effect<void, StoreUnavailable, OutboxPorts>
}

/** An outbox at rest. */
export const makeOutbox: Effect.Effect<Outbox> = Effect.map(Semaphore.make(1), (turns) => {
  const deliverBatch = turns.withPermits(1)(deliverDue)
  return {
    run: (intervalMillis) =>
      perpetually(
        "delivering notices",
        Effect.flatMap(deliverBatch, (taken) => (taken === BATCH ? Effect.void : Effect.sleep(intervalMillis)))
      ),
    deliverAll: Effect.asVoid(Effect.repeat(deliverBatch, { until: (taken) => taken === 0 }))
  }
})

/** Puts off what was not delivered, the longer the more often that happened. */
const defer = Effect.fnUntraced(function* ({ notice, delivery }: DueNotice, trouble: Trouble) {
  const { problem, takenBy, restMillis } = trouble
  const notices = yield* Notices
  const waitMillis = Math.max(yield* backoffAfter(delivery, AFTER_FAILURE), Math.min(restMillis, REST_MAX_MILLIS))
  yield* Effect.logWarning(`notice of run ${notice.runId} not delivered: ${problem}; again in ${waitMillis} ms`)
  yield* notices.deferDelivery(notice.runId, (yield* Clock.currentTimeMillis) + waitMillis, problem, takenBy)
})

/** Why a delivery did not go well, and what came of it all the same. */
interface Trouble {
  readonly problem: string
  readonly takenBy: ReadonlyArray<string>
  /** The rest the receiver asked for. */
  readonly restMillis: number
}

/** Hands the notice to the channel; answers why that did not go well, or null. */
const troubleOf = ({ notice, takenBy }: DueNotice): Effect.Effect<Trouble | null, never, NoticeChannel> => {
  const trouble = (problem: string): Trouble => ({ problem, takenBy, restMillis: 0 })
  const delivering = Effect.flatMap(NoticeChannel, (channel) => channel.deliver(notice, takenBy))
  return exitWithin(DELIVERY_MILLIS, Effect.as(delivering, null)).pipe(
    Effect.flatMap(
      Option.getOrElse(() => Effect.succeed(trouble(`the channel took longer than ${DELIVERY_MILLIS} ms`)))
    ),
    Effect.catch((failure) =>
      Effect.succeed({
        problem: oneLine(failure.problem, PROBLEM_MAX_LENGTH) || "no reason given",
        takenBy: failure.takenBy ?? takenBy,
        restMillis: failure.retryAfterMillis ?? 0
      })
    ),
    // A channel that breaks in an unforeseen way could not deliver. What it broke with may hold anything: it is not kept.
    Effect.catchCause((cause) => Effect.as(Effect.logWarning("the channel broke", cause), trouble("the channel broke")))
  )
}
