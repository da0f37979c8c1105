/** Expiry: a run that waited past its limit is given up, not a moment sooner, and nothing else is touched. */
import { AuditLog } from "@countersign/domain"
import { Countersign, inventorySync, reconcile, sampleCatalogue } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { expireOverdue } from "../../packages/worker/src/Expiry.ts"
import { runReconciler } from "../../packages/worker/src/Reconciler.ts"
import { admittedBy, Delivered, findAs, freshScope, layerBench, pass, startWorker, syncing } from "./support/bench.ts"
import { layerEdited } from "./support/edited.ts"
import { away, calm, Trouble } from "./support/unruly.ts"
import { byAda, settle } from "./support/world.ts"

const LIMIT_MILLIS = 10_000

const dispatchedUntil = Effect.fnUntraced(function* (expiresAtMillis: number, availableAtMillis = 0) {
  const gate = yield* Countersign
  const { run } = yield* gate.dispatch({
    ...byAda,
    operation: inventorySync,
    payload: freshScope(),
    availableAtMillis,
    expiresAtMillis
  })
  return run.dispatch.id
})

describe("expiry", () => {
  it.effect("gives up a run at its limit and not before, without an attempt, and says so", () =>
    Effect.gen(function* () {
      yield* settle
      const id = yield* dispatchedUntil(LIMIT_MILLIS)
      yield* TestClock.adjust(LIMIT_MILLIS - 1)
      assert.strictEqual(yield* expireOverdue, 0)
      yield* findAs(id, "Queued")
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* expireOverdue, 1)
      const run = yield* findAs(id, "Failed")
      assert.strictEqual(run.failure.code, "run.stale_queued")
      assert.isNull(run.startedAtMillis)
      assert.strictEqual(run.completedAtMillis, LIMIT_MILLIS)
      const records = yield* (yield* AuditLog).recordsOf(id)
      assert.deepStrictEqual(
        records.map(({ action, code }) => [action, code]),
        [
          ["run.dispatched", null],
          ["run.expired", "run.stale_queued"]
        ]
      )
      assert.strictEqual(yield* expireOverdue, 0)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("at its limit a worker that comes across it gives it up as well, and not a moment sooner", () =>
    Effect.gen(function* () {
      yield* settle
      const [inTime, late] = [yield* dispatchedUntil(LIMIT_MILLIS + 1), yield* dispatchedUntil(LIMIT_MILLIS)]
      yield* TestClock.adjust(LIMIT_MILLIS)
      const started = yield* admittedBy("a worker", LIMIT_MILLIS)
      assert.deepStrictEqual(
        started.map(({ dispatch }) => dispatch.id),
        [inTime]
      )
      assert.strictEqual((yield* findAs(late, "Failed")).failure.code, "run.stale_queued")
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("gives up what is not even available yet, and leaves alone what is running", () =>
    Effect.gen(function* () {
      yield* settle
      const running = yield* dispatchedUntil(LIMIT_MILLIS)
      yield* admittedBy("a worker", 10 * LIMIT_MILLIS)
      const later = yield* dispatchedUntil(LIMIT_MILLIS, LIMIT_MILLIS - 1)
      yield* TestClock.adjust(LIMIT_MILLIS)
      assert.strictEqual(yield* reconcile(sampleCatalogue), 1)
      yield* findAs(running, "Running")
      yield* findAs(later, "Failed")
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("many of them are given up one batch after the other, without a pause", () =>
    Effect.gen(function* () {
      yield* settle
      const ids = yield* Effect.replicateEffect(dispatchedUntil(LIMIT_MILLIS), 250)
      yield* TestClock.adjust(LIMIT_MILLIS)
      yield* Effect.forkScoped(runReconciler(sampleCatalogue, 60_000))
      yield* TestClock.adjust(0)
      yield* Effect.forEach(ids, (id) => findAs(id, "Failed"))
    }).pipe(Effect.scoped, Effect.provide(layerBench))
  )

  it.effect("one that cannot be read is set aside, and keeps no other from being given up", () =>
    Effect.gen(function* () {
      yield* settle
      const [first, second] = [yield* dispatchedUntil(LIMIT_MILLIS - 1), yield* dispatchedUntil(LIMIT_MILLIS)]
      yield* TestClock.adjust(LIMIT_MILLIS)
      assert.strictEqual(yield* Effect.provide(expireOverdue, layerEdited(first)), 2)
      assert.strictEqual((yield* findAs(first, "Failed")).failure.code, "run.unreadable")
      assert.strictEqual((yield* findAs(second, "Failed")).failure.code, "run.stale_queued")
      assert.strictEqual(yield* expireOverdue, 0)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("a store that is away: nothing is given up by half, and all of it later", () =>
    Effect.gen(function* () {
      yield* settle
      const id = yield* dispatchedUntil(LIMIT_MILLIS)
      yield* TestClock.adjust(LIMIT_MILLIS)
      const trouble = yield* Trouble
      trouble.beforeStore = ({ operation }) => (operation === "commit" ? Effect.fail(away()) : Effect.void)
      assert.strictEqual((yield* Effect.flip(expireOverdue))._tag, "StoreUnavailable")
      yield* findAs(id, "Queued")
      yield* calm
      assert.strictEqual(yield* expireOverdue, 1)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect(
    "a worker that comes across such a run gives it up instead of starting it, and its initiator is told once",
    () =>
      Effect.gen(function* () {
        yield* settle
        const id = yield* dispatchedUntil(LIMIT_MILLIS)
        yield* TestClock.adjust(LIMIT_MILLIS)
        yield* startWorker([syncing(Effect.die("must not be called"))])
        yield* pass(5_000)
        assert.isNull((yield* findAs(id, "Failed")).startedAtMillis)
        assert.strictEqual((yield* Delivered).notices.filter(({ runId }) => runId === id).length, 1)
      }).pipe(Effect.provide(layerBench))
  )
})
