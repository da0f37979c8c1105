/** A worker's life: it starts whatever is missing at that moment, and when it stops no run is left without hands. */
import { NoticeChannel, type Running, RunStore } from "@countersign/domain"
import type { WorkerEvent } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Fiber, Ref } from "effect"
import {
  actionsOf,
  Delivered,
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
import { away, calm, type StoreOperation, storeAway, Trouble, unreadableFacts } from "./support/unruly.ts"
import { settle } from "./support/world.ts"

/** Notes every start, and every call of the handler. */
const journal = Effect.gen(function* () {
  const starts: Array<Running> = []
  const calls = yield* Ref.make(0)
  const observe = (event: WorkerEvent) =>
    Effect.sync(() => {
      if (event._tag === "Started") starts.push(event.run)
    })
  /** No admission may lead to two starts. */
  const check = Effect.sync(() => {
    const admissions = starts.map(({ dispatch, admission }) => `${dispatch.id} ${admission}`)
    assert.strictEqual(new Set(admissions).size, admissions.length)
  })
  return { starts, calls, observe, check, called: Ref.update(calls, (n) => n + 1) }
})

const statesOf = Effect.gen(function* () {
  const { runs } = yield* (yield* RunStore).list({ limit: 1_000 })
  const counts: Record<string, number> = {}
  for (const { _tag } of runs) counts[_tag] = (counts[_tag] ?? 0) + 1
  return counts
})

describe("a worker that stops", () => {
  it.effect("takes nothing more, and lets what it does finish", () =>
    Effect.gen(function* () {
      yield* settle
      const ids = yield* dispatchSyncs(3)
      const { stop } = yield* startWorker([syncing(Effect.sleep(5_000))], { concurrency: 2, drainMillis: 20_000 })
      yield* pass(1_000)
      const from = yield* Clock.currentTimeMillis
      yield* stop
      assert.isAtMost((yield* Clock.currentTimeMillis) - from, 6_000)
      const tags = yield* Effect.forEach(ids, (id) => Effect.map(find(id), ({ _tag }) => _tag))
      assert.deepStrictEqual(tags, ["Succeeded", "Succeeded", "Queued"])
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("gives back what does not finish in time, under the same attempt, and waits no longer", () =>
    Effect.gen(function* () {
      yield* settle
      const id = yield* dispatchSync
      const { stop } = yield* startWorker([syncing(Effect.never)], { drainMillis: 7_000 })
      yield* pass(1_000)
      const from = yield* Clock.currentTimeMillis
      yield* stop
      const took = (yield* Clock.currentTimeMillis) - from
      assert.isAtLeast(took, 7_000)
      assert.isAtMost(took, 8_000)
      const run = yield* findAs(id, "Queued")
      assert.strictEqual(run.attempt, 1)
      assert.strictEqual(run.admission, 2)
      assert.strictEqual((yield* actionsOf(id)).at(-1), "run.released")
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("at once when nothing is in hand", () =>
    Effect.gen(function* () {
      yield* settle
      const { stop } = yield* startWorker([syncing(Effect.void)], { drainMillis: 20_000 })
      yield* pass(1_000)
      const from = yield* Clock.currentTimeMillis
      yield* stop
      assert.strictEqual(yield* Clock.currentTimeMillis, from)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("keeps its leases while it drains for longer than a lease", () =>
    Effect.gen(function* () {
      yield* settle
      const id = yield* dispatchSync
      const { stop } = yield* startWorker([syncing(Effect.sleep(30_000))], { leaseMillis: 1_000, drainMillis: 60_000 })
      yield* pass(1_000)
      const other = yield* startWorker([syncing(Effect.die("must not be called"))], { leaseMillis: 1_000 })
      yield* stop
      assert.strictEqual((yield* find(id))._tag, "Succeeded")
      yield* other.stop
    }).pipe(Effect.provide(layerBench))
  )

  for (const at of ["holdNext", "write", "transact"] as const) {
    for (const when of ["before", "after"] as const) {
      it.effect(`during an admission in flight (${when} ${at}) leaves no started run without hands`, () =>
        Effect.gen(function* () {
          yield* settle
          const { observe, check, called, calls, starts } = yield* journal
          const { stop } = yield* startWorker([syncing(Effect.andThen(called, Effect.never))], { observe })
          yield* pass(500)
          const reached = yield* Deferred.make<void>()
          const goOn = yield* Deferred.make<void>()
          const trouble = yield* Trouble
          const hold = ({ operation }: { readonly operation: StoreOperation }) =>
            operation === at ? Effect.andThen(Deferred.succeed(reached, undefined), Deferred.await(goOn)) : Effect.void
          const dispatching = yield* Effect.forkChild(dispatchSyncs(5))
          yield* Fiber.join(dispatching)
          if (when === "before") trouble.beforeStore = hold
          else trouble.afterStore = hold
          const waking = yield* Effect.forkChild(dispatchSync)
          yield* pass(1_500)
          yield* Deferred.await(reached)
          const stopping = yield* Effect.forkChild(stop)
          yield* settleDown
          yield* calm
          yield* Deferred.succeed(goOn, undefined)
          yield* Fiber.join(stopping)
          yield* Fiber.join(waking)
          const states = yield* statesOf
          assert.deepStrictEqual(states, { Queued: 6 })
          assert.strictEqual(yield* Ref.get(calls), starts.length)
          yield* check
        }).pipe(Effect.provide(layerBench))
      )
    }
  }

  for (const [what, hang] of [
    ["store", { beforeStore: Effect.never }],
    ["facts", { beforeFacts: Effect.never }]
  ] as const) {
    it.effect(`stops in bounded time although its ${what} hang in the middle of an admission`, () =>
      Effect.gen(function* () {
        yield* settle
        const { stop } = yield* startWorker([syncing(Effect.void)])
        yield* pass(500)
        yield* dispatchSyncs(3)
        const trouble = yield* Trouble
        if ("beforeStore" in hang) {
          trouble.beforeStore = ({ operation }) => (operation === "holdNext" ? hang.beforeStore : Effect.void)
        } else trouble.beforeFacts = () => hang.beforeFacts
        yield* pass(2_000)
        const from = yield* Clock.currentTimeMillis
        yield* stop
        assert.isAtMost((yield* Clock.currentTimeMillis) - from, 15_000)
      }).pipe(Effect.provide(layerBench))
    )
  }

  it.effect("begins nothing that an admission brings which it has not waited for", () =>
    Effect.gen(function* () {
      yield* settle
      const { calls, called } = yield* journal
      const { stop } = yield* startWorker([syncing(called)])
      yield* pass(500)
      const goOn = yield* Deferred.make<void>()
      const trouble = yield* Trouble
      trouble.afterStore = ({ operation }) => (operation === "transact" ? Deferred.await(goOn) : Effect.void)
      const id = yield* dispatchSync
      yield* pass(1_500)
      yield* stop
      yield* calm
      yield* Deferred.succeed(goOn, undefined)
      yield* settleDown
      assert.strictEqual((yield* find(id))._tag, "Running")
      assert.strictEqual(yield* Ref.get(calls), 0)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("stops in bounded time although the facts of what was delivered hang", () =>
    Effect.gen(function* () {
      yield* settle
      const { stop, worker } = yield* startWorker([syncing(Effect.void)], { claims: false })
      const id = yield* dispatchSync
      const trouble = yield* Trouble
      trouble.beforeFacts = () => Effect.uninterruptible(Effect.never)
      yield* Effect.forkChild(worker.deliver([id]))
      yield* pass(500)
      const from = yield* Clock.currentTimeMillis
      yield* stop
      assert.isAtMost((yield* Clock.currentTimeMillis) - from, 15_000)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("although its store is away: the runs are found by their leases afterwards, and done", () =>
    Effect.gen(function* () {
      yield* settle
      const id = yield* dispatchSync
      const { stop } = yield* startWorker([syncing(Effect.never)], { leaseMillis: 3_000 })
      yield* pass(1_000)
      yield* storeAway
      const from = yield* Clock.currentTimeMillis
      yield* stop
      assert.isAtMost((yield* Clock.currentTimeMillis) - from, 15_000)
      yield* calm
      yield* startWorker([syncing(Effect.void)], { leaseMillis: 3_000 })
      yield* pass(20_000)
      const run = yield* findAs(id, "Succeeded")
      assert.strictEqual(run.attempt, 2)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("stopped again and again with work in hand, spends no attempt and loses no run", () =>
    Effect.gen(function* () {
      yield* settle
      const { observe, check } = yield* journal
      const ids = yield* dispatchSyncs(7)
      for (let round = 0; round < 10; round += 1) {
        const { stop } = yield* startWorker([syncing(Effect.never)], { observe })
        yield* pass(300)
        yield* stop
      }
      for (const id of ids) {
        const run = yield* findAs(id, "Queued")
        assert.strictEqual(run.attempt, 1)
        assert.strictEqual(run.admission, 11)
      }
      yield* check
    }).pipe(Effect.provide(layerBench))
  )
})

describe("drained", () => {
  it.effect("waits for what is queued and running, retries included, and for the notices", () =>
    Effect.gen(function* () {
      yield* settle
      yield* dispatchSyncs(5)
      const calls = yield* Ref.make(0)
      const failingFirst = Effect.flatMap(
        Ref.updateAndGet(calls, (n) => n + 1),
        (call) => (call <= 5 ? Effect.fail("not yet") : Effect.sleep(1_000))
      )
      const { worker } = yield* startWorker([syncing(failingFirst)])
      const draining = yield* Effect.forkChild(worker.drained)
      yield* pass(500)
      assert.isUndefined(draining.pollUnsafe())
      yield* pass(10_000)
      yield* Fiber.join(draining)
      assert.deepStrictEqual(yield* statesOf, { Succeeded: 5 })
      assert.strictEqual((yield* Delivered).notices.length, 5)
    }).pipe(Effect.provide(layerBench))
  )
})

describe("drained, with a slow channel", () => {
  it.effect("waits for the notice that is being delivered, which nobody else sees as due", () =>
    Effect.gen(function* () {
      yield* settle
      yield* dispatchSync
      const taken = yield* Ref.make(0)
      const delivered = yield* Ref.make(0)
      const slow = NoticeChannel.of({
        deliver: () =>
          Effect.andThen(
            Ref.update(taken, (n) => n + 1),
            Effect.andThen(
              Effect.sleep(5_000),
              Ref.update(delivered, (n) => n + 1)
            )
          )
      })
      const { worker } = yield* Effect.provideService(startWorker([syncing(Effect.void)]), NoticeChannel, slow)
      yield* pass(3_000)
      assert.strictEqual(yield* Ref.get(taken), 1)
      const draining = yield* Effect.forkChild(worker.drained)
      yield* settleDown
      assert.isUndefined(draining.pollUnsafe())
      yield* pass(6_000)
      yield* Fiber.join(draining)
      assert.strictEqual(yield* Ref.get(delivered), 1)
    }).pipe(Effect.provide(layerBench))
  )
})

describe("a store that is away", () => {
  it.effect("when the worker starts: it starts all the same, and works as soon as the store is there", () =>
    Effect.gen(function* () {
      yield* settle
      const ids = yield* dispatchSyncs(5)
      yield* storeAway
      const { observe, check, starts, called } = yield* journal
      yield* startWorker([syncing(called)], { observe })
      yield* pass(300_000, 1_000)
      assert.strictEqual(starts.length, 0)
      yield* calm
      yield* pass(12_000)
      for (const id of ids) assert.strictEqual((yield* find(id))._tag, "Succeeded")
      yield* check
      assert.strictEqual((yield* Delivered).notices.length, 5)
    }).pipe(Effect.provide(layerBench))
  )

  for (const when of ["before", "after"] as const) {
    it.effect(
      `again and again, ${when} whatever it is asked: no run is lost, none started twice under one admission`,
      () =>
        Effect.gen(function* () {
          yield* settle
          const { observe, check, called, calls, starts } = yield* journal
          const trouble = yield* Trouble
          let asked = 0
          const flaky = () => {
            asked += 1
            // A pattern that meets every operation sooner or later.
            return asked % 3 === 0 || asked % 7 === 0 ? Effect.fail(away()) : Effect.void
          }
          const ids = yield* dispatchSyncs(20)
          if (when === "before") trouble.beforeStore = flaky
          else trouble.afterStore = flaky
          const handler = syncing(Effect.andThen(called, Effect.sleep(200)))
          yield* startWorker([handler], { observe, leaseMillis: 3_000, concurrency: 4 })
          yield* startWorker([handler], { observe, leaseMillis: 3_000, concurrency: 4 })
          yield* pass(60_000)
          yield* calm
          yield* pass(60_000)
          const states = yield* statesOf
          assert.deepStrictEqual(
            Object.keys(states).sort(),
            Object.keys(states).includes("Failed") ? ["Failed", "Succeeded"] : ["Succeeded"]
          )
          for (const id of ids) {
            const run = yield* find(id)
            if (run._tag === "Failed") assert.strictEqual(run.failure.code, "run.stale_running")
            assert.isAtMost(run.attempt, 3)
          }
          yield* check
          assert.strictEqual(yield* Ref.get(calls), starts.length)
          const { notices } = yield* Delivered
          assert.strictEqual(new Set(notices.map(({ runId }) => runId)).size, 20)
        }).pipe(Effect.provide(layerBench))
    )
  }

  it.effect("while handlers work: what they did is written when it is back, if nobody took the runs meanwhile", () =>
    Effect.gen(function* () {
      yield* settle
      const ids = yield* dispatchSyncs(5)
      yield* startWorker([syncing(Effect.sleep(2_000))], { leaseMillis: 30_000 })
      yield* pass(1_000)
      yield* storeAway
      yield* pass(20_000)
      for (const id of ids) assert.strictEqual((yield* find(id))._tag, "Running")
      yield* calm
      yield* pass(11_000)
      for (const id of ids) assert.strictEqual((yield* findAs(id, "Succeeded")).attempt, 1)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("and facts that cannot be read, together and by turns, end with every run done", () =>
    Effect.gen(function* () {
      yield* settle
      const ids = yield* dispatchSyncs(20)
      const trouble = yield* Trouble
      let asked = 0
      trouble.beforeFacts = () => {
        asked += 1
        return asked % 2 === 0 ? Effect.fail(unreadableFacts) : Effect.void
      }
      trouble.beforeStore = () => {
        asked += 1
        return asked % 5 === 0 ? Effect.fail(away("conflict")) : Effect.void
      }
      yield* startWorker([syncing(Effect.void)], { leaseMillis: 10_000 })
      yield* pass(240_000, 500)
      yield* calm
      yield* pass(120_000, 500)
      for (const id of ids) assert.strictEqual((yield* find(id))._tag, "Succeeded")
    }).pipe(Effect.provide(layerBench))
  )
})
