/** Row 5: dispatch. */
import { sha256Hex } from "@countersign/adapters"
import { RunStore } from "@countersign/domain"
import { Countersign, prepareTyped } from "@countersign/worker"
import { Effect, Layer } from "effect"
import { SecureRandom } from "effect/crypto"
import { collectGarbage } from "../harness/memory.ts"
import type { Case, Row } from "../harness/Row.ts"
import type { Store } from "../stores/Store.ts"
import { catalogue, requestOf } from "../stores/world.ts"

const numbers = (count: number) => Array.from({ length: count }, (_, at) => at)

/** One `dispatch` after the other, or so many at once. */
const singly = (store: Store, runs: number, atOnce: number) =>
  Effect.flatMap(Countersign, (countersign) =>
    Effect.forEach(numbers(runs), (number) => countersign.dispatch(requestOf(number, store.workspaces)), {
      concurrency: atOnce,
      discard: true
    })
  ).pipe(Effect.provide(Countersign.layer({ catalogue })))

/** Many with one statement. Every request is checked as one that comes alone. */
const inBulk = (store: Store, runs: number, chunk: number) =>
  Effect.gen(function* () {
    const runStore = yield* RunStore
    for (let from = 0; from < runs; from += chunk) {
      const requests = numbers(Math.min(chunk, runs - from)).map((at) => requestOf(from + at, store.workspaces))
      const steps = yield* Effect.forEach(requests, (request) =>
        prepareTyped({ catalogue, digest: sha256Hex }, request)
      )
      yield* runStore.dispatch(steps)
    }
  }).pipe(Effect.provide(SecureRandom.layerWebCrypto))

interface Way {
  readonly column: string
  readonly runs: number
  readonly dispatch: typeof inBulk | typeof singly
  readonly by: number
}

const caseOf = (store: Store, { column, runs, dispatch, by }: Way): Case => ({
  name: `${store.name}, ${column}`,
  measure: Effect.gen(function* () {
    const { ports, check } = yield* store.filled({ queued: 0 })
    collectGarbage()
    const begun = performance.now()
    yield* Effect.provide(dispatch(store, runs, by), Layer.succeedContext(ports))
    const millis = performance.now() - begun
    yield* check("dispatched", runs)
    return [{ line: store.name, column, value: (runs / millis) * 1000 }]
  })
})

export const dispatchRow = (stores: ReadonlyArray<Store>, runs: number): Row => ({
  key: "dispatch",
  title: "5. Dispatch",
  unit: "runs per second",
  remark:
    "Everything a dispatch does: checks, identity, run, audit record, wake-up. In bulk: `RunStore.dispatch` with 500 prepared runs, as no bulk dispatch is offered to hosts yet.",
  cases: stores.flatMap((store) =>
    [
      { column: "1 at a time", runs: Math.ceil(runs / 10), dispatch: singly, by: 1 },
      { column: "10 at once", runs: Math.ceil(runs / 5), dispatch: singly, by: 10 },
      { column: "500 in bulk", runs, dispatch: inBulk, by: 500 }
    ].map((way) => caseOf(store, way))
  )
})
