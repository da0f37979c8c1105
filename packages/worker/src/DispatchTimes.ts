/**
 * When a dispatched run may first be taken, and when it is given up if it still waits.
 *
 * Contract sections 3 and 8.
 */
import { Result } from "effect"
import { DispatchRefused, type RequestedTerms } from "./DispatchRequest.ts"

/** The two instants a dispatch fixes, in epoch milliseconds. */
export interface DispatchTimes {
  readonly availableAtMillis: number
  readonly expiresAtMillis: number
}

/** The first and the last millisecond of the years 1 to 9999: what every store can say. */
const FIRST_MILLIS = Date.parse("0001-01-01T00:00:00.000Z")
/** The last instant that every store can say, in epoch milliseconds. */
export const LAST_MILLIS = Date.parse("9999-12-31T23:59:59.999Z")

const refuse = (advice: string) => Result.fail(new DispatchRefused({ reason: "time_invalid", advice }))

/** The times asked for, or at once and for as long as the operation lets its runs wait. */
export const timesOf = (
  { availableAtMillis, expiresAtMillis }: RequestedTerms,
  queuedLimitMillis: number,
  nowMillis: number
): Result.Result<DispatchTimes, DispatchRefused> =>
  // Only what is left out has a default: null is what a caller without types makes of a broken date.
  Result.flatMap(
    instant("availableAtMillis", availableAtMillis === undefined ? nowMillis : availableAtMillis),
    (at) => {
      const latest = Math.max(at, nowMillis)
      const limit = Math.min(latest + queuedLimitMillis, LAST_MILLIS)
      const expires = instant("expiresAtMillis", expiresAtMillis === undefined ? limit : expiresAtMillis)
      return Result.flatMap(expires, (until) =>
        until <= latest
          ? refuse("expiresAtMillis must lie after now, and after availableAtMillis: the run could never start")
          : Result.succeed({ availableAtMillis: at, expiresAtMillis: until })
      )
    }
  )

const instant = (name: string, atMillis: number): Result.Result<number, DispatchRefused> =>
  Number.isSafeInteger(atMillis) && atMillis >= FIRST_MILLIS && atMillis <= LAST_MILLIS
    ? Result.succeed(atMillis)
    : refuse(`${name} must be whole epoch milliseconds of a year up to 9999, is ${String(atMillis)}`)
