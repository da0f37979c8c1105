/**
 * The outbox: notices are delivered after the unit of work that wrote them, at least once, until the channel takes them. A
 * delivery that fails never changes the run.
 *
 * Contract section 10.
 */
import { type DueNotice, NoticeChannel, Notices, type StoreUnavailable } from "@countersign/domain"
import { Clock, Effect } from "effect"
import { type BackoffPolicy, backoffAfter } from "./Backoff.ts"
import { perpetually } from "./Perpetual.ts"

/** How many notices are taken at once, and how many are delivered side by side. */
const BATCH = 50
const SIDE_BY_SIDE = 5

/** A deliverer that dies leaves its notices to others after this long. */
const HIDDEN_MILLIS = 60_000

const AFTER_FAILURE: BackoffPolicy = { backoffMillis: 1_000, backoffMaxMillis: 3_600_000 }

export type OutboxPorts = Notices | NoticeChannel

/** Delivers what is due now; answers how many notices were taken, delivered or not. */
export const deliverDue: Effect.Effect<number, StoreUnavailable, OutboxPorts> = Effect.gen(function* () {
  const notices = yield* Notices
  const nowMillis = yield* Clock.currentTimeMillis
  const due = yield* notices.takeDue(nowMillis, nowMillis + HIDDEN_MILLIS, BATCH)
  yield* Effect.forEach(due, deliver, { concurrency: SIDE_BY_SIDE, discard: true })
  return due.length
})

/** Delivers for ever, looking at this interval, and at once again while there is more. */
export const runOutbox = (intervalMillis: number): Effect.Effect<never, never, OutboxPorts> =>
  perpetually(
    "delivering notices",
    Effect.flatMap(deliverDue, (taken) => (taken === BATCH ? Effect.void : Effect.sleep(intervalMillis)))
  )

const deliver = Effect.fnUntraced(function* ({ notice, delivery }: DueNotice) {
  const channel = yield* NoticeChannel
  const notices = yield* Notices
  const problem = yield* channel.deliver(notice).pipe(
    Effect.as(null),
    Effect.catch((error) => Effect.succeed(error.problem)),
    // A channel that breaks in an unforeseen way is a channel that could not deliver.
    Effect.catchDefect((defect) => Effect.succeed(`the channel broke: ${String(defect)}`))
  )
  const nowMillis = yield* Clock.currentTimeMillis
  if (problem === null) return yield* notices.markDelivered([notice.runId], nowMillis)
  const waitMillis = yield* backoffAfter(delivery, AFTER_FAILURE)
  yield* Effect.logWarning(`notice of run ${notice.runId} not delivered: ${problem}; again in ${waitMillis} ms`)
  yield* notices.deferDelivery(notice.runId, nowMillis + waitMillis, problem)
})
