/** Calling a run off: it is cancelled, or says why it is not, and nothing in between. */
import { Countersign } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { actionsOf, dispatchSync, findAs, layerBench, startedRun } from "./support/bench.ts"
import { away, calm, Trouble } from "./support/unruly.ts"
import { ada, settle } from "./support/world.ts"

const byHerself = { kind: "human", id: ada } as const

describe("cancelling", () => {
  it.effect("a run that has moved on when the cancellation is written is not said to be cancelled", () =>
    Effect.gen(function* () {
      yield* settle
      const gate = yield* Countersign
      const trouble = yield* Trouble
      const id = yield* dispatchSync
      let isFirst = true
      // Somebody else was quicker, which the lock on a run does not let happen.
      trouble.beforeStore = ({ operation }) => {
        if (operation !== "write" || !isFirst) return Effect.void
        isFirst = false
        return Effect.orDie(Effect.asVoid(gate.cancel(id, { kind: "system", id: null })))
      }
      const refused = yield* Effect.flip(gate.cancel(id, byHerself))
      assert.strictEqual(refused._tag, "IllegalTransition")
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("a store that is away: nothing is cancelled by half, and all of it later", () =>
    Effect.gen(function* () {
      yield* settle
      const gate = yield* Countersign
      const { id } = (yield* startedRun()).dispatch
      const trouble = yield* Trouble
      trouble.beforeStore = ({ operation }) => (operation === "commit" ? Effect.fail(away()) : Effect.void)
      assert.strictEqual((yield* Effect.flip(gate.cancel(id, byHerself)))._tag, "StoreUnavailable")
      yield* calm
      yield* findAs(id, "Running")
      const cancelled = yield* gate.cancel(id, byHerself)
      assert(cancelled._tag === "Cancelled")
      assert.deepStrictEqual(cancelled.by, byHerself)
      assert.strictEqual((yield* actionsOf(id)).at(-1), "run.cancelled")
    }).pipe(Effect.provide(layerBench))
  )
})
