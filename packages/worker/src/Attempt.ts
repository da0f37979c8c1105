/**
 * An attempt: one run that was allowed, carried out under its admission. The handler is called once; what it returns, or what
 * stops it, becomes the run's next step.
 *
 * Contract section 3; laws `no_running_without_permit`, `redelivery_changes_nothing`.
 */
import { type AttemptPolicy, type RunEvent, type RunFailure, type Step, step } from "@countersign/domain"
import { Clock, Deferred, Effect, Exit, Fiber, Result } from "effect"
import { backoffAfter } from "./Backoff.ts"
import { LAST_MILLIS } from "./DispatchTimes.ts"
import type { Handled, Handler } from "./Handler.ts"
import type { HandlerContext } from "./HandlerContext.ts"
import { withoutLargeResult } from "./ResultSize.ts"
import type { Settle } from "./Settlement.ts"
import type { WorkerObserver } from "./WorkerEvent.ts"
import type { WorkerLimits } from "./WorkerOptions.ts"
import type { Ending, Work } from "./WorkInHand.ts"

/** A run that was allowed, and what is to be done for it. */
export interface Assignment<R> {
  readonly work: Work
  readonly handler: Handler<R>
  readonly context: HandlerContext
}

/** Where the end of an attempt is reported. */
export interface AttemptTerms {
  readonly limits: Pick<WorkerLimits, "resultMaxBytes">
  readonly settle: Settle
  readonly observe: WorkerObserver
}

/** An attempt whose handler was called. */
export interface Attempt {
  readonly work: Work
  readonly policy: AttemptPolicy
  readonly handling: Fiber.Fiber<Handled>
}

/** An attempt that is over, and what it came to. */
export interface Over {
  readonly work: Work
  readonly policy: AttemptPolicy
  readonly end: Handled | Ending
}

/** Calls the handler. It works on by itself until {@link attend} is there for it. */
export const begin = <R>({ work, handler, context }: Assignment<R>): Effect.Effect<Attempt, never, R> => {
  const { operation } = handler
  const { dispatch, attempt } = work.run
  return Effect.suspend(() => handler.handle(dispatch.payload, context)).pipe(
    Effect.annotateLogs({ run: dispatch.id, operation: operation.type, attempt }),
    Effect.forkDetach({ startImmediately: true }),
    Effect.map((handling) => ({ work, policy: operation.attempts, handling }))
  )
}

/** What the handler came to if it had nothing to wait for; null while it works. */
export const overAlready = ({ work, policy, handling }: Attempt): Over | null => {
  const exit = handling.pollUnsafe()
  return exit !== undefined && Exit.isSuccess(exit) ? { work, policy, end: exit.value } : null
}

/** Waits for the handler, unless it takes too long or the work is ended first: then it is interrupted, and waited for. */
export const attend = ({ work, policy, handling }: Attempt): Effect.Effect<Over> =>
  Effect.raceAllFirst([
    Fiber.join(handling),
    Deferred.await(work.ended),
    Effect.as(Effect.sleep(policy.timeoutMillis), TIMED_OUT)
  ]).pipe(
    Effect.ensuring(Fiber.interrupt(handling)),
    Effect.map((end) => ({ work, policy, end }))
  )

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

/** Settles what attempts came to, all of them together: those that were over at once never waited for each other. Never fails. */
export const report = Effect.fnUntraced(function* (overs: ReadonlyArray<Over>, terms: AttemptTerms) {
  const atMillis = yield* Clock.currentTimeMillis
  const ended: Array<Ended> = []
  for (const over of overs) {
    over.work.reasonsNotToAsk += 1
    const event = yield* eventOf(over, atMillis, terms)
    if (event !== null) ended.push({ work: over.work, step: yield* stepOf(over.work, event) })
  }
  for (const work of yield* unwritableAmong(ended, terms)) {
    const failed: ReportedEvent = { ...reportOn(work, atMillis), counts: {}, _tag: "Fail", failure: UNWRITABLE }
    yield* unwritableAmong([{ work, step: yield* stepOf(work, failed) }], terms)
  }
})

/** A step that ends an attempt. */
interface Ended {
  readonly work: Work
  readonly step: Step
}

type Report = Pick<Extract<RunEvent, { readonly _tag: "Succeed" }>, "admission" | "atMillis" | "counts">
type ReportedEvent = Exclude<RunEvent, { readonly _tag: "Start" | "Block" | "Hold" | "Revoke" }>

const reportOn = ({ run, counts }: Work, atMillis: number): Report => ({ admission: run.admission, atMillis, counts })

/** What has to be settled; null where there is nothing, or nothing of ours. */
const eventOf = (
  { work, end, policy }: Over,
  atMillis: number,
  { limits, observe }: AttemptTerms
): Effect.Effect<ReportedEvent | null> => {
  switch (end) {
    case "revoked":
      return Effect.as(observe({ _tag: "Revoked", runId: work.run.dispatch.id }), null)
    case "moved_on":
      return Effect.as(about(work, Effect.logInfo("work stopped: the run has moved on")), null)
    case "released":
      return Effect.succeed({ ...reportOn(work, atMillis), _tag: "Release" })
    default:
      return eventFor(
        withoutLargeResult(end, limits.resultMaxBytes),
        reportOn(work, atMillis),
        work.run.attempt,
        policy
      )
  }
}

const about = ({ run: { dispatch, attempt } }: Work, log: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.annotateLogs(log, { run: dispatch.id, operation: dispatch.subject.operationType, attempt })

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

/** The run is in the state its own admission left it in: that the event does not fit it would be a bug of ours. */
const stepOf = ({ run }: Work, event: ReportedEvent): Effect.Effect<Step> => {
  const next = step(run, event)
  return Result.isSuccess(next) ? Effect.succeed(next.success) : Effect.die(next.failure)
}

/** Settles the steps, tells of them, and answers the works whose steps the store does not take as they are. */
const unwritableAmong = Effect.fnUntraced(function* (ended: ReadonlyArray<Ended>, { settle, observe }: AttemptTerms) {
  const settled = yield* settle(ended.map(({ step }) => step))
  const unwritable: Array<Work> = []
  for (const [at, { work, step }] of ended.entries()) {
    const answer = settled[at]
    if (answer === undefined) continue
    if (answer === "written") yield* observe({ _tag: "Settled", run: step.after, attempt: work.run.attempt })
    else if (answer._tag === "IllegalTransition") {
      yield* about(work, Effect.logInfo(`late report ignored: ${answer.message}`))
    } else {
      yield* about(work, Effect.logError(answer.message, answer.cause))
      unwritable.push(work)
    }
  }
  return unwritable
})
