/**
 * Ranges of run ids. An id begins with the milliseconds of its dispatch, so that a time, and the beginning of an id, are both a
 * range of ids: what a store finds without looking at anything else.
 *
 * Contract section 9.
 */
import { RunId } from "./Ids.ts"

/** All ids from `from` to `to`, both included. */
export interface RunIdRange {
  readonly from: RunId
  readonly to: RunId
}

const MILLIS_DIGITS = 12
const LATEST_MILLIS = 0xffff_ffff_ffff

const first = (time: string): RunId => RunId.make(`${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`)
const last = (time: string): RunId => RunId.make(`${time.slice(0, 8)}-${time.slice(8)}-7fff-bfff-ffffffffffff`)

const timeOf = (millis: number): string =>
  Math.min(LATEST_MILLIS, Math.max(0, Math.trunc(millis)))
    .toString(16)
    .padStart(MILLIS_DIGITS, "0")

/** The ids made from the first of these instants to the second, both included; epoch milliseconds. */
export const idsOfTime = (fromMillis: number, toMillis: number = LATEST_MILLIS): RunIdRange => ({
  from: first(timeOf(fromMillis)),
  to: last(timeOf(toMillis))
})

/** When a run's id was made, epoch milliseconds. */
export const millisOfId = (id: RunId): number => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)

const PATTERN = "00000000-0000-7000-8000-000000000000"
const LOWEST = "00000000-0000-7000-8000-000000000000"
const HIGHEST = "ffffffff-ffff-7fff-bfff-ffffffffffff"

/** The ids that begin like this, in either case; null when no run's id does. */
export const idsWithPrefix = (prefix: string): RunIdRange | null => {
  const begin = prefix.trim().toLowerCase()
  if (begin === "" || begin.length > PATTERN.length) return null
  const from = begin + LOWEST.slice(begin.length)
  const to = begin + HIGHEST.slice(begin.length)
  return isRunId(from) && isRunId(to) ? { from, to } : null
}

const RUN_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const isRunId = (text: string): text is RunId => RUN_ID.test(text)

/** What is in both ranges; it is empty when its `from` lies after its `to`. */
export const intersectionOf = (one: RunIdRange, other: RunIdRange): RunIdRange => {
  const isEarlier = one.from < other.from
  const endsEarlier = one.to < other.to
  return { from: (isEarlier ? other : one).from, to: (endsEarlier ? one : other).to }
}
