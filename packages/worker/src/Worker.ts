/**
 * A worker in this process: loop, heartbeat, reconciler, scheduler and outbox together, started with the layer and stopped gracefully with
 * it: it stops claiming, lets running work finish for a while, then gives back the rest without spending an attempt.
 *
 * Architecture section 3; contract section 3, `release`.
 */
import { sha256Hex } from "@countersign/adapters"
import { RunQueue, type StoreUnavailable } from "@countersign/domain"
import { Context, Effect, Fiber, FiberSet, Layer } from "effect"
import { SecureRandom } from "effect/crypto"
import type { AdmissionPorts } from "./Admission.ts"
import { layerCarefulLog } from "./CarefulLog.ts"
import { type Deliver, makeDeliveries } from "./Delivery.ts"
import { handlersByType } from "./Handler.ts"
import { runHeartbeat } from "./Heartbeat.ts"
import { runLoop } from "./Loop.ts"
import { makeOutbox, type OutboxPorts } from "./Outbox.ts"
import { layerPooledRandom } from "./PooledRandom.ts"
import { runProgress } from "./Progress.ts"
import { runReconciler } from "./Reconciler.ts"
import { runReminder } from "./Reminder.ts"
import { runRetention } from "./Retention.ts"
import { runScheduler, type SchedulerPorts } from "./Scheduler.ts"
import { makeSettle } from "./Settlement.ts"
import type { WorkerObserver } from "./WorkerEvent.ts"
import { limitsOf, type WorkerOptions } from "./WorkerOptions.ts"
import type { WorkerTerms } from "./WorkerTerms.ts"
import { makeWorkInHand } from "./WorkInHand.ts"

/** Asks again and again, at most every 100 ms, until the answer is zero. */
const untilZero = <E>(count: Effect.Effect<number, E>, intervalMillis: number): Effect.Effect<void, E> =>
  Effect.flatMap(count, (n) =>
    n === 0
      ? Effect.void
      : Effect.andThen(Effect.sleep(Math.min(intervalMillis, 100)), untilZero(count, intervalMillis))
  )

/** How long the returns of unfinished work may take to be written when a worker stops, in milliseconds. */
const GIVE_BACK_MILLIS = 5_000

/** Everything a worker needs from the outside. */
export type WorkerPorts = Exclude<AdmissionPorts, SecureRandom.SecureRandom> | OutboxPorts | SchedulerPorts

/** A running worker: it works for as long as its scope lasts (contract, sections 3 and 8). */
export class Worker extends Context.Service<
  Worker,
  {
    readonly name: string
    /** Waits until no run of this worker's operations is queued or running, here or elsewhere, and due notices were sent. */
    readonly drained: Effect.Effect<void, StoreUnavailable>
    /** Waits until every notice that is due was sent, those included that are being delivered here. */
    readonly delivered: Effect.Effect<void, StoreUnavailable>
    /**
     * Works on runs that a queue of the host's own delivered, by their ids: admits each like any other, carries out what is allowed,
     * and answers, in the order given and each once, where they stand then. Fails when the store is away: deliver them again.
     *
     * **Gotchas**
     *
     * Answers when the work is over. Whoever stops waiting before does not stop the work.
     */
    readonly deliver: Deliver
    /** How many handlers are at work here. */
    readonly atWork: Effect.Effect<number>
  }
>()("@countersign/worker/Worker") {
  /** Starts a worker; closing the layer's scope stops it. Throws at once when an option makes no sense. */
  static readonly layer = <R>(options: WorkerOptions<R>): Layer.Layer<Worker, never, WorkerPorts | R> => {
    const limits = limitsOf(options)
    const handlers = handlersByType(options.handlers, options.catalogue)
    return Layer.effect(
      Worker,
      Effect.gen(function* () {
        const random = yield* SecureRandom.SecureRandom
        const name = options.name ?? `worker-${(yield* random.uuidV4()).slice(0, 8)}`
        const hands = yield* FiberSet.make<void>()
        const settle = yield* makeSettle
        const inHand = makeWorkInHand()
        const outbox = yield* makeOutbox
        const observe = carefully(options.observe)
        const { catalogue } = options
        const terms: WorkerTerms<R> = { name, catalogue, handlers, limits, inHand, hands, settle, observe }
        yield* Effect.forkScoped(runHeartbeat(terms))
        yield* Effect.forkScoped(runReconciler(catalogue, limits.leaseMillis / 2))
        yield* Effect.forkScoped(outbox.run(limits.pollMillis))
        // How large a payload may be was asked when its schedule was made.
        const slotTerms = { catalogue, digest: sha256Hex, payloadMaxBytes: Number.POSITIVE_INFINITY }
        const queueTerms = options.queue === undefined ? {} : { queue: options.queue }
        yield* Effect.forkScoped(runScheduler({ ...slotTerms, ...queueTerms }, limits.pollMillis))
        yield* Effect.forkScoped(runProgress(inHand))
        if (limits.retentionMillis !== null) yield* Effect.forkScoped(runRetention(limits.retentionMillis))
        if (options.queue !== undefined) yield* Effect.forkScoped(runReminder(options.queue, [...handlers.keys()]))
        const deliveries = yield* makeDeliveries(terms, options.queue)
        // Registered last, so that stopping begins here: everything above still serves the work that drains. Detached, because
        // the scope would wait for an admission that hangs.
        const claiming = options.claims === false ? Effect.never : runLoop(terms)
        yield* Effect.acquireRelease(Effect.forkDetach(claiming), (loop) =>
          stopGracefully(terms, Effect.andThen(Fiber.interrupt(loop), deliveries.stop))
        )

        const queue = yield* RunQueue
        const types = [...handlers.keys()]
        const delivered = Effect.provide(outbox.deliverAll, yield* Effect.context<OutboxPorts>())
        const drained = Effect.andThen(untilZero(queue.countActive(types), limits.pollMillis), delivered)
        return Worker.of({ name, drained, delivered, deliver: deliveries.deliver, atWork: Effect.sync(inHand.size) })
      })
    ).pipe(Layer.provide([layerPooledRandom, layerCarefulLog]))
  }
}

/** An observer that breaks is logged, and disturbs nobody: it stands between started runs and their handlers. */
const carefully = (observe: WorkerObserver | undefined): WorkerObserver =>
  observe === undefined
    ? () => Effect.void
    : (event) =>
        Effect.suspend(() => observe(event)).pipe(
          Effect.catchCause((cause) => Effect.logWarning("the worker's observer broke", cause))
        )

const stopGracefully = Effect.fnUntraced(function* <R>(
  { hands, inHand, limits, name }: WorkerTerms<R>,
  stopAdmitting: Effect.Effect<void>
) {
  // An admission in flight is let through to its end; a store that hangs must not keep the worker from stopping.
  yield* Effect.timeoutOption(stopAdmitting, Math.max(limits.drainMillis, GIVE_BACK_MILLIS))
  if (inHand.size() > 0) {
    yield* Effect.logInfo(`worker ${name}: waiting for ${inHand.size()} runs to finish`)
    yield* Effect.timeoutOption(FiberSet.awaitEmpty(hands), limits.drainMillis)
  }
  if (inHand.size() > 0) yield* Effect.logInfo(`worker ${name}: giving back ${inHand.size()} runs`)
  yield* inHand.releaseAll
  yield* Effect.timeoutOption(FiberSet.awaitEmpty(hands), GIVE_BACK_MILLIS)
})
