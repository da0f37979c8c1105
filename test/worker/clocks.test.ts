/** Clocks that jump, by hours, in both directions: what is dispatched, held, retried or worked on still reaches its end, once. */
import { isCompleted, type RunId } from "@countersign/domain"
import { AttemptFailed, Countersign, Handler, inventorySync } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Ref } from "effect"
import {
  actionsOf,
  dispatchSync,
  dispatchSyncs,
  find,
  freshScope,
  layerBench,
  pass,
  settleDown,
  startWorker
} from "./support/bench.ts"
import { Trouble } from "./support/unruly.ts"
import { byAda, settle } from "./support/world.ts"

const HOUR_MILLIS = 3_600_000

/** A wall clock that can be set; sleeps go on as they do on a machine whose clock is set. */
const makeWallClock = Effect.map(Clock.Clock, (steady) => {
  let offsetMillis = 0
  const offsetNanos = () => BigInt(offsetMillis) * 1_000_000n
  // The test's clock in all else, so that tests can let time pass.
  const clock: Clock.Clock = Object.assign(Object.create(steady), {
    currentTimeMillisUnsafe: () => steady.currentTimeMillisUnsafe() + offsetMillis,
    currentTimeMillis: Effect.sync(() => steady.currentTimeMillisUnsafe() + offsetMillis),
    currentTimeNanosUnsafe: () => steady.currentTimeNanosUnsafe() + offsetNanos(),
    currentTimeNanos: Effect.sync(() => steady.currentTimeNanosUnsafe() + offsetNanos())
  })
  return { clock, jump: (millis: number) => Effect.sync(() => (offsetMillis += millis)) }
})

/** Each test as the worker sees it: under a clock of its own. */
const underWallClock = <A, E, R>(test: (jump: (millis: number) => Effect.Effect<unknown>) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(makeWallClock, ({ clock, jump }) =>
    test(jump).pipe(Effect.provide(layerBench), Effect.provideService(Clock.Clock, clock))
  )

const DIRECTIONS = [
  ["back", -5 * HOUR_MILLIS],
  ["forward", 5 * HOUR_MILLIS]
] as const

describe("a clock that jumps by hours", () => {
  for (const [direction, jumpMillis] of DIRECTIONS) {
    it.effect(`${direction} while work is done: all of it ends, what was started in time is told of once`, () =>
      underWallClock((jump) =>
        Effect.gen(function* () {
          yield* settle
          const attempts = yield* Ref.make(new Map<RunId, number>())
          const handler = Handler.make(inventorySync, (_, { runId }) =>
            Effect.gen(function* () {
              const count = ((yield* Ref.get(attempts)).get(runId) ?? 0) + 1
              yield* Ref.update(attempts, (all) => new Map(all).set(runId, count))
              yield* Effect.sleep(2_000)
              if (count === 1) return yield* new AttemptFailed({ code: "busy", message: "Busy.", retry: true })
              return { items: count }
            })
          )
          yield* startWorker([handler], { leaseMillis: 30_000, concurrency: 5 })
          const before = yield* dispatchSyncs(10)
          yield* pass(1_000)
          yield* jump(jumpMillis)
          yield* pass(1_000)
          const after = yield* dispatchSyncs(5)
          yield* pass(60_000)
          for (const id of after) assert.strictEqual((yield* find(id))._tag, "Succeeded")
          // What was put off by the clock as it was is due when it shows that time again.
          yield* pass(Math.max(0, -jumpMillis), 60_000)
          yield* pass(120_000, 1_000)
          for (const id of before) {
            const run = yield* find(id)
            assert.strictEqual(run._tag, "Succeeded")
            const actions = yield* actionsOf(id)
            assert.strictEqual(actions.filter((action) => action === "run.succeeded").length, 1)
          }
        })
      )
    )

    it.effect(`${direction} while a workspace is passed over, or the store is away: nobody is left out for hours`, () =>
      underWallClock((jump) =>
        Effect.gen(function* () {
          yield* settle
          const trouble = yield* Trouble
          const handler = Handler.make(inventorySync, () => Effect.succeed({ items: 1 }))
          yield* startWorker([handler])
          trouble.beforeStore = ({ operation }) =>
            operation === "holdNext" ? Effect.die(new Error("away")) : Effect.void
          const id = yield* dispatchSync
          yield* pass(500)
          yield* jump(jumpMillis)
          trouble.beforeStore = () => Effect.void
          const fresh = yield* dispatchSync
          yield* pass(20_000)
          assert.strictEqual((yield* find(fresh))._tag, "Succeeded")
          yield* pass(Math.max(0, -jumpMillis), 60_000)
          yield* pass(10_000)
          assert.strictEqual((yield* find(id))._tag, "Succeeded")
        })
      )
    )

    it.effect(`${direction}: a run that waits for too long is given up in the end, and cancelling it works`, () =>
      underWallClock((jump) =>
        Effect.gen(function* () {
          yield* settle
          const gate = yield* Countersign
          const expiresAtMillis = (yield* Clock.currentTimeMillis) + HOUR_MILLIS
          const request = { ...byAda, operation: inventorySync, expiresAtMillis }
          const waiting = yield* gate.dispatch({ ...request, payload: freshScope() })
          const called = yield* gate.dispatch({ ...request, payload: freshScope() })
          yield* jump(jumpMillis)
          const cancelled = yield* gate.cancel(called.run.dispatch.id, { kind: "system", id: null })
          assert.strictEqual(cancelled._tag, "Cancelled")
          yield* startWorker<never>([])
          yield* pass(Math.max(0, -jumpMillis) + 2 * HOUR_MILLIS, 600_000)
          yield* settleDown
          const ended = yield* find(waiting.run.dispatch.id)
          assert.isTrue(isCompleted(ended))
          assert.strictEqual(ended._tag === "Failed" ? ended.failure.code : ended._tag, "run.stale_queued")
        })
      )
    )
  }
})
