/** Claims for tests of the queue. */
import { type Claim, type Queued, RunQueue } from "@countersign/domain"
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { World } from "./World.ts"

/** A claim for everything that waits in this world. */
export const claimOf = (world: World, given: Partial<Claim> = {}): Claim => ({
  limit: 1000,
  operationTypes: [world.operationType],
  nowMillis: world.atMillis,
  order: "oldest",
  passOver: [],
  fullLanes: [],
  ...given
})

/** The ids, in order. */
export const idsOf = (runs: ReadonlyArray<Queued>) => runs.map(({ dispatch }) => dispatch.id)

/** Holds what a claim gives, all of it readable; answers with the ids. */
export const heldNext = (claim: Claim) =>
  Effect.gen(function* () {
    const page = yield* (yield* RunQueue).holdNext(claim)
    assert.deepStrictEqual(page.unreadable, [])
    return idsOf(page.runs)
  })
