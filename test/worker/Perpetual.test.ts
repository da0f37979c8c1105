/** Background work that nothing stops but its scope. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Ref } from "effect"
import { TestClock } from "effect/testing"
import { perpetually, untilDone } from "../../packages/worker/src/Perpetual.ts"
import { silent } from "./support/silent.ts"

/** Counts its calls and ends each as told. */
const turning = Effect.fnUntraced(function* (end: (call: number) => Effect.Effect<unknown, unknown>) {
  const calls = yield* Ref.make(0)
  const turn = Effect.flatMap(
    Ref.updateAndGet(calls, (n) => n + 1),
    end
  )
  return { turn, calls: Ref.get(calls) }
})

describe("untilDone", () => {
  it.effect("answers with the first success, after as many failures as it takes", () =>
    silent(
      Effect.gen(function* () {
        const { turn, calls } = yield* turning((call) => (call < 5 ? Effect.fail("not yet") : Effect.succeed(call)))
        const fiber = yield* Effect.forkChild(untilDone("trying", turn))
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(yield* Fiber.join(fiber), 5)
        assert.strictEqual(yield* calls, 5)
      })
    )
  )

  for (const [trouble, end] of [
    ["a failure", Effect.fail("no")],
    ["a defect", Effect.die(new Error("broken"))],
    ["a turn that interrupts itself", Effect.interrupt]
  ] as const) {
    it.effect(`${trouble} is waited out and the turn made again`, () =>
      silent(
        Effect.gen(function* () {
          const { turn, calls } = yield* turning((call) => (call === 1 ? end : Effect.succeed("done")))
          const fiber = yield* Effect.forkChild(untilDone("trying", turn))
          yield* TestClock.adjust("1 second")
          assert.strictEqual(yield* calls, 2)
          assert.strictEqual(yield* Fiber.join(fiber), "done")
        })
      )
    )
  }

  it.effect("waits longer after each failure, never longer than ten seconds", () =>
    silent(
      Effect.gen(function* () {
        const { turn, calls } = yield* turning(() => Effect.fail("no"))
        yield* Effect.forkChild(untilDone("trying", turn))
        // 100, 200, 400, 800 ms at the most: four waits are over after 1.5 s.
        yield* TestClock.adjust(1_500)
        assert.isAtLeast(yield* calls, 5)
        assert.isAtMost(yield* calls, 6)
        yield* TestClock.adjust("10 minutes")
        const before = yield* calls
        yield* TestClock.adjust("100 seconds")
        // Between half of the longest wait and all of it.
        assert.isAtLeast((yield* calls) - before, 10)
        assert.isAtMost((yield* calls) - before, 21)
      })
    )
  )

  it.effect("outlasts ten thousand failures without growing", () =>
    silent(
      Effect.gen(function* () {
        const { turn } = yield* turning((call) => (call <= 10_000 ? Effect.die("no") : Effect.succeed(call)))
        const fiber = yield* Effect.forkChild(untilDone("trying", turn))
        yield* TestClock.adjust("2 days")
        assert.strictEqual(yield* Fiber.join(fiber), 10_001)
      })
    )
  )
})

describe("perpetually", () => {
  it.effect("goes on for ever, whatever happens to single turns", () =>
    silent(
      Effect.gen(function* () {
        const { turn, calls } = yield* turning((call) =>
          call % 3 === 0
            ? Effect.die("broken")
            : call % 5 === 0
              ? Effect.interrupt
              : call % 7 === 0
                ? Effect.fail("no")
                : Effect.sleep(10)
        )
        const fiber = yield* Effect.forkChild(perpetually("turning", turn))
        yield* TestClock.adjust("10 seconds")
        assert.isUndefined(fiber.pollUnsafe())
        assert.isAtLeast(yield* calls, 100)
      })
    )
  )

  it.effect("starts over with short waits after a turn that went well", () =>
    silent(
      Effect.gen(function* () {
        const { turn, calls } = yield* turning((call) => (call % 2 === 0 ? Effect.void : Effect.fail("no")))
        yield* Effect.forkChild(perpetually("turning", turn))
        yield* TestClock.adjust("10 seconds")
        // A wait of 100 ms at most for every second turn.
        assert.isAtLeast(yield* calls, 200)
      })
    )
  )

  it.effect("is stopped by interruption, in a turn and in a wait", () =>
    silent(
      Effect.gen(function* () {
        const hanging = yield* turning(() => Effect.never)
        const failing = yield* turning(() => Effect.fail("no"))
        for (const { turn, calls } of [hanging, failing]) {
          const fiber = yield* Effect.forkChild(perpetually("turning", turn))
          yield* TestClock.adjust(0)
          yield* Fiber.interrupt(fiber)
          const exit = yield* Fiber.await(fiber)
          assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
          const before = yield* calls
          yield* TestClock.adjust("1 hour")
          assert.strictEqual(yield* calls, before)
        }
      })
    )
  )
})
