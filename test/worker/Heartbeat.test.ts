/** The heartbeat: who cannot renew a lease stops acting when it ends, and who has lost a run stops acting on it. */
import { RunStore } from "@countersign/domain"
import { AttemptFailed, Countersign, reconcile, sampleCatalogue } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Ref } from "effect"
import { TestClock } from "effect/testing"
import {
  actionsOf,
  admittedBy,
  defined,
  dispatchSync,
  dispatchSyncs,
  find,
  findAs,
  layerBench,
  pass,
  settleDown,
  startWorker,
  syncing
} from "./support/bench.ts"
import { away, calm, Trouble } from "./support/unruly.ts"
import { ada, settle } from "./support/world.ts"

const LEASE_MILLIS = 3_000

/** A handler that works until it is stopped, and when each was stopped. */
const working = Effect.gen(function* () {
  const started = yield* Ref.make(0)
  const stoppedAt = yield* Ref.make<ReadonlyArray<number>>([])
  const handler = syncing(
    Ref.update(started, (n) => n + 1).pipe(
      Effect.andThen(Effect.never),
      Effect.onInterrupt(() =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => Ref.update(stoppedAt, (all) => [...all, now]))
      )
    )
  )
  return { handler, started: Ref.get(started), stoppedAt: Ref.get(stoppedAt) }
})

const given = Effect.gen(function* () {
  yield* settle
  const work = yield* working
  const { stop, worker } = yield* startWorker([work.handler], {
    leaseMillis: LEASE_MILLIS,
    drainMillis: 0,
    name: "one"
  })
  yield* settleDown
  return { ...work, stop, worker }
})

/** The store answers nobody who renews a lease. */
const renewal = (happens: Effect.Effect<void, ReturnType<typeof away>>) =>
  Effect.map(Trouble, (trouble) => {
    trouble.beforeStore = ({ operation }) => (operation === "extendLeases" ? happens : Effect.void)
  })

