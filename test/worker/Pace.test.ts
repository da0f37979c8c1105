/** How much a worker takes at once when facts cannot be read, and what it passes over. */

import { runIdAt } from "@countersign/adapters/testing"
import type { RunId, Running } from "@countersign/domain"
import { OperationType, WorkspaceId } from "@countersign/domain"
import type { Admitted } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { FENCED_MILLIS, makePace } from "../../packages/worker/src/Pace.ts"

const nobody: ReadonlyArray<Running> = []

const admitted = (
  claimed: number,
  { undecided = [], fenced = [] }: { undecided?: ReadonlyArray<RunId>; fenced?: ReadonlyArray<WorkspaceId> } = {}
): Admitted => ({
  started: nobody,
  blocked: [],
  held: [],
  expired: [],
  fenced: new Set(fenced),
  waiting: [],
  undecided,
  claimed,
  mayHaveMore: false
})

const CLAIM = { limit: 1_000, order: "oldest" } as const
const sync = OperationType.make("sync")
const paceOf = (batch: number) => makePace({ batch, pollMillis: 1_000, operationTypes: [sync] })

const oneUndecided = admitted(1, { undecided: [runIdAt(0)] })
const north = WorkspaceId.make("north")
const south = WorkspaceId.make("south")

describe("the claim", () => {
  it("is as large as there are free hands, and never larger than the batch", () => {
    const pace = paceOf(8)
    assert.strictEqual(pace.next(3, 0).limit, 3)
    assert.strictEqual(pace.next(100, 0).limit, 8)
  })

  it("is one run after unreadable facts, and doubles with every success up to the batch", () => {
    const pace = paceOf(8)
    pace.learn(admitted(8, { undecided: [runIdAt(0), runIdAt(1)] }), CLAIM, 0)
    const limits = [1, 2, 3, 4, 5].map(() => {
      const { limit } = pace.next(100, 0)
      pace.learn(admitted(limit), CLAIM, 0)
      return limit
    })
    assert.deepStrictEqual(limits, [1, 2, 4, 8, 8])
  })

  it("learns nothing from an empty queue", () => {
    const pace = paceOf(8)
    pace.learn(oneUndecided, CLAIM, 0)
    pace.learn(admitted(0), CLAIM, 0)
    assert.strictEqual(pace.next(100, 0).limit, 1)
  })

  it.prop(
    "is never of nobody, and never beyond hands or batch",
    {
      batch: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 500 })),
      frees: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 }))),
      readable: Schema.Array(Schema.Boolean)
    },
    ({ batch, frees, readable }) => {
      const pace = paceOf(batch)
      for (const [at, free] of frees.entries()) {
        const { limit } = pace.next(free, at)
        assert.isAtLeast(limit, 1)
        assert.isAtMost(limit, Math.min(free, batch))
        pace.learn(readable[at] === false ? oneUndecided : admitted(limit), CLAIM, at)
      }
    }
  )
})

describe("the pause after unreadable facts", () => {
  it.effect("grows with every failure in a row, up to a minute, and is short again after a success", () =>
    Effect.gen(function* () {
      const pace = paceOf(8)
      const within = (pause: number, longest: number) => {
        assert.isAtLeast(pause, longest / 2)
        assert.isAtMost(pause, longest)
      }
      within(yield* pace.factsPause, 1_000)
      for (const longest of [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
        pace.learn(oneUndecided, CLAIM, 0)
        within(yield* pace.factsPause, longest)
      }
      pace.learn(admitted(1), CLAIM, 0)
      within(yield* pace.factsPause, 1_000)
    })
  )
})

describe("a workspace whose authority is being changed", () => {
  it("is passed over for a moment, and others are not", () => {
    const pace = paceOf(8)
    assert.isFalse(pace.isPassingOver())
    pace.learn(admitted(2, { fenced: [north] }), CLAIM, 1_000)
    assert.isTrue(pace.isPassingOver())
    assert.deepStrictEqual(pace.next(1, 1_000 + FENCED_MILLIS - 1).passOver, [north])
    pace.learn(admitted(2, { fenced: [south] }), CLAIM, 1_050)
    assert.deepStrictEqual(pace.next(1, 1_050).passOver, [north, south])
    assert.deepStrictEqual(pace.next(1, 1_000 + FENCED_MILLIS).passOver, [south])
    assert.deepStrictEqual(pace.next(1, 1_050 + FENCED_MILLIS).passOver, [])
    assert.isFalse(pace.isPassingOver())
  })

  it("is passed over for longer when it is met in change again", () => {
    const pace = paceOf(8)
    pace.learn(admitted(1, { fenced: [north] }), CLAIM, 0)
    pace.learn(admitted(1, { fenced: [north] }), CLAIM, FENCED_MILLIS)
    assert.deepStrictEqual(pace.next(1, FENCED_MILLIS + 1).passOver, [north])
  })
})
