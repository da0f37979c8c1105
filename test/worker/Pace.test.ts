/** How much a worker takes at once when facts cannot be read, and what it passes over. */

import { runIdAt } from "@countersign/adapters/testing"
import { type Counter, laneOf, OperationType, type Running, WorkspaceId } from "@countersign/domain"
import type { Admitted } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { FENCED_MILLIS, LOOKS_IN_VAIN, makePace } from "../../packages/worker/src/Pace.ts"
import { queuedRun } from "../domain/support/runs.ts"

const nobody: ReadonlyArray<Running> = []

const admitted = (
  claimed: number,
  {
    undecided = [],
    fenced = [],
    waiting = [],
    mayHaveMore = false
  }: Partial<Omit<Admitted, "fenced">> & {
    readonly fenced?: ReadonlyArray<WorkspaceId>
  } = {}
): Admitted => ({
  started: nobody,
  blocked: [],
  held: [],
  expired: [],
  fenced: new Set(fenced),
  waiting,
  undecided,
  claimed,
  mayHaveMore
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

  it("is not passed over for as long as a clock was wrong that is set back", () => {
    const pace = paceOf(8)
    const fastMillis = 5 * 3_600_000
    pace.next(1, fastMillis)
    pace.learn(admitted(2, { fenced: [north] }), CLAIM, fastMillis)
    assert.deepStrictEqual(pace.next(1, fastMillis).passOver, [north])
    assert.deepStrictEqual(pace.next(1, 1_000).passOver, [])
  })

  it("is passed over for longer when it is met in change again", () => {
    const pace = paceOf(8)
    pace.learn(admitted(1, { fenced: [north] }), CLAIM, 0)
    pace.learn(admitted(1, { fenced: [north] }), CLAIM, FENCED_MILLIS)
    assert.deepStrictEqual(pace.next(1, FENCED_MILLIS + 1).passOver, [north])
  })
})

describe("the order of claims", () => {
  /** The orders of so many claims, each answered as said. */
  const ordersOf = (answers: ReadonlyArray<readonly [claimed: number, mayHaveMore: boolean]>) => {
    const pace = paceOf(8)
    return answers.map(([claimed, mayHaveMore]) => {
      const claim = pace.next(8, 0)
      return [claim.order, pace.learn(admitted(claimed, { mayHaveMore }), claim, 0)]
    })
  }

  it("is the oldest while the queue is short, and every other time fair while it is long", () => {
    assert.deepStrictEqual(
      ordersOf([
        [0, false],
        [3, false],
        [8, false],
        [8, false],
        [8, false],
        [2, false],
        [1, false]
      ]),
      [
        ["oldest", false],
        ["oldest", false],
        ["oldest", true],
        ["fair", true],
        ["oldest", true],
        ["fair", false],
        ["oldest", false]
      ]
    )
  })

  it("is fair while others stand in front, until that has gone round and found no more", () => {
    assert.deepStrictEqual(
      ordersOf([
        [0, true],
        [8, false],
        [8, false],
        [3, true],
        [0, false],
        [0, true],
        [0, false]
      ]),
      [
        ["oldest", true],
        ["fair", true],
        ["fair", true],
        ["fair", true],
        ["fair", false],
        ["oldest", true],
        ["fair", false]
      ]
    )
  })

  it("takes a break when it has looked on in vain for long, and goes on from there", () => {
    const looks = ordersOf(Array.from({ length: LOOKS_IN_VAIN + 2 }, () => [0, true] as const))
    assert.deepStrictEqual(
      looks.map(([, isMoreLikely]) => isMoreLikely),
      [...Array.from({ length: LOOKS_IN_VAIN }, () => true), false, true]
    )
    assert.deepStrictEqual(looks.at(-1), ["fair", true])
  })
})

describe("what has as many runs at work as it may", () => {
  const run = queuedRun()
  const lane = laneOf(run.dispatch.subject)
  const type = run.dispatch.subject.operationType
  const pacing = () => makePace({ batch: 8, pollMillis: 1_000, operationTypes: [sync, type] })
  const full = (counter: Counter, isBusy = false) => admitted(1, { waiting: [{ run, counter, isBusy }] })

  it("is passed over until the next poll, and another is not", () => {
    const pace = pacing()
    pace.learn(full({ _tag: "Lane", lane }), CLAIM, 0)
    assert.deepStrictEqual(pace.next(1, 999).fullLanes, [lane])
    assert.deepStrictEqual(pace.next(1, 999).operationTypes, [sync, type])
    assert.isFalse(pace.isPassingOver())
    assert.deepStrictEqual(pace.next(1, 1_000).fullLanes, [])
    pace.learn(full({ _tag: "Operation", operationType: type }), CLAIM, 1_000)
    assert.deepStrictEqual(pace.next(1, 1_999).operationTypes, [sync])
    assert.deepStrictEqual(pace.next(1, 2_000).operationTypes, [sync, type])
  })

  it("is asked about again at once when a run of it ends here, also while a claim is under way", () => {
    const pace = pacing()
    pace.learn(full({ _tag: "Lane", lane }), CLAIM, 0)
    pace.ended(sync)
    assert.deepStrictEqual(pace.next(1, 1).fullLanes, [lane])
    pace.ended(type)
    assert.deepStrictEqual(pace.next(1, 1).fullLanes, [])
    pace.ended(type)
    pace.learn(full({ _tag: "Lane", lane }), CLAIM, 1)
    assert.deepStrictEqual(pace.next(1, 1).fullLanes, [])
  })

  it("is asked about again soon while somebody else is admitting", () => {
    const pace = pacing()
    pace.learn(full({ _tag: "Operation", operationType: type }, true), CLAIM, 0)
    assert.isTrue(pace.isPassingOver())
    assert.deepStrictEqual(pace.next(1, FENCED_MILLIS).operationTypes, [sync, type])
    assert.isFalse(pace.isPassingOver())
  })
})
