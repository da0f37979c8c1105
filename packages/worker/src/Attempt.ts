/**
 * An attempt: one run that was allowed, carried out under its admission. The handler is called once; what it returns, or what
 * stops it, becomes the run's next step.
 *
 * Contract section 3; laws `no_running_without_permit`, `redelivery_changes_nothing`.
 */
import { type AttemptPolicy, type RunEvent, type RunFailure, type Running, step } from "@countersign/domain"
import { Clock, Deferred, Effect, Fiber, Result } from "effect"
import { backoffAfter } from "./Backoff.ts"
import { LAST_MILLIS } from "./DispatchTimes.ts"
import type { Handled, Handler } from "./Handler.ts"
import type { HandlerContext } from "./HandlerContext.ts"
import { withoutLargeResult } from "./ResultSize.ts"
import type { Settle } from "./Settlement.ts"
import type { WorkerObserver } from "./WorkerEvent.ts"
import type { WorkerLimits } from "./WorkerOptions.ts"
import type { Ending, Work } from "./WorkInHand.ts"

/** Where the end of an attempt is reported. */
export interface AttemptTerms {
  readonly limits: Pick<WorkerLimits, "resultMaxBytes">
  readonly settle: Settle
  readonly observe: WorkerObserver
}

/** Carries out the work and settles what it came to. Never fails; stopped early when the work is ended from outside. */
export const attempt = <R>(
  work: Work,
  handler: Handler<R>,
  context: HandlerContext,
  terms: AttemptTerms
): Effect.Effect<void, never, R> =>
  Effect.forkChild(handled(work.run, handler, context, terms), { startImmediately: true }).pipe(
    // A handler that had nothing to wait for is done by now, and nothing was there to stop it: no timer, no race, no fibers for them.
    Effect.flatMap((handling) => handling.pollUnsafe() ?? stoppable(handling, work, handler.operation.attempts)),
    Effect.flatMap((end) => settleEnd(work, end, handler.operation.attempts, terms)),
    Effect.annotateLogs({ run: work.run.dispatch.id, operation: handler.operation.type, attempt: work.run.attempt })
  )

const handled = <R>(
  run: Running,
  handler: Handler<R>,
  context: HandlerContext,
  { limits }: AttemptTerms
): Effect.Effect<Handled, never, R> =>
  Effect.map(handler.handle(run.dispatch.payload, context), (done) => withoutLargeResult(done, limits.resultMaxBytes))

/** What a handler at work comes to, unless it takes too long or the work is ended first: then it is interrupted, and waited for. */
const stoppable = (handling: Fiber.Fiber<Handled>, work: Work, { timeoutMillis }: AttemptPolicy) =>
  Effect.raceAllFirst([
    Fiber.join(handling),
    Deferred.await(work.ended),
    Effect.as(Effect.sleep(timeoutMillis), TIMED_OUT)
  ]).pipe(Effect.ensuring(Fiber.interrupt(handling)))

const TIMED_OUT: Handled = {
  _tag: "Broken",
  failure: { code: "handler.timed_out", message: "The operation took longer than it may." },
  retry: true,
  retryAfterMillis: null
}

const UNWRITABLE: RunFailure = {
  code: "handler.invalid_result",
  message: "The operation ended with a result that cannot be stored."
}

const settleEnd = Effect.fnUntraced(function* (
  work: Work,
  end: Handled | Ending,
  policy: AttemptPolicy,
  terms: AttemptTerms
) {
  work.reasonsNotToAsk += 1
  if (end === "revoked") return yield* terms.observe({ _tag: "Revoked", runId: work.run.dispatch.id })
  // Not ours to report on any more.
  if (end === "moved_on") return yield* Effect.logInfo("work stopped: the run has moved on")
  const report = { admission: work.run.admission, atMillis: yield* Clock.currentTimeMillis, counts: work.counts }
  if (end === "released") return yield* settleEvent(work, { ...report, _tag: "Release" }, terms)
  const event = yield* eventFor(end, report, work.run.attempt, policy)
  const settled = yield* settleEvent(work, event, terms)
  if (settled === "unwritable") {
    yield* settleEvent(work, { ...report, counts: {}, _tag: "Fail", failure: UNWRITABLE }, terms)
  }
})

type Report = Pick<Extract<RunEvent, { readonly _tag: "Succeed" }>, "admission" | "atMillis" | "counts">
type ReportedEvent = Exclude<RunEvent, { readonly _tag: "Start" | "Block" | "Hold" | "Revoke" }>

const eventFor = (
  handledAs: Handled,
  report: Report,
  attemptNumber: number,
  policy: AttemptPolicy
): Effect.Effect<ReportedEvent> => {
  switch (handledAs._tag) {
    case "Done":
      return Effect.succeed({ ...report, _tag: "Succeed", result: handledAs.result })
    case "PartlyDone":
      return Effect.succeed({
        ...report,
        _tag: "PartiallySucceed",
        result: handledAs.result,
        failures: handledAs.failures
      })
    case "Broken":
      return handledAs.retry
        ? Effect.map(waitAfter(handledAs.retryAfterMillis, attemptNumber, policy), (waitMillis) => ({
            ...report,
            _tag: "FailAttempt",
            failure: handledAs.failure,
            // A handler may say never, or what amounts to it: no later than every store can keep.
            retryAtMillis: Math.min(report.atMillis + waitMillis, LAST_MILLIS)
          }))
        : Effect.succeed({ ...report, _tag: "Fail", failure: handledAs.failure })
  }
}

/** As long as the handler said, or else by the operation's back-off. */
const waitAfter = (saidMillis: number | null, attemptNumber: number, policy: AttemptPolicy): Effect.Effect<number> =>
  saidMillis === null ? backoffAfter(attemptNumber, policy) : Effect.succeed(saidMillis)

const settleEvent = Effect.fnUntraced(function* (work: Work, event: ReportedEvent, { settle, observe }: AttemptTerms) {
  // The run is in the state its own admission left it in: that the event does not fit it would be a bug of ours.
  const next = step(work.run, event)
  if (Result.isFailure(next)) return yield* Effect.die(next.failure)
  const settled = yield* settle(next.success)
  if (settled === "written") {
    yield* observe({ _tag: "Settled", run: next.success.after })
    return settled
  }
  if (settled._tag === "IllegalTransition") {
    yield* Effect.logInfo(`late report ignored: ${settled.message}`)
    return "refused"
  }
  yield* Effect.logError(settled.message, settled.cause)
  return "unwritable"
})
