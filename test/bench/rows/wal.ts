/** How much log a run makes PostgreSQL write. */
import { type Running, RunStore, step } from "@countersign/domain"
import type { PgClient } from "@effect/sql-pg"
import { Clock, Effect } from "effect"
import type { Case, Row } from "../harness/Row.ts"
import { walPosition } from "../stores/postgres.ts"
import type { Content, Store } from "../stores/Store.ts"
import { firstStepOf } from "../stores/world.ts"
import { millisToAdmit } from "./drain.ts"

const BATCH = 100

const dispatchAll = Effect.fnUntraced(function* (store: Store, runs: number) {
  const runStore = yield* RunStore
  const atMillis = (yield* Clock.currentTimeMillis) - 60_000
  for (let from = 0; from < runs; from += BATCH) {
    yield* runStore.dispatch(
      Array.from({ length: BATCH }, (_, at) => firstStepOf(from + at, store.workspaces, atMillis))
    )
  }
})

const completeAll = Effect.fnUntraced(function* (started: ReadonlyArray<Running>) {
  const runStore = yield* RunStore
  const atMillis = yield* Clock.currentTimeMillis
  for (let from = 0; from < started.length; from += BATCH) {
    const steps = yield* Effect.forEach(started.slice(from, from + BATCH), (running) =>
      Effect.fromResult(
        step(running, { _tag: "Succeed", admission: running.admission, atMillis, counts: {}, result: null })
      )
    )
    yield* runStore.write(steps, null)
  }
})

const caseOf = (admin: PgClient.PgClient, store: Store, size: number, snapshots: Content["snapshots"]): Case => ({
  name: snapshots === "known" ? "facts known" : "facts new",
  measure: Effect.fnUntraced(function* (share) {
    const runs = Math.ceil((size * share) / BATCH) * BATCH
    const { ports, check } = yield* store.filled({ queued: 0, snapshots: snapshots ?? "new" })
    const line = snapshots === "known" ? "facts known" : "facts new"
    const bytesOf = <A, E, R>(column: string, effect: Effect.Effect<A, E, R>) =>
      Effect.gen(function* () {
        const before = yield* walPosition(admin)
        yield* effect
        return { line, column, value: ((yield* walPosition(admin)) - before) / runs }
      })
    const started: Array<Running> = []
    const keep = (admitted: { readonly started: ReadonlyArray<Running> }) =>
      Effect.sync(() => {
        started.push(...admitted.started)
      })
    const figures = yield* Effect.provide(
      Effect.all([
        bytesOf("1 dispatch", dispatchAll(store, runs)),
        bytesOf("2 admission", millisToAdmit(store, runs, BATCH, keep)),
        bytesOf(
          "3 completion",
          Effect.suspend(() => completeAll(started))
        )
      ]),
      ports
    )
    yield* check("completed", runs)
    const claimToCompleted = figures.slice(1).reduce((sum, { value }) => sum + value, 0)
    return [...figures, { line, column: "claim to completed", value: claimToCompleted }]
  })
})

export const walRow = (admin: PgClient.PgClient, store: Store, runs: number): Row => ({
  key: "wal",
  title: "Write-ahead log, step by step",
  unit: "bytes per run",
  remark:
    "In batches of 100, with one notice for each run; counted over all runs, denied ones included. No checkpoint falls into it, so there are next to no full-page images; in production they come on top.",
  cases: [caseOf(admin, store, runs, "new"), caseOf(admin, store, runs, "known")]
})
