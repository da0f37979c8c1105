/** Admission alone, `admitNext` called again and again until the queue is empty. */
import { Effect } from "effect"
import { collectGarbage } from "../harness/memory.ts"
import type { Case, Row } from "../harness/Row.ts"
import type { Content, Store } from "../stores/Store.ts"
import { millisToAdmit } from "./drain.ts"

/** How many runs one drain takes, by the batch: about as long as each other. */
export type Sizes = ReadonlyMap<number, number>

const caseOf = (store: Store, line: string, batch: number, size: number, snapshots: Content["snapshots"]): Case => ({
  name: `${line}, batch ${batch}`,
  measure: Effect.fnUntraced(function* (share) {
    const runs = Math.ceil(size * share)
    if (snapshots === "known") {
      const before = yield* store.filled({ queued: runs })
      yield* Effect.provide(millisToAdmit(store, runs, batch), before.ports)
    }
    const { ports, check } = yield* store.filled({ queued: runs, snapshots: snapshots ?? "new" })
    collectGarbage()
    const millis = yield* Effect.provide(millisToAdmit(store, runs, batch), ports)
    yield* check("admitted", runs)
    return [{ line, column: `batch ${batch}`, value: (runs / millis) * 1000 }]
  })
})

export const admissionRow = (stores: ReadonlyArray<Store>, sizes: Sizes): Row => ({
  key: "admission",
  title: "Admission alone",
  unit: "runs per second",
  remark:
    "`admitNext`: claim, fence, facts, decide, transition, record, commit; 8 % of the runs are denied. No snapshot of the facts is stored yet, except where they are said to be known.",
  cases: stores.flatMap((store) =>
    [...sizes].flatMap(([batch, runs]) => [
      caseOf(store, store.name, batch, runs, "new"),
      ...(batch === 100 && store.name.startsWith("PostgreSQL")
        ? [caseOf(store, `${store.name}, facts known`, batch, runs, "known")]
        : [])
    ])
  )
})
