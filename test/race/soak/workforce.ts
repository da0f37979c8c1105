/** Workers that come and go: each is a program of its own, and is stopped in the middle of its work again and again. */
import { layerPostgresInbox } from "@countersign/adapters"
import type { Running } from "@countersign/domain"
import { type Handler, Worker } from "@countersign/worker"
import { Context, Effect, Exit, Layer, Ref, Scope } from "effect"
import type { Chance } from "../support/chance.ts"
import { layerProgram } from "../support/server.ts"
import { catalogue } from "./operations.ts"

const LEASE_MILLIS = 15_000

/** Starts a worker; `starts` keeps every admission that brought a run to running. */
export const startWorker = Effect.fnUntraced(function* (
  url: string,
  handlers: ReadonlyArray<Handler>,
  starts: Array<Running>
) {
  const scope = yield* Effect.acquireRelease(Scope.make(), (own, exit) => Scope.close(own, exit))
  const layer = Worker.layer({
    catalogue,
    handlers,
    pollMillis: 1_000,
    leaseMillis: LEASE_MILLIS,
    drainMillis: 500,
    concurrency: 8,
    observe: (event) =>
      Effect.sync(() => {
        if (event._tag === "Started") starts.push(event.run)
      })
  }).pipe(Layer.provide(layerPostgresInbox()), Layer.provide(Layer.fresh(layerProgram(url, 5, catalogue))))
  const context = yield* Layer.buildWithScope(layer, scope)
  return { worker: Context.get(context, Worker), stop: Scope.close(scope, Exit.void) }
})

/** One place at the bench: a worker works there for a while, is stopped, and another takes its place. */
export const takingTurns = Effect.fnUntraced(function* (
  isOver: Ref.Ref<boolean>,
  chance: Chance,
  start: ReturnType<typeof startWorker>
) {
  while (!(yield* Ref.get(isOver))) {
    yield* Effect.scoped(
      Effect.gen(function* () {
        const { stop } = yield* start
        yield* Effect.sleep(10_000 + chance.below(60_000))
        yield* stop
      })
    )
  }
})
