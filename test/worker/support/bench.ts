/** A whole gate in memory under the test clock: dispatch, start workers, let time pass, look. */
import {
  AuditLog,
  type Notice,
  NoticeChannel,
  type Run,
  type RunFailure,
  type RunId,
  RunStore
} from "@countersign/domain"
import {
  admitNext,
  Countersign,
  Handler,
  inventorySync,
  sampleCatalogue,
  Worker,
  type WorkerOptions
} from "@countersign/worker"
import { assert } from "@effect/vitest"
import { Clock, Context, Effect, Exit, Fiber, Layer, Logger, Scope } from "effect"
import { SecureRandom } from "effect/crypto"
import { TestClock } from "effect/testing"
import { layerUnruly } from "./unruly.ts"
import { byAda } from "./world.ts"

/** Every notice that was delivered, in order; a channel that never fails unless a test replaces it. */
export class Delivered extends Context.Service<Delivered, { readonly notices: Array<Notice> }>()("test/Delivered") {}

const layerChannel = Layer.effect(
  NoticeChannel,
  Effect.map(Delivered, ({ notices }) => ({
    deliver: (notice: Notice) =>
      Effect.sync(() => {
        notices.push(notice)
      })
  }))
)

/** What was logged, for tests about it, and nothing on the console. */
export class Logged extends Context.Service<Logged, { readonly lines: Array<string> }>()("test/Logged") {}

const layerLogged = Layer.unwrap(
  Effect.sync(() => {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => {
      lines.push(Array.isArray(message) ? message.map(String).join(" ") : String(message))
    })
    return Layer.merge(Layer.succeed(Logged, { lines }), Logger.layer([logger]))
  })
)

/** Countersign with the sample catalogue over unruly ports. */
export const layerBench = Layer.mergeAll(
  Countersign.layer({ catalogue: sampleCatalogue }),
  SecureRandom.layerWebCrypto,
  layerChannel
).pipe(
  Layer.provideMerge(layerUnruly),
  Layer.provideMerge(Layer.sync(Delivered, () => ({ notices: [] }))),
  Layer.provideMerge(layerLogged)
)

let serial = 0
/** A payload that no other dispatch has. */
export const freshScope = () => ({ scope: `shelf-${++serial}` })

/** Dispatches an inventory sync of Ada's. */
export const dispatchSync = Effect.gen(function* () {
  const gate = yield* Countersign
  const { run } = yield* gate.dispatch({ ...byAda, operation: inventorySync, payload: freshScope() })
  return run.dispatch.id
})

export const dispatchSyncs = (count: number) => Effect.replicateEffect(dispatchSync, count)

export const find = (id: RunId) => Effect.flatMap(Countersign, (gate) => gate.find(id))

/** The run, which must be in this state. */
export const findAs = <Tag extends Run["_tag"]>(id: RunId, tag: Tag) =>
  Effect.map(find(id), (run): Extract<Run, { readonly _tag: Tag }> => {
    if (!isIn(run, tag)) return assert.fail(`the run is ${run._tag}, not ${tag}`)
    return run
  })

const isIn = <Tag extends Run["_tag"]>(run: Run, tag: Tag): run is Extract<Run, { readonly _tag: Tag }> =>
  run._tag === tag

export const failureOf = (id: RunId): Effect.Effect<RunFailure, unknown, Countersign> =>
  Effect.map(findAs(id, "Failed"), ({ failure }) => failure)

export const actionsOf = Effect.fnUntraced(function* (id: RunId) {
  const log = yield* AuditLog
  return (yield* log.recordsOf(id)).map(({ action }) => action)
})

/** An inventory sync that does this. */
export const syncing = <E, R>(work: Effect.Effect<unknown, E, R>) =>
  Handler.make(inventorySync, () => Effect.as(work, { items: 1 }))

/** Starts a worker that gives back its work at once when it stops; it is stopped with the test at the latest. */
export const startWorker = Effect.fnUntraced(function* <R>(
  handlers: WorkerOptions<R>["handlers"],
  options: Partial<WorkerOptions<R>> = {}
) {
  const scope = yield* Effect.acquireRelease(Scope.make(), closedInTime)
  const layer = Worker.layer({ catalogue: sampleCatalogue, handlers, drainMillis: 0, ...options })
  const context = yield* Layer.buildWithScope(layer, scope)
  return { worker: Context.get(context, Worker), stop: closedInTime(scope) }
})

/** Closes a scope while time passes: whatever waits for time on its way out gets it. */
const closedInTime = (scope: Scope.Closeable): Effect.Effect<void> =>
  Effect.gen(function* () {
    const closing = yield* Effect.forkDetach(Scope.close(scope, Exit.void))
    yield* settleDown
    for (let second = 0; second < 120 && closing.pollUnsafe() === undefined; second += 1) {
      yield* TestClock.adjust("1 second")
    }
    yield* Fiber.join(closing)
  })

/** Lets time pass in small steps, so that what one step brings about has its own time. */
export const pass = (millis: number, stepMillis = 100): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let passed = 0; passed < millis; passed += stepMillis) {
      yield* TestClock.adjust(Math.min(stepMillis, millis - passed))
    }
  })

/** Lets everything that can go on without time go on. */
export const settleDown = TestClock.adjust(0)

/** Admits what waits, for a worker that is never heard of again. */
export const admittedBy = Effect.fnUntraced(function* (holder: string, leaseMillis: number, limit = 100) {
  const nowMillis = yield* Clock.currentTimeMillis
  const { started } = yield* admitNext(
    { limit, operationTypes: [inventorySync.type], nowMillis, order: "oldest", passOver: [], fullLanes: [] },
    {
      catalogue: sampleCatalogue,
      lease: { holder, untilMillis: nowMillis + leaseMillis },
      nowMillis,
      retryFactsAtMillis: nowMillis
    }
  )
  return started
})

/** One run that is running, admitted for a holder. */
export const startedRun = Effect.fnUntraced(function* (holder = "somebody", leaseMillis = 30_000) {
  yield* dispatchSync
  const [run] = yield* admittedBy(holder, leaseMillis)
  return defined(run)
})

export const defined = <A>(value: A | undefined): A => (value === undefined ? assert.fail("nothing is there") : value)

/** The run store, for a test that writes itself. */
export const writing = <A, E, R>(use: (store: RunStore["Service"]) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(RunStore, use)
