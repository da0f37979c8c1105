/**
 * The outbox: notices are delivered after the unit of work that wrote them, at least once, until the channel takes them. A
 * delivery that fails never changes the run.
 *
 * Contract section 10.
 */
import { type DueNotice, type Notice, NoticeChannel, Notices, type StoreUnavailable } from "@countersign/domain"
import { Clock, Effect, Semaphore } from "effect"
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

/** What delivering notices needs. */
export type OutboxPorts = Notices | NoticeChannel

/** Delivers what is due now; answers how many notices were taken, delivered or not. */
export const deliverDue: Effect.Effect<number, StoreUnavailable, OutboxPorts> = Effect.gen(function* () {
  const notices = yield* Notices
  const nowMillis = yield* Clock.currentTimeMillis
  const due = yield* notices.takeDue(nowMillis, nowMillis + HIDDEN_MILLIS, BATCH)
  const problems = yield* Effect.forEach(due, ({ notice }) => problemOf(notice), { concurrency: SIDE_BY_SIDE })
  const delivered = due.filter((_, index) => problems[index] === null).map(({ notice }) => notice.runId)
  // Noted first, and together: what goes wrong with one must not have the others delivered again.
  if (delivered.length > 0) yield* notices.markDelivered(delivered, yield* Clock.currentTimeMillis)
  yield* Effect.forEach(due, (one, index) => defer(one, problems[index] ?? null), { discard: true })
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
const defer = Effect.fnUntraced(function* ({ notice, delivery }: DueNotice, problem: string | null) {
  if (problem === null) return
  const notices = yield* Notices
  const waitMillis = yield* backoffAfter(delivery, AFTER_FAILURE)
  yield* Effect.logWarning(`notice of run ${notice.runId} not delivered: ${problem}; again in ${waitMillis} ms`)
  yield* notices.deferDelivery(notice.runId, (yield* Clock.currentTimeMillis) + waitMillis, problem)
})

/** Hands the notice to the channel; answers why that did not go well, or null. */
const problemOf = (notice: Notice): Effect.Effect<string | null, never, NoticeChannel> =>
  Effect.flatMap(NoticeChannel, (channel) => channel.deliver(notice)).pipe(
    Effect.as(null),
    Effect.timeoutOrElse({
      duration: DELIVERY_MILLIS,
      orElse: () => Effect.succeed(`the channel took longer than ${DELIVERY_MILLIS} ms`)
    }),
    Effect.catch(({ problem }) => Effect.succeed(oneLine(problem, PROBLEM_MAX_LENGTH) || "no reason given")),
    // A channel that breaks in an unforeseen way could not deliver. What it broke with may hold anything: it is not kept.
    Effect.catchCause((cause) => Effect.as(Effect.logWarning("the channel broke", cause), "the channel broke"))
  )
