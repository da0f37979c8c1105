/**
 * Handing out: what was admitted is told of, and each run that started is put into its handler.
 *
 * Architecture section 3.
 */
import type { OperationType, Running } from "@countersign/domain"
import { Clock, Deferred, Effect, FiberSet } from "effect"
import type { Admitted } from "./Admission.ts"
import { type Attempt, attend, begin, type Over, overAlready, report } from "./Attempt.ts"
import { makeHandlerContext } from "./HandlerContext.ts"
import type { RecheckPorts } from "./Recheck.ts"
import type { WorkerTerms } from "./WorkerTerms.ts"
import type { Work } from "./WorkInHand.ts"

/**
 * Puts the runs that started into their handlers, and tells of what else was admitted; answers the fibers that see the handlers
 * through. Those that started come first: their leases are running.
 */
export const handOutAll = Effect.fnUntraced(function* <R>(
  terms: WorkerTerms<R>,
  admitted: Admitted,
  leaseUntilMillis: number,
  whenEnded: (operationType: OperationType) => void
) {
  const fibers = yield* putIntoHands(terms, admitted.started, leaseUntilMillis, whenEnded)
  for (const run of admitted.blocked) yield* terms.observe({ _tag: "Blocked", run })
  for (const run of admitted.held) yield* terms.observe({ _tag: "Held", run })
  for (const run of admitted.expired) yield* terms.observe({ _tag: "Settled", run, attempt: run.attempt })
  return fibers
})

/** If the admission took longer than the lease it gave, others may have taken its runs by now: they are left to them. */
const putIntoHands = Effect.fnUntraced(function* <R>(
  terms: WorkerTerms<R>,
  started: ReadonlyArray<Running>,
  leaseUntilMillis: number,
  whenEnded: (operationType: OperationType) => void
) {
  if (started.length > 0 && (yield* Clock.currentTimeMillis) >= leaseUntilMillis) {
    yield* Effect.logWarning(`worker ${terms.name}: an admission took too long, ${started.length} runs are left alone`)
    return []
  }
  const { atWork, over } = yield* beginAll(terms, started, leaseUntilMillis)
  const inHands = (works: ReadonlyArray<Work>, reported: Effect.Effect<void>) =>
    FiberSet.run(terms.hands, Effect.ensuring(reported, letGo(works, terms, whenEnded)))
  const fibers = yield* Effect.forEach(atWork, (attempt) =>
    inHands(
      [attempt.work],
      Effect.flatMap(attend(attempt), (end) => report([end], terms))
    )
  )
  // Those that were over at once need no timer and no race, and one fiber sees all of them through.
  if (over.length > 0) {
    const works = over.map(({ work }) => work)
    fibers.push(yield* inHands(works, report(over, terms)))
  }
  return fibers
})

/**
 * Calls the handler of each run, and parts those that had nothing to wait for from those that are at work. All are in hand from the
 * beginning, so that their leases are renewed however long this takes; one that is lost or released before its turn is not begun.
 */
const beginAll = Effect.fnUntraced(function* <R>(
  terms: WorkerTerms<R>,
  started: ReadonlyArray<Running>,
  leaseUntilMillis: number
) {
  const ports = yield* Effect.context<RecheckPorts>()
  const atWork: Array<Attempt> = []
  const over: Array<Over> = []
  const assigned = started.flatMap((run) => {
    const handler = terms.handlers.get(run.dispatch.subject.operationType)
    // The claim asked only for types that have one.
    return handler === undefined ? [] : { handler, work: terms.inHand.take(run, leaseUntilMillis) }
  })
  let breathedAtMillis = yield* Clock.currentTimeMillis
  for (const { handler, work } of assigned) {
    let nowMillis = yield* Clock.currentTimeMillis
    // Handlers that keep the process busy keep leases from being renewed, and from being watched.
    if (nowMillis - breathedAtMillis > terms.limits.leaseMillis / 10) {
      yield* Effect.yieldNow
      nowMillis = yield* Clock.currentTimeMillis
      breathedAtMillis = nowMillis
    }
    if (work.leaseUntilMillis <= nowMillis) yield* Deferred.succeed(work.ended, "moved_on")
    if (yield* Deferred.isDone(work.ended)) {
      over.push({ work, policy: handler.operation.attempts, end: yield* Deferred.await(work.ended) })
      continue
    }
    yield* terms.observe({ _tag: "Started", run: work.run })
    const attempt = yield* begin({ work, handler, context: makeHandlerContext(work, terms.catalogue, ports) })
    const isOver = overAlready(attempt)
    if (isOver === null) atWork.push(attempt)
    else over.push(isOver)
  }
  return { atWork, over }
})

const letGo = <R>(
  works: ReadonlyArray<Work>,
  { inHand }: WorkerTerms<R>,
  whenEnded: (operationType: OperationType) => void
) =>
  Effect.sync(() => {
    for (const work of works) {
      inHand.drop(work)
      whenEnded(work.run.dispatch.subject.operationType)
    }
  })
