/**
 * How much a limit may say at most. Beyond this it means nothing that a timer, a calendar or a stored integer could keep, and a mistake is
 * likelier than a wish: where it is said, it is refused.
 */

/** The longest that a program itself waits: what a timer holds, almost 25 days, in milliseconds. */
export const LONGEST_WAIT_MILLIS = 2 ** 31 - 1

/** The longest span that is reckoned with: a hundred years, in milliseconds. Counted from any sane now, every store can say its end. */
export const LONGEST_SPAN_MILLIS = 100 * 365 * 24 * 60 * 60 * 1000

/** The largest number of attempts, or of runs at once. */
export const LARGEST_COUNT = 1_000_000

/** The least and the most that a limit may be, both included. */
export interface Range {
  readonly least: number
  readonly most: number
}

/** What is wrong with a limit, such as `must be a whole number from 1 to 1000, is 0`; null when it is within the range. */
export const rangeProblem = (value: unknown, { least, most }: Range): string | null =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most
    ? null
    : `must be a whole number from ${least} to ${most}, is ${String(value)}`
