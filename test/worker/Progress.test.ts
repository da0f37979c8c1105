/** Progress: counts reach the store once in a while, all together, and not at all while nothing changes. */
import type { HandlerContext } from "@countersign/worker"
import { Handler, inventorySync } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { defined, dispatchSyncs, find, layerBench, pass, settleDown, startWorker } from "./support/bench.ts"
import { away, calm, Trouble } from "./support/unruly.ts"
import { settle } from "./support/world.ts"

/** So many handlers at work, their contexts, and how often counts were stored. */
const counting = Effect.fnUntraced(function* (count: number) {
  yield* settle
  const contexts: Array<HandlerContext> = []
  const handler = Handler.make(inventorySync, (_, context) => {
    contexts.push(context)
    return Effect.never
  })
  yield* dispatchSyncs(count)
  const seen = { saves: 0 }
  const trouble = yield* Trouble
  trouble.beforeStore = ({ operation }) =>
    Effect.sync(() => {
      if (operation === "saveCounts") seen.saves += 1
    })
  const { stop } = yield* startWorker([handler])
  yield* settleDown
  assert.strictEqual(contexts.length, count)
  return { contexts, seen, stop, first: defined(contexts[0]) }
})

const countsOf = ({ runId }: HandlerContext) => Effect.map(find(runId), ({ counts }) => counts)

describe("progress", () => {
  it.effect("nothing is written while nothing changes", () =>
    Effect.gen(function* () {
      const { first, seen } = yield* counting(2)
      yield* pass(10_000)
      assert.strictEqual(seen.saves, 0)
      yield* first.reportCounts({ items: 1 })
      yield* pass(10_000)
      assert.strictEqual(seen.saves, 1)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("what many runs report many times within a second is one write of what they said last", () =>
    Effect.gen(function* () {
      const { contexts, seen } = yield* counting(5)
      for (let items = 1; items <= 100; items += 1) {
        yield* Effect.forEach(contexts, ({ reportCounts }) => reportCounts({ items }), { discard: true })
      }
      yield* pass(1_000)
      assert.strictEqual(seen.saves, 1)
      for (const context of contexts) assert.deepStrictEqual(yield* countsOf(context), { items: 100 })
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("what is reported while the store takes its time is stored the next time", () =>
    Effect.gen(function* () {
      const { first } = yield* counting(1)
      const trouble = yield* Trouble
      trouble.afterStore = ({ operation }) => (operation === "saveCounts" ? Effect.sleep(500) : Effect.void)
      yield* first.reportCounts({ items: 1 })
      yield* pass(1_200)
      yield* first.reportCounts({ items: 2 })
      assert.deepStrictEqual(yield* countsOf(first), { items: 1 })
      yield* pass(2_000)
      assert.deepStrictEqual(yield* countsOf(first), { items: 2 })
    }).pipe(Effect.provide(layerBench))
  )

  for (const [how, happens] of [
    ["is away", Effect.fail(away())],
    ["breaks", Effect.die(new Error("broken"))],
    ["never answers", Effect.never]
  ] as const) {
    it.effect(`a store that ${how} is tried again, with what was said last by then`, () =>
      Effect.gen(function* () {
        const { first } = yield* counting(1)
        const trouble = yield* Trouble
        trouble.beforeStore = ({ operation }) => (operation === "saveCounts" ? happens : Effect.void)
        yield* first.reportCounts({ items: 1 })
        yield* pass(5_000)
        assert.deepStrictEqual(yield* countsOf(first), {})
        yield* first.reportCounts({ items: 2 })
        yield* calm
        yield* pass(12_000)
        assert.deepStrictEqual(yield* countsOf(first), { items: 2 })
      }).pipe(Effect.provide(layerBench))
    )
  }

  it.effect("the last counts go with the end of the attempt, however soon that comes", () =>
    Effect.gen(function* () {
      const { first, seen, stop } = yield* counting(1)
      yield* first.reportCounts({ items: 3 })
      yield* stop
      assert.deepStrictEqual(yield* countsOf(first), { items: 3 })
      assert.strictEqual(seen.saves, 0)
    }).pipe(Effect.provide(layerBench))
  )
})
