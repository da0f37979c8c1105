/**
 * Where the laws are tried: on representatives of the whole fact space, and on cases found by chance.
 */
import { decide, type Snapshot } from "@countersign/domain"
import fc from "fast-check"
import { caseAt, dimensionSizes, explore, type Positions } from "../reference/factSpace.ts"
import { effort } from "./effort.ts"

const collect = (): ReadonlyArray<Positions> => {
  const found: Array<Positions> = []
  let visit = 0
  explore((snapshot, sample) => {
    decide(snapshot)
    visit += 1
    if (visit % effort.representatives === 0) found.push(sample(visit))
  }, effort.changesForLaws)
  return found
}

let collected: ReadonlyArray<Positions> | undefined

/**
 * Does it for many ways through the decision: those that up to six things out of order lead to, with anything at all in the facts
 * that are not read there.
 */
export const forRepresentatives = (act: (snapshot: Snapshot) => void): number => {
  collected ??= collect()
  for (const positions of collected) act(caseAt(positions))
  return collected.length
}

/** Cases in which most facts are in order, so that allowed ones and those that lack little are frequent. Shrinks towards allowed. */
export const anyCase: fc.Arbitrary<Snapshot> = fc
  .tuple(
    ...dimensionSizes.map((size) =>
      fc.oneof({ weight: 7, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(size - 1) })
    )
  )
  .map(caseAt)

/** Tries a law on both. A failure found by chance prints its seed and path: put them into `parameters` to see it again. */
export const always = (holds: (snapshot: Snapshot) => void, parameters: fc.Parameters<[Snapshot]> = {}) => {
  forRepresentatives(holds)
  fc.assert(fc.property(anyCase, holds), { numRuns: effort.runs(2_000), ...parameters })
}
