/** A handler that says when to try again is tried again then: neither sooner, nor by the operation's back-off. */
import { AttemptFailed } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Ref } from "effect"
import { LAST_MILLIS } from "../../packages/worker/src/DispatchTimes.ts"
import { dispatchSync, findAs, layerBench, pass, settleDown, startWorker, syncing } from "./support/bench.ts"
import { settle } from "./support/world.ts"

const busy = { code: "provider.busy", message: "The provider is busy.", retry: true }

/** A run whose first attempt fails like this, and how often it was tried. */
const failingOnce = Effect.fnUntraced(function* (retryAfterMillis: number) {
  yield* settle
  const id = yield* dispatchSync
  const tries = yield* Ref.make(0)
  const work = Effect.flatMap(
    Ref.updateAndGet(tries, (n) => n + 1),
    (n) => (n === 1 ? Effect.fail(new AttemptFailed({ ...busy, retryAfterMillis })) : Effect.void)
  )
  yield* startWorker([syncing(work)], { pollMillis: 100 })
  yield* settleDown
  return { id, tries: Ref.get(tries) }
})

describe("retryAfterMillis", () => {
  it.effect("0: at once, where the operation's back-off would wait", () =>
    Effect.gen(function* () {
      const { id, tries } = yield* failingOnce(0)
      yield* pass(100)
      assert.strictEqual(yield* tries, 2)
      assert.strictEqual((yield* findAs(id, "Succeeded")).attempt, 2)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("is waited out to the end, though the back-off is shorter", () =>
    Effect.gen(function* () {
      const { id, tries } = yield* failingOnce(60_000)
      yield* pass(59_500, 500)
      assert.strictEqual(yield* tries, 1)
      assert.strictEqual((yield* findAs(id, "Queued")).availableAtMillis, 60_000)
      yield* pass(1_000)
      assert.strictEqual(yield* tries, 2)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("the longest there is: kept as what a store can say, until the run has waited too long", () =>
    Effect.gen(function* () {
      const { id } = yield* failingOnce(Number.MAX_SAFE_INTEGER)
      const run = yield* findAs(id, "Queued")
      assert.strictEqual(run.availableAtMillis, LAST_MILLIS)
      assert.isBelow(run.dispatch.expiresAtMillis, LAST_MILLIS)
    }).pipe(Effect.provide(layerBench))
  )

  for (const wrong of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    it(`is not ${wrong}`, () => {
      assert.throws(() => new AttemptFailed({ ...busy, retryAfterMillis: wrong }))
    })
  }
})
