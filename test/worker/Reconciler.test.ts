/** The reconciler: what a silent worker left behind is taken back, once, and nothing that has ended is touched. */
import { RunQueue } from "@countersign/domain"
import { Countersign, deliverDue, inventorySync, reconcile, sampleCatalogue } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { runReconciler } from "../../packages/worker/src/Reconciler.ts"
import {
  actionsOf,
  admittedBy,
  Delivered,
  defined,
  dispatchSync,
  dispatchSyncs,
  find,
  findAs,
  layerBench,
  pass,
  startedRun
} from "./support/bench.ts"
import { layerEdited } from "./support/edited.ts"
import { calm, storeAway } from "./support/unruly.ts"
import { ada, settle } from "./support/world.ts"

const LEASE_MILLIS = 1_000

/** One run whose worker fell silent. */
const orphaned = Effect.gen(function* () {
  yield* settle
  const run = yield* startedRun("vanished", LEASE_MILLIS)
  yield* TestClock.adjust(LEASE_MILLIS + 1)
  return run.dispatch.id
})

describe("reconciling", () => {
  it.effect("takes back a run for the next attempt, later, and says what happened", () =>
    Effect.gen(function* () {
      const id = yield* orphaned
      assert.strictEqual(yield* reconcile(sampleCatalogue), 1)
      const run = yield* findAs(id, "Queued")
      assert.strictEqual(run.attempt, 2)
      assert.strictEqual(run.admission, 2)
      assert.isAbove(run.availableAtMillis, LEASE_MILLIS + 1)
      assert.strictEqual((yield* actionsOf(id)).at(-1), "run.lease_lost")
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("is idempotent: asked again, it finds nothing to do", () =>
    Effect.gen(function* () {
      const id = yield* orphaned
      yield* reconcile(sampleCatalogue)
      const before = yield* find(id)
      assert.strictEqual(yield* reconcile(sampleCatalogue), 0)
      assert.deepStrictEqual(yield* find(id), before)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("many at once take back each run once", () =>
    Effect.gen(function* () {
      yield* settle
      const ids = yield* dispatchSyncs(30)
      yield* admittedBy("vanished", LEASE_MILLIS)
      yield* TestClock.adjust(LEASE_MILLIS + 1)
      const counts = yield* Effect.replicateEffect(reconcile(sampleCatalogue), 8, { concurrency: "unbounded" })
      assert.strictEqual(
        counts.reduce((sum, count) => sum + count, 0),
        30
      )
      for (const id of ids) {
        assert.strictEqual((yield* findAs(id, "Queued")).attempt, 2)
        assert.strictEqual((yield* actionsOf(id)).filter((action) => action === "run.lease_lost").length, 1)
      }
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("a lease that ends this very moment still holds", () =>
    Effect.gen(function* () {
      yield* settle
      const run = yield* startedRun("slow", LEASE_MILLIS)
      yield* TestClock.adjust(LEASE_MILLIS)
      assert.strictEqual(yield* reconcile(sampleCatalogue), 0)
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* reconcile(sampleCatalogue), 1)
      assert.strictEqual((yield* find(run.dispatch.id))._tag, "Queued")
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("ends a run that has no attempts left as run.stale_running, and its initiator is told", () =>
    Effect.gen(function* () {
      const id = yield* orphaned
      for (const attempt of [2, 3]) {
        yield* reconcile(sampleCatalogue)
        yield* TestClock.adjust(60_000)
        const [run] = yield* admittedBy("vanished", LEASE_MILLIS)
        assert.strictEqual(defined(run).attempt, attempt)
        yield* TestClock.adjust(LEASE_MILLIS + 1)
      }
      assert.strictEqual(yield* reconcile(sampleCatalogue), 1)
      const run = yield* findAs(id, "Failed")
      assert.strictEqual(run.failure.code, "run.stale_running")
      assert.strictEqual(run.attempt, 3)
      assert.strictEqual(yield* reconcile(sampleCatalogue), 0)
      yield* deliverDue
      const { notices } = yield* Delivered
      assert.deepStrictEqual(
        notices.map(({ runId, recipient, outcome }) => [runId, recipient, outcome]),
        [[id, ada, "failed"]]
      )
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("never touches a run that has ended, whatever time has passed", () =>
    Effect.gen(function* () {
      const id = yield* orphaned
      const gate = yield* Countersign
      yield* gate.cancel(id, { kind: "human", id: ada })
      const before = yield* find(id)
      yield* TestClock.adjust("365 days")
      assert.strictEqual(yield* reconcile(sampleCatalogue), 0)
      assert.deepStrictEqual(yield* find(id), before)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("takes back runs of an operation nobody declares any more", () =>
    Effect.gen(function* () {
      const id = yield* orphaned
      const nothing = { operations: new Map(), requirementsOf: () => null }
      assert.strictEqual(yield* reconcile(nothing), 1)
      assert.strictEqual((yield* find(id))._tag, "Queued")
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("lets the next attempt wait as the operation says", () =>
    Effect.gen(function* () {
      const id = yield* orphaned
      const { operations } = sampleCatalogue
      const declared = defined(operations.get(inventorySync.type))
      const attempts = { ...declared.attempts, backoffMillis: 600_000, backoffMaxMillis: 600_000 }
      const patient = new Map(operations).set(declared.type, { ...declared, attempts })
      yield* reconcile({ ...sampleCatalogue, operations: patient })
      assert.isAtLeast((yield* findAs(id, "Queued")).availableAtMillis, LEASE_MILLIS + 300_000)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("of more runs than it takes at once leaves none for long", () =>
    Effect.gen(function* () {
      yield* settle
      const ids = yield* dispatchSyncs(250)
      yield* admittedBy("vanished", LEASE_MILLIS, 1_000)
      yield* TestClock.adjust(LEASE_MILLIS + 1)
      yield* Effect.forkChild(runReconciler(sampleCatalogue, 15_000))
      yield* TestClock.adjust(1_000)
      for (const id of ids) assert.strictEqual((yield* find(id))._tag, "Queued")
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("outlasts a store that is away", () =>
    Effect.gen(function* () {
      const id = yield* orphaned
      yield* storeAway
      yield* Effect.forkChild(runReconciler(sampleCatalogue, 1_000))
      yield* pass(60_000, 1_000)
      yield* calm
      assert.strictEqual((yield* find(id))._tag, "Running")
      yield* pass(11_000, 1_000)
      assert.strictEqual((yield* find(id))._tag, "Queued")
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("a running row that makes no sense is ended, not met again and again", () =>
    Effect.gen(function* () {
      const id = yield* orphaned
      const other = yield* dispatchSync
      assert.strictEqual(yield* Effect.provide(reconcile(sampleCatalogue), layerEdited(id)), 1)
      const run = yield* findAs(id, "Failed")
      assert.strictEqual(run.failure.code, "run.unreadable")
      assert.strictEqual((yield* find(other))._tag, "Queued")
      assert.strictEqual(yield* (yield* RunQueue).countActive([run.dispatch.subject.operationType]), 1)
    }).pipe(Effect.provide(layerBench))
  )
})
