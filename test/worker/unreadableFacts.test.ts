/**
 * Facts that cannot be read: no decision is made of it. The run stays queued, is tried again with back-off, is never allowed
 * and never blocked for it, and holds up nobody; nor does what the store does not keep. Contract section 4.
 */
import { AuthorityBook } from "@countersign/adapters/testing"
import { AuditLog, Facts, type FactsRequest, RunStore, TenantId } from "@countersign/domain"
import { Countersign, inventorySync } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer, Ref } from "effect"
import { TestClock } from "effect/testing"
import {
  actionsOf,
  dispatchSync,
  dispatchSyncs,
  find,
  findAs,
  freshScope,
  layerBench,
  pass,
  startWorker,
  syncing
} from "./support/bench.ts"
import { away, calm, Trouble, unreadableFacts } from "./support/unruly.ts"
import { ada, byAda, readonly, settle, workspaceId } from "./support/world.ts"

const poisoned = TenantId.make("tenant-poison")
const concerns = (requests: ReadonlyArray<FactsRequest>) =>
  requests.some(({ subject }) => subject.scope.tenantId === poisoned)

/** A run that may wait for no longer than this, in milliseconds. */
const LATE_MILLIS = 1_000
const dispatchLate = Effect.gen(function* () {
  const gate = yield* Countersign
  const expiresAtMillis = (yield* Clock.currentTimeMillis) + LATE_MILLIS
  const { run } = yield* gate.dispatch({
    ...byAda,
    operation: inventorySync,
    payload: freshScope(),
    expiresAtMillis
  })
  return run.dispatch.id
})

const dispatchPoison = Effect.gen(function* () {
  const gate = yield* Countersign
  const { run } = yield* gate.dispatch({
    ...byAda,
    tenantId: poisoned,
    operation: inventorySync,
    payload: freshScope()
  })
  return run.dispatch.id
})

const given = Effect.gen(function* () {
  yield* settle
  const calls = yield* Ref.make(0)
  return { handler: syncing(Ref.update(calls, (n) => n + 1)), calls: Ref.get(calls) }
})

const troubles = [
  ["fail", Effect.fail(unreadableFacts)],
  ["break", Effect.die(new Error("broken"))],
  ["interrupt themselves", Effect.interrupt],
  ["never answer", Effect.never]
] as const

