/** Dispatch. */
import { Countersign, type CountersignPorts } from "@countersign/worker"
import { Effect, Layer } from "effect"
import { collectGarbage } from "../harness/memory.ts"
import type { Case, Row } from "../harness/Row.ts"
import type { Store } from "../stores/Store.ts"
import { catalogue, requestOf } from "../stores/world.ts"

const numbers = (count: number) => Array.from({ length: count }, (_, at) => at)

export const BULK_COLUMN = "in bulk"
/** As many as pg-boss is given with one call. */
const AT_ONCE = 20_000

type Requests = ReadonlyArray<ReturnType<typeof requestOf>>

/** One `dispatch` after the other, or so many at once. */
const singly = (requests: Requests, atOnce: number) =>
  Effect.flatMap(Countersign, (countersign) =>
    Effect.forEach(requests, countersign.dispatch, { concurrency: atOnce, discard: true })
  ).pipe(Effect.provide(Countersign.layer({ catalogue })))

/** `dispatchAll`, so many requests with one call. */
const inBulk = (requests: Requests, atOnce: number) =>
  Effect.gen(function* () {
    const countersign = yield* Countersign
    for (let from = 0; from < requests.length; from += atOnce) {
      yield* countersign.dispatchAll(requests.slice(from, from + atOnce))
    }
  }).pipe(Effect.provide(Countersign.layer({ catalogue })))

interface Way {
  readonly column: string
  readonly runs: number
  readonly dispatch: (requests: Requests, by: number) => Effect.Effect<void, unknown, CountersignPorts>
  readonly by: number
}

const caseOf = (store: Store, { column, runs: size, dispatch, by }: Way): Case => ({
  name: `${store.name}, ${column}`,
  measure: Effect.fnUntraced(function* (share) {
    const runs = Math.ceil(size * share)
    const { ports, check } = yield* store.filled({ queued: 0 })
    const requests = numbers(runs).map((number) => requestOf(number, store.workspaces))
    collectGarbage()
    const begun = performance.now()
    yield* Effect.provide(dispatch(requests, by), Layer.succeedContext(ports))
    const millis = performance.now() - begun
    yield* check("dispatched", runs)
    return [{ line: store.name, column, value: (runs / millis) * 1000 }]
  })
})

/** `singles` also measures dispatches that come alone; `others` are the same question to others. */
export const dispatchRow = (
  stores: ReadonlyArray<Store>,
  runs: number,
  singles: boolean,
  others: ReadonlyArray<Case>
): Row => ({
  key: "dispatch",
  title: "Dispatch",
  unit: "runs per second",
  remark:
    "Everything a dispatch does: checks, identity, run, audit record, wake-up. In bulk: `dispatchAll` with all of them, 20,000 at most, stored by one transaction.",
  cases: [
    ...stores.flatMap((store) => [
      ...(singles
        ? [
            caseOf(store, { column: "1 at a time", runs: Math.ceil(runs / 10), dispatch: singly, by: 1 }),
            caseOf(store, { column: "10 at once", runs: Math.ceil(runs / 5), dispatch: singly, by: 10 })
          ]
        : []),
      caseOf(store, { column: BULK_COLUMN, runs, dispatch: inBulk, by: AT_ONCE })
    ]),
    ...others
  ]
})
