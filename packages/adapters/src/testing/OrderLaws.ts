/** The laws of order: by priority, and from lane to lane, so that nobody is left out for ever. */
import {
  type Claim,
  type Dispatch,
  laneKeyOf,
  laneOf,
  type Priority,
  type Queued,
  RunQueue,
  TenantId,
  UnitOfWork
} from "@countersign/domain"
import { assert } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { claimOf, heldNext, idsOf } from "./claims.ts"
import { type Register, type RunPorts, SAMPLES, upTo } from "./laws.ts"
import { blockStep } from "./rulings.ts"
import { enqueued, enqueuedOne, written } from "./runs.ts"
import { makeWorld, type World } from "./World.ts"

/** The n-th tenant of a world. */
const tenantOf = (world: World, n: number) => TenantId.make(`${world.tenantId}-${n}`)

/** A run of a world for its n-th tenant. */
const forTenant = (world: World, n: number, given: Partial<Dispatch> = {}): Dispatch => {
  const dispatch = world.dispatch(given)
  const { subject } = dispatch
  return { ...dispatch, subject: { ...subject, scope: { ...subject.scope, tenantId: tenantOf(world, n) } } }
}

const laneKey = ({ dispatch }: Queued) => laneKeyOf(laneOf(dispatch.subject))

/** Claims and ends what was claimed, in one unit of work. */
const claimedAway = Effect.fnUntraced(function* (claim: Claim) {
  const { transact } = yield* UnitOfWork
  return yield* transact(
    Effect.gen(function* () {
      const claimed = yield* (yield* RunQueue).holdNext(claim)
      yield* written(claimed.runs.map((run) => blockStep(run, claim.nowMillis)))
      return claimed
    })
  )
})

/** The laws of the order in which runs are taken. */
export const orderLaws = (it: Register<RunPorts>): void => {
  it.effect(
    "takes what has priority first, in either order, and among equals what could have been taken for longest",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld
        const of = (priority: Priority, later = 0) => enqueuedOne(world.dispatch({ priority }), world.atMillis + later)
        const low = yield* of("low")
        const [later, normal] = [yield* of("normal", 2), yield* of("normal", 1)]
        const high = yield* of("high", 3)
        const inTurn = idsOf([high, normal, later, low])
        for (const order of ["oldest", "fair"] as const) {
          for (const limit of [1, 2, 3, 4]) {
            const ids = yield* heldNext(claimOf(world, { order, limit, nowMillis: world.atMillis + 9 }))
            assert.deepStrictEqual(ids, inTurn.slice(0, limit).toSorted(), `${order}, ${limit}`)
          }
          // What is not to be taken yet stands in nobody's way, whatever its priority.
          assert.deepStrictEqual(yield* heldNext(claimOf(world, { order })), idsOf([low]))
        }
      })
  )

  it.effect("a fair claim shares its room out between the lanes, and tells that there may be more", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld
      yield* enqueued(upTo(60).map(() => forTenant(world, 0)))
      yield* enqueued(upTo(3).map(() => forTenant(world, 1)))
      yield* enqueued(upTo(60).map(() => forTenant(world, 2)))
      const claimed = yield* (yield* RunQueue).holdNext(claimOf(world, { order: "fair", limit: 12 }))
      const counts = Map.groupBy(claimed.runs, laneKey)
      assert.deepStrictEqual(Array.from(counts.values(), (runs) => runs.length).sort(), [3, 4, 4])
      assert.isTrue(claimed.mayHaveMore)
      // As long as there is more of a lane, an empty claim is never the answer.
      const alone = yield* makeWorld
      yield* enqueued(upTo(30).map(() => forTenant(alone, 0)))
      const all = yield* (yield* RunQueue).holdNext(claimOf(alone, { order: "fair", limit: 40 }))
      assert.deepStrictEqual([all.runs.length, all.mayHaveMore], [30, false])
    })
  )

  it.effect("one tenant's flood keeps nobody waiting: a run of another is in the next fair claim", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld
      yield* enqueued(upTo(200).map(() => forTenant(world, 0)))
      const other = yield* enqueuedOne(forTenant(world, 1, { priority: "low" }), world.atMillis)
      assert.notInclude(yield* heldNext(claimOf(world, { limit: 10 })), other.dispatch.id)
      assert.include(yield* heldNext(claimOf(world, { limit: 10, order: "fair" })), other.dispatch.id)
    })
  )

  it.effect("lanes that are full are passed over, and only they", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld
      const [full] = yield* enqueued(upTo(5).map(() => forTenant(world, 0)))
      assert(full)
      const other = yield* enqueuedOne(forTenant(world, 1))
      const fullLanes = [laneOf(full.dispatch.subject)]
      for (const order of ["oldest", "fair"] as const) {
        assert.deepStrictEqual(yield* heldNext(claimOf(world, { order, fullLanes })), idsOf([other]))
      }
    })
  )

  it.effect.prop(
    "fair claims go round: whoever waits is taken within as many claims as there are lanes, whatever else arrives",
    {
      lanes: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 }))).check(
        Schema.isBetweenLength(1, 8)
      ),
      limit: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 12 }))
    },
    ({ lanes, limit }) =>
      Effect.gen(function* () {
        const world = yield* makeWorld
        const awaited = lanes.length - 1
        yield* enqueued(lanes.flatMap((count, n) => upTo(count).map(() => forTenant(world, n))))
        const seen = new Set<string>()
        for (const _ of lanes) {
          // Whoever is ahead is never done.
          yield* enqueued(upTo(awaited).map((n) => forTenant(world, n)))
          const { runs } = yield* claimedAway(claimOf(world, { limit, order: "fair" }))
          assert.isAbove(runs.length, 0)
          for (const { dispatch } of runs) seen.add(dispatch.subject.scope.tenantId ?? "")
        }
        assert.strictEqual(seen.size, lanes.length)
      }),
    SAMPLES
  )
}