describe("facts", () => {
  for (const [what, trouble] of troubles) {
    it.effect(`that ${what}: runs stay queued, undecided, and are taken when the facts are back`, () =>
      Effect.gen(function* () {
        const { handler, calls } = yield* given
        const troubles = yield* Trouble
        troubles.beforeFacts = () => trouble
        const ids = yield* dispatchSyncs(5)
        yield* startWorker([handler])
        yield* pass(120_000, 1_000)
        const log = yield* AuditLog
        for (const id of ids) {
          const run = yield* findAs(id, "Queued")
          assert.strictEqual(run.attempt, 1)
          assert.strictEqual(run.admission, 1)
          assert.deepStrictEqual(yield* actionsOf(id), ["run.dispatched"])
          assert.deepStrictEqual(yield* log.decisionsOf(id), [])
        }
        assert.strictEqual(yield* calls, 0)
        yield* calm
        yield* pass(130_000, 1_000)
        for (const id of ids) assert.strictEqual((yield* find(id))._tag, "Succeeded")
        assert.strictEqual(yield* calls, 5)
      }).pipe(Effect.provide(layerBench))
    )

    it.effect(`of one run that ${what} starve no other run`, () =>
      Effect.gen(function* () {
        const { handler } = yield* given
        const troubles = yield* Trouble
        troubles.beforeFacts = (requests) => (concerns(requests) ? trouble : Effect.void)
        const first = yield* dispatchSyncs(10)
        // The oldest but ten: it is claimed together with others.
        const poison = yield* dispatchPoison
        const later = yield* dispatchSyncs(30)
        yield* startWorker([handler], { concurrency: 10 })
        yield* pass(90_000, 1_000)
        for (const id of [...first, ...later]) assert.strictEqual((yield* find(id))._tag, "Succeeded")
        assert.strictEqual((yield* find(poison))._tag, "Queued")
        // And those that come later still have their turn.
        const dispatching = yield* Effect.forkChild(dispatchSyncs(10))
        yield* pass(90_000, 1_000)
        for (const id of yield* Fiber.join(dispatching)) assert.strictEqual((yield* find(id))._tag, "Succeeded")
      }).pipe(Effect.provide(layerBench))
    )
  }

  it.effect("are asked for again with growing pauses, not in a hurry", () =>
    Effect.gen(function* () {
      const { handler } = yield* given
      const askedAt: Array<number> = []
      const troubles = yield* Trouble
      troubles.beforeFacts = () =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          askedAt.push(now)
          return Effect.fail(unreadableFacts)
        })
      yield* dispatchSync
      yield* startWorker([handler])
      yield* pass(600_000, 1_000)
      assert.isAtMost(askedAt.length, 30)
      assert.isAtLeast(askedAt.length, 10)
      const pauses = askedAt.slice(1).map((at, index) => at - (askedAt[index] ?? 0))
      assert.isAtMost(Math.max(...pauses), 62_000)
      assert.isAtLeast(Math.min(...pauses.slice(6)), 29_000)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("that hang are given a pause of their own when they have used up their time", () =>
    Effect.gen(function* () {
      const { handler } = yield* given
      let asked = 0
      const troubles = yield* Trouble
      troubles.beforeFacts = () => {
        asked += 1
        return Effect.never
      }
      yield* dispatchSync
      yield* startWorker([handler])
      yield* pass(100_000, 1_000)
      // Ten seconds each, and pauses of 1, 2, 4, 8, … seconds, of which at least half is waited.
      assert.isAtMost(asked, 7)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect(
    "lost together with the authority: the run is blocked by the first facts that can be read, never allowed",
    () =>
      Effect.gen(function* () {
        const { handler, calls } = yield* given
        const troubles = yield* Trouble
        troubles.beforeFacts = () => Effect.fail(unreadableFacts)
        const id = yield* dispatchSync
        yield* startWorker([handler])
        yield* pass(5_000)
        const book = yield* AuthorityBook
        yield* book.setMembership(workspaceId, ada, readonly)
        yield* calm
        yield* pass(70_000, 1_000)
        assert.strictEqual((yield* find(id))._tag, "Blocked")
        assert.strictEqual(yield* calls, 0)
      }).pipe(Effect.provide(layerBench))
  )

  it.effect("unreadable while the store is away as well: nothing is lost", () =>
    Effect.gen(function* () {
      const { handler } = yield* given
      const troubles = yield* Trouble
      troubles.beforeFacts = () => Effect.fail(unreadableFacts)
      troubles.beforeStore = ({ operation }) => (operation === "postpone" ? Effect.fail(away()) : Effect.void)
      const id = yield* dispatchSync
      yield* startWorker([handler])
      yield* pass(30_000, 1_000)
      assert.strictEqual((yield* find(id))._tag, "Queued")
      yield* calm
      yield* pass(70_000, 1_000)
      assert.strictEqual((yield* find(id))._tag, "Succeeded")
    }).pipe(Effect.provide(layerBench))
  )
})

describe("facts that break while a run is explained", () => {
  it.effect("are told of as facts that cannot be read", () =>
    Effect.gen(function* () {
      yield* settle
      const id = yield* dispatchSync
      const troubles = yield* Trouble
      troubles.beforeFacts = () => Effect.die(new Error("broken"))
      const gate = yield* Countersign
      assert.strictEqual((yield* Effect.flip(gate.explain(id)))._tag, "FactsUnavailable")
    }).pipe(Effect.provide(layerBench))
  )
})

describe("a source of facts that answers nonsense", () => {
  /** The memory's facts, answered wrongly about the poisoned tenant. */
  const layerNonsense = (answer: "too few" | "too many" | "wrong shape") =>
    Layer.effect(
      Facts,
      Effect.map(Facts, (real) =>
        Facts.of({
          read: (requests) =>
            Effect.map(real.read(requests), (readings) => {
              if (!concerns(requests)) return readings
              if (answer === "too few") return readings.slice(1)
              if (answer === "too many") return [...readings, ...readings]
              return readings.map((reading) => Object.assign({ ...reading }, { facts: null }))
            })
        })
      )
    ).pipe(Layer.provideMerge(layerBench))

  for (const answer of ["too few", "too many", "wrong shape"] as const) {
    it.effect(`(${answer}) decides nothing and starves nobody`, () =>
      Effect.gen(function* () {
        const { handler } = yield* given
        const poison = yield* dispatchPoison
        const ids = yield* dispatchSyncs(10)
        yield* startWorker([handler])
        yield* pass(60_000, 1_000)
        for (const id of ids) assert.strictEqual((yield* find(id))._tag, "Succeeded")
        assert.strictEqual((yield* find(poison))._tag, "Queued")
      }).pipe(Effect.provide(layerNonsense(answer)))
    )
  }
})

describe("a step that cannot be kept", () => {
  for (const [what, given, keeps] of [
    ["a decision the store rejects", dispatchPoison, Effect.fail(away("rejected"))],
    ["a decision the store breaks on", dispatchPoison, Effect.die(new Error("broken"))],
    ["the end of a run that waited too long, which the store rejects", dispatchLate, Effect.fail(away("rejected"))]
  ] as const) {
    it.effect(`${what} leaves its run queued, and starves nobody`, () =>
      Effect.gen(function* () {
        yield* settle
        const poison = yield* given
        yield* TestClock.adjust(LATE_MILLIS)
        const ids = yield* dispatchSyncs(10)
        const troubles = yield* Trouble
        troubles.beforeStore = ({ operation, steps }) =>
          operation === "write" && steps.some(({ before }) => before.dispatch.id === poison) ? keeps : Effect.void
        yield* startWorker([syncing(Effect.void)])
        yield* pass(60_000, 1_000)
        for (const id of ids) assert.strictEqual((yield* find(id))._tag, "Succeeded")
        assert.strictEqual((yield* find(poison))._tag, "Queued")
        const { runs } = yield* (yield* RunStore).list({ limit: 100, status: "running" })
        assert.deepStrictEqual(runs, [])
      }).pipe(Effect.provide(layerBench))
    )
  }
})
