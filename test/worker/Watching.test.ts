/** Watching: how runs get on, one by one and in a list (contract, section 8). */
import { type Freshness, isCompleted, type RunFilter, RunStore } from "@countersign/domain"
import { Countersign, inventorySync, listWatched, reconcile, sampleCatalogue, watchRun } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Ref } from "effect"
import { TestClock } from "effect/testing"
import {
  admittedBy,
  defined,
  dispatchSync,
  find,
  freshScope,
  layerBench,
  pass,
  startWorker,
  syncing
} from "./support/bench.ts"
import { byAda, settle } from "./support/world.ts"

const MINUTE_MILLIS = 60_000

const dispatchFor = Effect.fnUntraced(function* (waitMillis: number) {
  const gate = yield* Countersign
  const expiresAtMillis = (yield* Clock.currentTimeMillis) + waitMillis
  const { run } = yield* gate.dispatch({ ...byAda, operation: inventorySync, payload: freshScope(), expiresAtMillis })
  return run.dispatch.id
})

const idsOf = (freshness: Freshness | null, limit = 100) =>
  Effect.map(listWatched({ limit }, freshness), ({ watched }) => watched.map(({ run }) => run.dispatch.id))

describe("watching", () => {
  it.effect("a run is told how it gets on: fresh, likely stale, given up, over", () =>
    Effect.gen(function* () {
      yield* settle
      const gate = yield* Countersign
      const hurried = yield* dispatchFor(MINUTE_MILLIS)
      const patient = yield* dispatchFor(60 * MINUTE_MILLIS)
      const told = (id: typeof hurried) =>
        Effect.map(gate.inspect(id), ({ freshness, problemClass }) => [freshness, problemClass])
      assert.deepStrictEqual(yield* told(hurried), ["fresh_active", "none"])
      yield* TestClock.adjust(MINUTE_MILLIS / 2)
      assert.deepStrictEqual(yield* told(hurried), ["likely_stale", "active_stale_attention"])
      assert.deepStrictEqual(yield* told(patient), ["fresh_active", "none"])
      yield* TestClock.adjust(MINUTE_MILLIS / 2)
      yield* reconcile(sampleCatalogue)
      assert.deepStrictEqual(yield* told(hurried), ["reconciled_failed", "terminal_follow_up"])
      yield* gate.cancel(patient, { kind: "system", id: null })
      assert.deepStrictEqual(yield* told(patient), ["terminal_normal", "none"])
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("a running run is fresh while it is held, and one that ended meanwhile is not called stale", () =>
    Effect.gen(function* () {
      yield* settle
      const id = yield* dispatchSync
      yield* admittedBy("somebody", MINUTE_MILLIS)
      const running = yield* find(id)
      assert.strictEqual((yield* watchRun(running)).freshness, "fresh_active")
      yield* TestClock.adjust(MINUTE_MILLIS + 1)
      assert.strictEqual((yield* watchRun(running)).freshness, "likely_stale")
      const gate = yield* Countersign
      yield* gate.cancel(id, { kind: "system", id: null })
      assert.strictEqual((yield* watchRun(running)).freshness, "fresh_active")
      assert.strictEqual((yield* watchRun(yield* find(id))).freshness, "terminal_normal")
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("a search by freshness finds those and no others, newest first, up to its limit", () =>
    Effect.gen(function* () {
      yield* settle
      const stale = yield* Effect.replicateEffect(dispatchFor(MINUTE_MILLIS), 3)
      const fresh = yield* Effect.replicateEffect(dispatchFor(60 * MINUTE_MILLIS), 2)
      yield* TestClock.adjust(MINUTE_MILLIS / 2)
      const newestFirst = (ids: ReadonlyArray<string>) => [...ids].sort().reverse()
      assert.deepStrictEqual(yield* idsOf("likely_stale"), newestFirst(stale))
      assert.deepStrictEqual(yield* idsOf("likely_stale", 2), newestFirst(stale).slice(0, 2))
      assert.deepStrictEqual(yield* idsOf("fresh_active"), newestFirst(fresh))
      assert.deepStrictEqual(yield* idsOf(null), newestFirst([...stale, ...fresh]))
      assert.deepStrictEqual(yield* idsOf("terminal_normal"), [])
      const contradiction = yield* listWatched({ limit: 10, status: "completed" }, "likely_stale")
      assert.deepStrictEqual(contradiction, { watched: [], unreadable: [], isCut: false })
      yield* TestClock.adjust(MINUTE_MILLIS / 2)
      yield* reconcile(sampleCatalogue)
      assert.deepStrictEqual(yield* idsOf("reconciled_failed"), newestFirst(stale))
      yield* startWorker([syncing(Effect.void)])
      yield* pass(2_000)
      assert.deepStrictEqual(yield* idsOf("terminal_normal"), newestFirst(fresh))
      assert.isTrue(isCompleted(yield* find(defined(fresh[0]))))
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("a search that is given up before it has looked at everything says so; one that has, does not", () =>
    Effect.gen(function* () {
      yield* settle
      const fresh = yield* find(yield* dispatchFor(60 * MINUTE_MILLIS))
      const store = yield* RunStore
      const searched = (lengths: (page: number) => number) =>
        Effect.gen(function* () {
          const pages = yield* Ref.make(0)
          const list = ({ limit }: RunFilter) =>
            Effect.map(
              Ref.updateAndGet(pages, (n) => n + 1),
              (page) => ({ runs: Array.from({ length: Math.min(limit, lengths(page)) }, () => fresh), unreadable: [] })
            )
          const search = listWatched({ limit: 10, status: "queued" }, "likely_stale")
          const { isCut, watched } = yield* Effect.provideService(search, RunStore, { ...store, list })
          return [isCut, watched.length, yield* Ref.get(pages)]
        })
      assert.deepStrictEqual(yield* searched(() => 1_000), [true, 0, 100])
      assert.deepStrictEqual(yield* searched((page) => (page === 100 ? 999 : 1_000)), [false, 0, 100])
    }).pipe(Effect.provide(layerBench))
  )
})
