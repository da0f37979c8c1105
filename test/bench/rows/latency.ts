/** How long an idle worker takes to begin with a run that is dispatched now. */
import { NoticeChannel } from "@countersign/domain"
import { Countersign, Handler, Worker } from "@countersign/worker"
import { Context, Deferred, Effect, Layer, Ref } from "effect"
import { collectGarbage } from "../harness/memory.ts"
import type { Case, Row } from "../harness/Row.ts"
import { randomFrom, SEED } from "../harness/random.ts"
import { quantile } from "../harness/statistics.ts"
import type { Store } from "../stores/Store.ts"
import { catalogue, isArchived, operation, requestOf, TENANTS_PER_WORKSPACE } from "../stores/world.ts"

/** Between two dispatches, so that the worker is idle again; at random, so that nothing falls into step with it. */
const PAUSE_MILLIS = { least: 8, most: 24 }

/**
 * Dispatches before those that count: the store has just been emptied, and the server plans each statement of a connection anew for
 * the first five times. A worker that idles has that behind it.
 */
const WARMING = 40

/** Numbers whose runs are allowed. */
const allowedNumbers = (store: Store, count: number): ReadonlyArray<number> => {
  const found: Array<number> = []
  for (let number = 0; found.length < count; number++) {
    const tenant = Number(requestOf(number, store.workspaces).tenantId.slice("tenant-".length))
    if (!isArchived(tenant % TENANTS_PER_WORKSPACE)) found.push(number)
  }
  return found
}

const caseOf = (store: Store, most: number): Case => ({
  name: store.name,
  measure: Effect.fnUntraced(function* (share) {
    const samples = WARMING + Math.ceil(most * share)
    const { ports, check } = yield* store.filled({ queued: 0 })
    const waiting = yield* Ref.make(yield* Deferred.make<number>())
    const settled = yield* Ref.make(yield* Deferred.make<void>())
    const begin = Effect.suspend(() => {
      const beganAt = performance.now()
      return Effect.flatMap(Ref.get(waiting), (begun) => Effect.asVoid(Deferred.succeed(begun, beganAt)))
    })
    const settle = Effect.flatMap(Ref.get(settled), (one) => Effect.asVoid(Deferred.succeed(one, undefined)))
    const worker = Worker.layer({
      catalogue,
      handlers: [Handler.make(operation, () => Effect.void)],
      name: "bench",
      // Told as soon as the admission has committed, before the handler is called.
      observe: ({ _tag }) => (_tag === "Started" ? begin : _tag === "Settled" ? settle : Effect.void)
    })
    const channel = NoticeChannel.of({ deliver: () => Effect.void })
    const context = yield* Layer.build(
      Layer.merge(worker, Countersign.layer({ catalogue })).pipe(
        Layer.provide(Layer.succeedContext(Context.add(ports, NoticeChannel, channel)))
      )
    )
    const countersign = Context.get(context, Countersign)
    const random = randomFrom(SEED)
    const times: Array<number> = []
    // The worker begins to listen.
    yield* Effect.sleep("200 millis")
    for (const number of allowedNumbers(store, samples)) {
      const begun = yield* Deferred.make<number>()
      const end = yield* Deferred.make<void>()
      yield* Ref.set(waiting, begun)
      yield* Ref.set(settled, end)
      const dispatchedAt = performance.now()
      yield* countersign.dispatch(requestOf(number, store.workspaces))
      times.push((yield* Deferred.await(begun)) - dispatchedAt)
      if (times.length === WARMING) collectGarbage()
      yield* Deferred.await(end)
      yield* Effect.sleep(PAUSE_MILLIS.least + random() * (PAUSE_MILLIS.most - PAUSE_MILLIS.least))
    }
    yield* check("completed", samples)
    const counted = times.slice(WARMING)
    return [
      { line: store.name, column: "p50", value: quantile(counted, 0.5) },
      { line: store.name, column: "p99", value: quantile(counted, 0.99) }
    ]
  })
})

export const latencyRow = (stores: ReadonlyArray<Store>, samples: number): Row => ({
  key: "latency",
  title: "Latency of an idle worker",
  unit: "milliseconds",
  remark: `From the call of \`dispatch\` until the run is running and that is committed, ${samples} times a round with a pause after each, and ${WARMING} times before that are not counted.`,
  cases: stores.map((store) => caseOf(store, samples))
})
