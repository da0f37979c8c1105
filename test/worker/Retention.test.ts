/** Retention: what completed long enough ago is deleted, a few at a time; the rest and the records stay. */
import { AuditLog, RunStore } from "@countersign/domain"
import { Countersign, inventorySync, prune, RETENTION_MILLIS } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { runRetention } from "../../packages/worker/src/Retention.ts"
import {
  dispatchSync,
  dispatchSyncs,
  findAs,
  freshScope,
  Logged,
  layerBench,
  pass,
  startWorker,
  syncing
} from "./support/bench.ts"
import { away, calm, Trouble } from "./support/unruly.ts"
import { byAda, settle } from "./support/world.ts"

const DAY_MILLIS = 24 * 60 * 60 * 1_000

/** So many runs that succeeded and were told about within the first two seconds. */
const completed = Effect.fnUntraced(function* (count: number) {
  yield* settle
  const ids = yield* dispatchSyncs(count)
  const { stop } = yield* startWorker([syncing(Effect.void)], {
    concurrency: count,
    batch: count,
    retentionMillis: null
  })
  yield* pass(2_000)
  yield* stop
  yield* Effect.forEach(ids, (id) => findAs(id, "Succeeded"))
  return ids
})

const runsLeft = Effect.map(
  Effect.flatMap(RunStore, (store) => store.list({ limit: 1_000 })),
  ({ runs }) => runs.length
)

/** How often the store was asked to prune. */
const prunings = Effect.map(Trouble, (trouble) => {
  const seen = { count: 0 }
  trouble.beforeStore = ({ operation }) =>
    Effect.sync(() => {
      if (operation === "prune") seen.count += 1
    })
  return seen
})

describe("pruning", () => {
  it.effect("deletes what is old enough and nothing younger; the records stay", () =>
    Effect.gen(function* () {
      const [old] = yield* completed(1)
      yield* TestClock.adjust(DAY_MILLIS)
      const waiting = yield* dispatchSync
      assert.strictEqual(yield* prune(2 * DAY_MILLIS), 0)
      assert.strictEqual(yield* runsLeft, 2)
      assert.strictEqual(yield* prune(DAY_MILLIS / 2), 1)
      assert.strictEqual(yield* prune(DAY_MILLIS / 2), 0)
      yield* findAs(waiting, "Queued")
      assert.strictEqual(yield* runsLeft, 1)
      const log = yield* AuditLog
      assert.isNotEmpty(old === undefined ? [] : yield* log.recordsOf(old))
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("a run whose notice nobody took stays for 90 days, then it goes and the log says so", () =>
    Effect.gen(function* () {
      yield* settle
      const id = yield* dispatchSync
      yield* Effect.flatMap(Countersign, (gate) => gate.cancel(id, { kind: "system", id: null }))
      yield* TestClock.adjust(90 * DAY_MILLIS)
      assert.strictEqual(yield* prune(DAY_MILLIS), 0)
      yield* findAs(id, "Cancelled")
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* prune(DAY_MILLIS), 1)
      assert.strictEqual(yield* runsLeft, 0)
      assert.include((yield* Logged).lines, "1 old notices that nobody took are given up")
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("a few at a time, with a pause in between", () =>
    Effect.gen(function* () {
      yield* completed(501)
      yield* TestClock.adjust(DAY_MILLIS)
      const seen = yield* prunings
      const pruning = yield* Effect.forkChild(prune(1_000))
      yield* TestClock.adjust(50)
      assert.deepStrictEqual([seen.count, yield* runsLeft], [1, 1])
      yield* TestClock.adjust(50)
      assert.deepStrictEqual([seen.count, yield* runsLeft], [2, 0])
      assert.strictEqual(yield* Fiber.join(pruning), 501)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("goes on behind so many that have to stay", () =>
    Effect.gen(function* () {
      yield* settle
      const gate = yield* Countersign
      const later = { ...byAda, operation: inventorySync, availableAtMillis: 2 * DAY_MILLIS }
      yield* Effect.replicateEffect(
        Effect.suspend(() => gate.dispatch({ ...later, payload: freshScope() })),
        500
      )
      yield* TestClock.adjust(1)
      yield* completed(1)
      yield* TestClock.adjust(DAY_MILLIS)
      const pruning = yield* Effect.forkChild(prune(1_000))
      yield* TestClock.adjust(100)
      assert.strictEqual(yield* Fiber.join(pruning), 1)
      assert.strictEqual(yield* runsLeft, 500)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("happens daily, and again after a store was away", () =>
    Effect.gen(function* () {
      yield* completed(3)
      const trouble = yield* Trouble
      yield* Effect.forkScoped(runRetention(DAY_MILLIS / 2))
      yield* TestClock.adjust(DAY_MILLIS - 1)
      assert.strictEqual(yield* runsLeft, 3)
      trouble.beforeStore = () => Effect.fail(away())
      yield* TestClock.adjust(60_000)
      yield* calm
      assert.strictEqual(yield* runsLeft, 3)
      yield* TestClock.adjust(11_000)
      assert.strictEqual(yield* runsLeft, 0)
    }).pipe(Effect.scoped, Effect.provide(layerBench))
  )

  it.effect("a worker prunes when it starts; told to keep everything, it never does", () =>
    Effect.gen(function* () {
      const seen = yield* prunings
      const keeping = yield* startWorker([syncing(Effect.void)], { retentionMillis: null })
      yield* pass(5_000)
      yield* keeping.stop
      assert.strictEqual(seen.count, 0)
      yield* startWorker([syncing(Effect.void)])
      yield* pass(5_000)
      assert.strictEqual(seen.count, 1)
    }).pipe(Effect.provide(layerBench))
  )

  it("keeps runs for 90 days unless the host says otherwise", () => {
    assert.strictEqual(RETENTION_MILLIS, 90 * DAY_MILLIS)
  })
})
