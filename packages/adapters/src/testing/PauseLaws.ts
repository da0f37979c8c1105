/** The laws of pauses: what is paused waits, and nothing else does. */
import { type Pause, type PauseScope, Pauses, RunQueue, RunStore } from "@countersign/domain"
import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, type Layer, Schedule, Stream } from "effect"
import { claimOf, heldNext, idsOf } from "./claims.ts"
import { IN_REAL_TIME, type RunPorts } from "./laws.ts"
import { startStep, succeedStep } from "./rulings.ts"
import { asRunning, enqueuedOne, leaseAt, moved } from "./runs.ts"
import { makeWorld, type World } from "./World.ts"

/** What can be paused of a world. */
const scopesOf = ({ operationType, workspaceId }: World): ReadonlyArray<PauseScope> => [
  { operationType, workspaceId: null },
  { operationType: null, workspaceId },
  { operationType, workspaceId }
]

const pauseOf = (world: World, scope: PauseScope, given: Partial<Pause> = {}): Pause => ({
  scope,
  by: "ben",
  reason: "the provider is down; “soon” back",
  sinceMillis: world.atMillis,
  ...given
})

/** The pauses that are about this world. */
const listed = (world: World) =>
  Effect.gen(function* () {
    const all = yield* (yield* Pauses).list
    return all.filter(
      ({ scope }) => scope.operationType === world.operationType || scope.workspaceId === world.workspaceId
    )
  })

const resumed = (world: World, scope: PauseScope) =>
  Effect.flatMap(Pauses, (pauses) => pauses.resume(scope, { by: "cleo", atMillis: world.atMillis + 5 }))

/** Every adapter keeps these. The layer gives an empty store; it is built once and shared by the laws. */
export const pauseLaws = <E>(name: string, adapter: Layer.Layer<RunPorts | Pauses, E>): void =>
  layer(adapter, IN_REAL_TIME)(`Pauses: ${name}`, (it) => {
    it.effect("what is paused waits untouched, however it is asked for, and is taken after the resume", () =>
      Effect.gen(function* () {
        const queue = yield* RunQueue
        const store = yield* RunStore
        const pauses = yield* Pauses
        const [world, other] = [yield* makeWorld, yield* makeWorld]
        const own = yield* enqueuedOne(world.dispatch())
        const elsewhere = yield* enqueuedOne({
          ...world.dispatch(),
          subject: {
            ...other.dispatch().subject,
            operationType: world.operationType
          }
        })
        for (const scope of scopesOf(world)) {
          yield* pauses.pause(pauseOf(world, scope))
          const left = scope.workspaceId === null ? [] : idsOf([elsewhere])
          for (const order of ["oldest", "fair"] as const) {
            assert.deepStrictEqual(yield* heldNext(claimOf(world, { order })), left)
          }
          const delivered = yield* queue.holdThese([own.dispatch.id, elsewhere.dispatch.id])
          assert.deepStrictEqual(idsOf(delivered.runs), left)
          assert.strictEqual(yield* queue.countActive([world.operationType]), left.length)
          assert.deepStrictEqual(yield* store.find(own.dispatch.id), own)
          assert.deepStrictEqual(yield* resumed(world, scope), pauseOf(world, scope))
          assert.sameMembers([...(yield* heldNext(claimOf(world)))], idsOf([own, elsewhere]))
        }
      })
    )

    it.effect("of several pauses each holds on its own", () =>
      Effect.gen(function* () {
        const world = yield* makeWorld
        yield* enqueuedOne(world.dispatch())
        const [first, ...others] = scopesOf(world)
        assert(first)
        for (const scope of scopesOf(world)) yield* (yield* Pauses).pause(pauseOf(world, scope))
        assert.strictEqual((yield* listed(world)).length, 3)
        for (const scope of others) {
          yield* resumed(world, scope)
          assert.deepStrictEqual(yield* heldNext(claimOf(world)), [])
        }
        yield* resumed(world, first)
        assert.strictEqual((yield* heldNext(claimOf(world))).length, 1)
      })
    )

    it.effect("a pause of what is paused and a resume of what is not change nothing, and say so", () =>
      Effect.gen(function* () {
        const pauses = yield* Pauses
        const world = yield* makeWorld
        for (const scope of scopesOf(world)) {
          assert.isNull(yield* resumed(world, scope))
          const pause = pauseOf(world, scope)
          assert.deepStrictEqual(yield* pauses.pause(pause), { pause, wasPaused: false })
          const again = pauseOf(world, scope, { by: "somebody else", reason: "?", sinceMillis: world.atMillis + 1 })
          assert.deepStrictEqual(yield* pauses.pause(again), { pause, wasPaused: true })
          assert.deepStrictEqual(yield* listed(world), [pause])
          yield* resumed(world, scope)
          assert.deepStrictEqual(yield* listed(world), [])
        }
      })
    )

    it.effect("lists the oldest pause first", () =>
      Effect.gen(function* () {
        const world = yield* makeWorld
        const late = scopesOf(world).map((scope, n) => pauseOf(world, scope, { sinceMillis: world.atMillis - n }))
        for (const pause of late) yield* (yield* Pauses).pause(pause)
        assert.deepStrictEqual(yield* listed(world), late.toReversed())
        for (const scope of scopesOf(world)) yield* resumed(world, scope)
      })
    )

    it.effect("work that runs goes on", () =>
      Effect.gen(function* () {
        const world = yield* makeWorld
        const queued = yield* enqueuedOne(world.dispatch())
        for (const scope of scopesOf(world)) yield* (yield* Pauses).pause(pauseOf(world, scope))
        const running = asRunning(yield* moved(startStep(queued, world.atMillis), leaseAt(world.atMillis)))
        assert.strictEqual(yield* (yield* RunQueue).countActive([world.operationType]), 1)
        yield* moved(succeedStep(running, world.atMillis))
        for (const scope of scopesOf(world)) yield* resumed(world, scope)
      })
    )

    it.effect("a resume wakes who waits", () =>
      Effect.gen(function* () {
        const queue = yield* RunQueue
        const pauses = yield* Pauses
        const world = yield* makeWorld
        const [scope] = scopesOf(world)
        assert(scope)
        const woken = yield* Effect.forkChild(Stream.runHead(Stream.drop(queue.wakes, 1)))
        // Nobody can tell from outside when a listener has begun to listen: it is called until it hears.
        const calling = yield* Effect.forkChild(
          Effect.repeat(
            Effect.andThen(pauses.pause(pauseOf(world, scope)), resumed(world, scope)),
            Schedule.spaced("20 millis")
          )
        )
        assert.isTrue((yield* Fiber.join(woken).pipe(Effect.timeout("20 seconds")))._tag === "Some")
        yield* Fiber.interrupt(calling)
      })
    )
  })
