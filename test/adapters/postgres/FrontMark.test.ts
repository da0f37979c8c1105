/** When a claim begins behind what earlier ones have taken, and when at the front of the queue. */
import { EmbeddedPostgres, layerPostgres, migrate } from "@countersign/adapters"
import { enqueuedOne, leaseAt, makeWorld, moved, startStep } from "@countersign/adapters/testing"
import { type ClaimOrder, type Queued, RunQueue, UnitOfWork } from "@countersign/domain"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { FILLED_IN_A_ROW, MARKED_MILLIS } from "../../../packages/adapters/src/postgres/FrontMark.ts"

const layerStore = layerPostgres().pipe(
  Layer.provideMerge(Layer.effectDiscard(migrate()).pipe(Layer.provideMerge(EmbeddedPostgres.layer())))
)

layer(layerStore, { excludeTestServices: true, timeout: "60 seconds" })("the mark of the front", (it) => {
  /** Claims one run and starts it; answers it. */
  const taking = (nowMillis: number, { dispatch }: Queued, order: ClaimOrder = "oldest") =>
    Effect.gen(function* () {
      const queue = yield* RunQueue
      const unit = yield* UnitOfWork
      const operationTypes = [dispatch.subject.operationType]
      const claim = { limit: 1, operationTypes, nowMillis, order, passOver: [], fullLanes: [] } as const
      return yield* unit.transact(
        Effect.gen(function* () {
          const { runs } = yield* queue.holdNext(claim)
          for (const run of runs) yield* moved(startStep(run, nowMillis), leaseAt(nowMillis))
          return runs.map((run) => run.dispatch.id)
        })
      )
    })

  /** Runs that wait, a few more than have to be taken before the mark counts; all of one operation, as the first. */
  const backlog = Effect.gen(function* () {
    const world = yield* makeWorld
    const runs: Array<Queued> = []
    for (let number = 0; number < FILLED_IN_A_ROW + 6; number += 1) runs.push(yield* enqueuedOne(world.dispatch()))
    const [first] = runs
    assert(first)
    return { world, atMillis: world.atMillis, runs, first }
  })

  it.effect(
    "behind a long backlog a run that comes in before it waits for a second at most; none is lost, none comes twice",
    () =>
      Effect.gen(function* () {
        const { world, atMillis, runs, first } = yield* backlog
        const taken: Array<string> = []
        const take = (afterMillis: number) =>
          Effect.map(taking(atMillis + afterMillis, first), (ids) => taken.push(...ids))
        for (let number = 0; number < FILLED_IN_A_ROW; number += 1) yield* take(10_000)
        // Available before everything that still waits.
        const early = yield* enqueuedOne(world.dispatch(), atMillis - 60_000)
        yield* take(10_000)
        assert.notInclude(taken, early.dispatch.id)
        yield* take(10_000 + MARKED_MILLIS)
        assert.strictEqual(taken.at(-1), early.dispatch.id)
        for (let number = 0; number < 6; number += 1) yield* take(10_000 + MARKED_MILLIS)
        assert.sameMembers(
          taken,
          [...runs, early].map(({ dispatch }) => dispatch.id)
        )
      })
  )

  it.effect("so does one that comes in before it in its own lane, and is then the first that a fair claim takes", () =>
    Effect.gen(function* () {
      const { world, atMillis, runs, first } = yield* backlog
      for (let number = 0; number < FILLED_IN_A_ROW; number += 1) yield* taking(atMillis + 10_000, first)
      const early = yield* enqueuedOne(world.dispatch(), atMillis - 60_000)
      const fair = (afterMillis: number) => taking(atMillis + afterMillis, first, "fair")
      // The last claim saw the run it took itself, which no longer waits.
      assert.deepStrictEqual(yield* fair(10_000), [runs[FILLED_IN_A_ROW]?.dispatch.id])
      assert.deepStrictEqual(yield* fair(10_000 + MARKED_MILLIS), [early.dispatch.id])
      assert.deepStrictEqual(yield* fair(10_000 + MARKED_MILLIS), [runs[FILLED_IN_A_ROW + 1]?.dispatch.id])
    })
  )
})