describe("the heartbeat", () => {
  it.effect("keeps a run that is worked on for far longer than the lease", () =>
    Effect.gen(function* () {
      const { stoppedAt, started } = yield* given
      const id = yield* dispatchSync
      yield* pass(20 * LEASE_MILLIS)
      assert.strictEqual(yield* started, 1)
      assert.deepStrictEqual(yield* stoppedAt, [])
      assert.strictEqual(yield* reconcile(sampleCatalogue), 0)
      assert.strictEqual((yield* findAs(id, "Running")).admission, 1)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("stops the work on a run that is not held any more, and reports nothing of it", () =>
    Effect.gen(function* () {
      const { stoppedAt, worker } = yield* given
      const [kept, cancelled] = yield* dispatchSyncs(2)
      yield* pass(1_000)
      const gate = yield* Countersign
      yield* gate.cancel(defined(cancelled), { kind: "human", id: ada })
      yield* pass(LEASE_MILLIS / 3 + 100)
      assert.strictEqual((yield* stoppedAt).length, 1)
      assert.strictEqual(yield* worker.atWork, 1)
      assert.strictEqual((yield* actionsOf(defined(cancelled))).at(-1), "run.cancelled")
      assert.strictEqual((yield* find(defined(kept)))._tag, "Running")
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("stops the work on a run that another worker has taken over", () =>
    Effect.gen(function* () {
      const { stoppedAt, started } = yield* given
      const id = yield* dispatchSync
      yield* pass(1_100)
      yield* renewal(Effect.fail(away()))
      // Its lease is over as others see it, and they are quicker.
      const store = yield* RunStore
      const orphans = yield* store.holdOrphans((yield* Clock.currentTimeMillis) + 2 * LEASE_MILLIS, 10)
      assert.strictEqual(orphans.runs.length, 1)
      yield* TestClock.adjust(LEASE_MILLIS)
      yield* calm
      yield* pass(LEASE_MILLIS)
      assert.isAtLeast((yield* stoppedAt).length, 1)
      assert.isAtLeast(yield* started, 1)
      assert.isAtLeast((yield* find(id)).attempt, 2)
    }).pipe(Effect.provide(layerBench))
  )

  for (const [how, happens] of [
    ["is away", Effect.fail(away())],
    ["breaks", Effect.die(new Error("broken"))],
    ["never answers", Effect.never],
    ["fails slowly", Effect.andThen(Effect.sleep(700), Effect.fail(away()))]
  ] as const) {
    it.effect(
      `a store that ${how} for longer than the lease: everything in hand is stopped when it ends, no later`,
      () =>
        Effect.gen(function* () {
          const { stoppedAt, started, worker } = yield* given
          yield* dispatchSyncs(3)
          yield* pass(1_500)
          assert.strictEqual(yield* started, 3)
          yield* renewal(happens)
          const fromMillis = yield* Clock.currentTimeMillis
          // The last renewal was at most a third of a lease ago, and nothing may be worked on beyond the lease it gave.
          yield* pass(LEASE_MILLIS, 50)
          assert.strictEqual((yield* stoppedAt).length, 3)
          for (const at of yield* stoppedAt) {
            assert.isAtLeast(at, fromMillis + (2 * LEASE_MILLIS) / 3 - 600)
            assert.isAtMost(at, fromMillis + LEASE_MILLIS)
          }
          assert.strictEqual(yield* worker.atWork, 0)
        }).pipe(Effect.provide(layerBench))
    )

    it.effect(`a store that ${how} for less than the lease: nothing is stopped`, () =>
      Effect.gen(function* () {
        const { stoppedAt, worker } = yield* given
        yield* dispatchSyncs(3)
        yield* pass(LEASE_MILLIS)
        yield* renewal(happens)
        yield* pass(LEASE_MILLIS / 2, 50)
        yield* calm
        yield* pass(LEASE_MILLIS / 2 - 100, 50)
        yield* pass(4 * LEASE_MILLIS)
        assert.deepStrictEqual(yield* stoppedAt, [])
        assert.strictEqual(yield* worker.atWork, 3)
      }).pipe(Effect.provide(layerBench))
    )

    it.effect(`after a store that ${how} the heart beats again, and new work is kept`, () =>
      Effect.gen(function* () {
        const { worker, stoppedAt } = yield* given
        // Without anything in hand there is nothing to renew.
        yield* dispatchSync
        yield* pass(LEASE_MILLIS)
        yield* renewal(happens)
        yield* pass(10 * LEASE_MILLIS)
        yield* calm
        yield* pass(4 * LEASE_MILLIS)
        const before = yield* stoppedAt
        assert.isAtLeast(before.length, 1)
        yield* dispatchSync
        yield* pass(5 * LEASE_MILLIS)
        assert.isAtLeast(yield* worker.atWork, 1)
        assert.deepStrictEqual(yield* stoppedAt, before)
      }).pipe(Effect.provide(layerBench))
    )
  }

  it.effect("an admission that took longer than the lease hands nothing out", () =>
    Effect.gen(function* () {
      const { started } = yield* given
      const trouble = yield* Trouble
      // The commit takes its time.
      trouble.afterStore = ({ operation, steps }) =>
        operation === "write" && steps.some(({ after }) => after._tag === "Running")
          ? Effect.sleep(LEASE_MILLIS + 1)
          : Effect.void
      const id = yield* dispatchSync
      yield* pass(LEASE_MILLIS + 500)
      assert.strictEqual(yield* started, 0)
      yield* calm
      yield* pass(4 * LEASE_MILLIS)
      assert.strictEqual(yield* started, 1)
      assert.strictEqual((yield* findAs(id, "Running")).admission, 2)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("a renewal that misses an earlier admission does not stop the work of a later one", () =>
    Effect.gen(function* () {
      yield* settle
      const breakOff = yield* Deferred.make<void>()
      let calls = 0
      const first = Effect.andThen(
        Deferred.await(breakOff),
        new AttemptFailed({ code: "again", message: "Again.", retry: true, retryAfterMillis: 0 })
      )
      const handler = syncing(Effect.suspend(() => (++calls === 1 ? first : Effect.never)))
      const { worker } = yield* startWorker([handler], { leaseMillis: LEASE_MILLIS })
      const id = yield* dispatchSync
      yield* pass(500)
      const goOn = yield* Deferred.make<void>()
      yield* renewal(Deferred.await(goOn))
      // A renewal is under way while the run is admitted anew.
      yield* pass(LEASE_MILLIS / 3)
      yield* Deferred.succeed(breakOff, undefined)
      yield* pass(500)
      assert.strictEqual((yield* findAs(id, "Running")).admission, 2)
      yield* calm
      yield* Deferred.succeed(goOn, undefined)
      yield* pass(2 * LEASE_MILLIS)
      assert.strictEqual(yield* worker.atWork, 1)
      assert.strictEqual((yield* findAs(id, "Running")).admission, 2)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("does not touch what others hold", () =>
    Effect.gen(function* () {
      yield* settle
      const id = yield* dispatchSync
      yield* admittedBy("another", 2 * LEASE_MILLIS)
      const { handler } = yield* working
      yield* startWorker([handler], { leaseMillis: LEASE_MILLIS, name: "one", drainMillis: 0 })
      yield* pass(LEASE_MILLIS)
      assert.strictEqual((yield* findAs(id, "Running")).admission, 1)
    }).pipe(Effect.provide(layerBench))
  )
})
