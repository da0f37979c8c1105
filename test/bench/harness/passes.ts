/** Timing something short, many times over. */
import { collectGarbage } from "./memory.ts"

/** Goes through all cases once and says how many were denied, so that nothing can be left out as unused. */
export type Pass = () => number

/** How many cases there are, and how many of them are denied. */
export interface Expected {
  readonly cases: number
  readonly denied: number
}

/**
 * Nanoseconds for one case, in the middle one of so many passes: the machine does other things during some of them. Fails when a pass does
 * not deny as many as expected.
 */
export const nanosecondsOf = (pass: Pass, passes: number, { cases, denied }: Expected): number => {
  collectGarbage()
  const millis: Array<number> = []
  for (let count = 0; count < passes; count++) {
    const begun = performance.now()
    const answer = pass()
    millis.push(performance.now() - begun)
    if (answer !== denied) throw new Error("the same snapshots gave other answers")
  }
  const middle = millis.sort((a, b) => a - b)[passes >> 1]
  if (middle === undefined) throw new RangeError("no passes")
  return (middle * 1e6) / cases
}
