/** A clock that runs faster than the machine's: minutes of leases, back-offs and schedules pass in seconds, sleeps included. */
import { type Clock, Duration, Effect } from "effect"

/** This many times as fast, from now on. */
export const makeFastClock = (factor: number): Clock.Clock => {
  const beganMillis = Date.now()
  const beganNanos = process.hrtime.bigint()
  const passedNanos = () => (process.hrtime.bigint() - beganNanos) * BigInt(factor)
  const currentTimeMillisUnsafe = () => beganMillis + Number(passedNanos() / 1_000_000n)
  const currentTimeNanosUnsafe = () => BigInt(beganMillis) * 1_000_000n + passedNanos()
  return {
    currentTimeMillisUnsafe,
    currentTimeMillis: Effect.sync(currentTimeMillisUnsafe),
    currentTimeNanosUnsafe,
    currentTimeNanos: Effect.sync(currentTimeNanosUnsafe),
    monotonicTimeNanosUnsafe: passedNanos,
    monotonicTimeNanos: Effect.sync(passedNanos),
    sleep: (duration) =>
      Effect.callback<void>((resume) => {
        const timer = setTimeout(() => resume(Effect.void), Duration.toMillis(duration) / factor)
        return Effect.sync(() => clearTimeout(timer))
      })
  }
}
