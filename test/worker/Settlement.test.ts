/** Settlement: written in batches, for as long as it takes, and one step never harms another. */
import { type Running, RunStore, type Step, step } from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Result } from "effect"
import { TestClock } from "effect/testing"
import { makeSettle } from "../../packages/worker/src/Settlement.ts"
import { actionsOf, admittedBy, defined, dispatchSyncs, find, findAs, layerBench, startedRun } from "./support/bench.ts"
import { away, calm, type StoreCall, storeAway, Trouble } from "./support/unruly.ts"
import { settle as settleWorld } from "./support/world.ts"

const succeeded = (run: Running, admission = run.admission): Step =>
  Result.getOrThrow(step(run, { _tag: "Succeed", admission, atMillis: 1, counts: {}, result: { items: 1 } }))

/** This many runs that are running. */
const running = Effect.fnUntraced(function* (count: number) {
  yield* settleWorld
  yield* dispatchSyncs(count)
  return yield* admittedBy("somebody", 30_000)
})

/** How many steps each write had, from now on. */
const batches = Effect.map(Trouble, (trouble) => {
  const sizes: Array<number> = []
  const before = trouble.beforeStore
  trouble.beforeStore = (call: StoreCall) => {
    if (call.operation === "write") sizes.push(call.steps.length)
    return before(call)
  }
  return sizes
})

/** A settler, asked about one step at a time. */
const settleOne = Effect.map(
  makeSettle,
  (settle) => (one: Step) => Effect.map(settle([one]), ([answer]) => defined(answer))
)

const isAbout = (run: Running | undefined) => (one: Step) => one.before.dispatch.id === run?.dispatch.id

