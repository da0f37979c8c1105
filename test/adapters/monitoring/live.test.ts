/** How long a page changes while one looks. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import { html } from "../../../packages/adapters/src/monitoring/Html.ts"
import { liveStream, type Moment } from "../../../packages/adapters/src/monitoring/live.ts"

const OPTIONS = { pollMillis: 2_000, lastsMillis: 60_000 }

const same = Effect.succeed<Moment>({ main: html`<p>the same</p>`, isFinal: false })

const textOf = (moment: Effect.Effect<Moment | null, string>, untilMillis: number | null = null) =>
  Stream.mkString(Stream.decodeText(liveStream(moment, untilMillis, OPTIONS)))

/** Lets time pass, poll by poll: who is woken goes on before the next one. */
const pass = (polls: number) =>
  Effect.repeat(Effect.andThen(TestClock.adjust(OPTIONS.pollMillis), Effect.yieldNow), { times: polls })

/** A clock that is set back by a day after each look at it; sleeps go on as they do on a machine whose clock is set. */
const setBack = Effect.map(Clock.Clock, (steady): Clock.Clock => {
  let behindMillis = 0
  const nowMillis = () => {
    behindMillis += 86_400_000
    return steady.currentTimeMillisUnsafe() - behindMillis
  }
  return Object.assign(Object.create(steady), {
    currentTimeMillisUnsafe: nowMillis,
    currentTimeMillis: Effect.sync(nowMillis)
  })
})

describe("a live page", () => {
  it.effect("is sent when it changes, and asked for anew after its time", () =>
    Effect.gen(function* () {
      const reading = yield* Effect.forkChild(textOf(same))
      yield* pass(30)
      const text = yield* Fiber.join(reading)
      assert.strictEqual(text.match(/data: <p>the same<\/p>/g)?.length, 1)
      assert.include(text, ": still here")
    })
  )

  it.effect("ends after its time also while a clock is set back, and when what it reads does not answer", () =>
    Effect.gen(function* () {
      const back = yield* setBack
      const readings = [Effect.provideService(textOf(same), Clock.Clock, back), textOf(Effect.never)]
      const all = yield* Effect.forEach(readings, (reading) => Effect.forkChild(reading))
      yield* pass(30)
      yield* Fiber.joinAll(all)
    })
  )

  it.effect("says that it is over when the sign-in ends, and when its viewer may not see it any more", () =>
    Effect.gen(function* () {
      const signedOut = yield* Effect.forkChild(textOf(same, 3_000))
      yield* pass(2)
      assert.match(yield* Fiber.join(signedOut), /the same[\s\S]*Your sign-in has ended[\s\S]*event: gone/)
      assert.match(yield* textOf(Effect.succeed(null)), /You may not see it any more[\s\S]*event: gone/)
    })
  )

  it.effect("reads again what could not be read", () =>
    Effect.gen(function* () {
      let asked = 0
      const last = Effect.map(same, (moment) => ({ ...moment, isFinal: true }))
      const reading = yield* Effect.forkChild(textOf(Effect.suspend(() => (++asked < 3 ? Effect.fail("no") : last))))
      yield* pass(2)
      assert.match(yield* Fiber.join(reading), /^: still here\n\n: still here\n\ndata: <p>the same[\s\S]*event: gone/)
    })
  )
})