describe("settling", () => {
  it.effect("writes one step whole and says so", () =>
    Effect.gen(function* () {
      const [run] = yield* running(1)
      const settle = yield* settleOne
      assert.strictEqual(yield* settle(succeeded(defined(run))), "written")
      assert.strictEqual((yield* actionsOf(defined(run).dispatch.id)).at(-1), "run.succeeded")
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("writes what waits together as one batch", () =>
    Effect.gen(function* () {
      const runs = yield* running(30)
      const settle = yield* settleOne
      const sizes = yield* batches
      const answers = yield* Effect.forEach(runs, (run) => settle(succeeded(run)), { concurrency: "unbounded" })
      for (const answer of answers) assert.strictEqual(answer, "written")
      assert.strictEqual(
        sizes.reduce((sum, size) => sum + size, 0),
        30
      )
      assert.isAtMost(sizes.length, 3)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("answers for each of many steps in their order, and writes no more than 500 at once", () =>
    Effect.gen(function* () {
      const runs = yield* running(510)
      const settle = yield* makeSettle
      const [late] = runs
      yield* settle([succeeded(defined(late))])
      const sizes = yield* batches
      const settling = yield* Effect.forkChild(settle(runs.map((run) => succeeded(run))), { startImmediately: true })
      const other = yield* settle([succeeded(defined(late))])
      const answers = yield* Fiber.join(settling)
      assert.deepStrictEqual(
        [...other, ...answers].map((answer) => (typeof answer === "string" ? answer : answer._tag)),
        ["IllegalTransition", "IllegalTransition", ...runs.slice(1).map(() => "written")]
      )
      assert.isAtMost(Math.max(...sizes), 500)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("waits while the store is away, and writes everything when it is back", () =>
    Effect.gen(function* () {
      const runs = yield* running(5)
      const settle = yield* settleOne
      yield* storeAway
      const settling = yield* Effect.forkChild(
        Effect.forEach(runs, (run) => settle(succeeded(run)), { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("1 hour")
      assert.isUndefined(settling.pollUnsafe())
      yield* calm
      yield* TestClock.adjust("10 seconds")
      for (const answer of yield* Fiber.join(settling)) assert.strictEqual(answer, "written")
      for (const run of runs) assert.strictEqual((yield* find(run.dispatch.id))._tag, "Succeeded")
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("a write whose answer was lost is found refused the second time, and is there once", () =>
    Effect.gen(function* () {
      const run = yield* Effect.andThen(settleWorld, startedRun())
      const settle = yield* settleOne
      const trouble = yield* Trouble
      let lost = false
      trouble.afterStore = ({ operation }) => {
        if (operation !== "write" || lost) return Effect.void
        lost = true
        return Effect.fail(away())
      }
      const settling = yield* Effect.forkChild(settle(succeeded(run)))
      yield* TestClock.adjust("1 second")
      const answer = yield* Fiber.join(settling)
      assert.isTrue(typeof answer === "object" && answer._tag === "IllegalTransition")
      assert.deepStrictEqual(yield* actionsOf(run.dispatch.id), [
        "run.dispatched",
        "run.decided",
        "run.started",
        "run.succeeded"
      ])
    }).pipe(Effect.provide(layerBench))
  )

  for (const [how, end] of [
    ["rejects", Effect.fail(away("rejected"))],
    ["breaks on", Effect.die(new Error("cannot encode this"))]
  ] as const) {
    it.effect(`a step that the store ${how} does not hold up the others, and is answered as not written`, () =>
      Effect.gen(function* () {
        const runs = yield* running(8)
        const settle = yield* settleOne
        const trouble = yield* Trouble
        const poison = runs[3]
        trouble.beforeStore = ({ operation, steps }) =>
          operation === "write" && steps.some(isAbout(poison)) ? end : Effect.void
        const settling = yield* Effect.forkChild(
          Effect.forEach(runs, (run) => settle(succeeded(run)), { concurrency: "unbounded" })
        )
        yield* TestClock.adjust("1 second")
        const answers = yield* Fiber.join(settling)
        for (const [at, run] of runs.entries()) {
          const answer = answers[at]
          if (run === poison) {
            assert.isTrue(typeof answer === "object" && answer._tag === "StoreUnavailable")
            assert.strictEqual((yield* find(run.dispatch.id))._tag, "Running")
          } else {
            assert.strictEqual(answer, "written")
            assert.strictEqual((yield* find(run.dispatch.id))._tag, "Succeeded")
          }
        }
      }).pipe(Effect.provide(layerBench))
    )
  }

  it.effect("a store that rejects first and is away then still loses nothing", () =>
    Effect.gen(function* () {
      const runs = yield* running(4)
      const settle = yield* settleOne
      const trouble = yield* Trouble
      const poison = runs[0]
      let writes = 0
      trouble.beforeStore = ({ operation, steps }) => {
        if (operation !== "write") return Effect.void
        if (steps.some(isAbout(poison))) return Effect.fail(away("rejected"))
        writes += 1
        return writes < 3 ? Effect.fail(away()) : Effect.void
      }
      const settling = yield* Effect.forkChild(
        Effect.forEach(runs, (run) => settle(succeeded(run)), { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("1 minute")
      const answers = yield* Fiber.join(settling)
      assert.deepStrictEqual(answers.slice(1), ["written", "written", "written"])
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("redelivery_changes_nothing: a report that comes too late is refused and leaves no trace", () =>
    Effect.gen(function* () {
      const run = yield* Effect.andThen(settleWorld, startedRun())
      const settle = yield* settleOne
      assert.strictEqual(yield* settle(succeeded(run)), "written")
      const before = yield* find(run.dispatch.id)
      const late = yield* settle(
        Result.getOrThrow(
          step(run, {
            _tag: "Fail",
            admission: run.admission,
            atMillis: 2,
            counts: {},
            failure: { code: "late", message: "late" }
          })
        )
      )
      assert.isTrue(typeof late === "object" && late._tag === "IllegalTransition")
      assert.deepStrictEqual(yield* find(run.dispatch.id), before)
      assert.strictEqual((yield* actionsOf(run.dispatch.id)).length, 4)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("a report of an earlier admission is refused while the next one works", () =>
    Effect.gen(function* () {
      const run = yield* Effect.andThen(settleWorld, startedRun())
      const store = yield* RunStore
      const released = Result.getOrThrow(
        step(run, { _tag: "Release", admission: run.admission, atMillis: 0, counts: {} })
      )
      yield* store.write([released], null)
      const [again] = yield* admittedBy("another", 30_000)
      assert.strictEqual(defined(again).admission, 2)
      const settle = yield* settleOne
      const late = yield* settle(succeeded(run))
      assert.isTrue(typeof late === "object" && late._tag === "IllegalTransition")
      const now = yield* findAs(run.dispatch.id, "Running")
      assert.strictEqual(now.admission, 2)
    }).pipe(Effect.provide(layerBench))
  )
})
